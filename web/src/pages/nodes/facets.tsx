/* SPDX-License-Identifier: Apache-2.0 */
import { useMemo } from 'react';
import { useI18n } from '../../i18n';
import { num } from '../../i18n/format';
import { useGet } from '../../api/hooks';
import type { Overview } from '../../api/types';
import { parseQuery, toggleStatus, withTerm, withoutTerm } from '../../lib/selector';
import { lookup, nodeLooks, nodeOrder } from '../../lib/states';
import { Glyph } from '../../ui/icon';

/** Statuses and the most common label values of the fleet; one click adds or drops the term. */
export function Facets({ q, onChange }: { q: string; onChange: (q: string) => void }) {
	const { t } = useI18n();
	const overview = useGet<Overview>('/overview');
	const chosen = parseQuery(q);
	const labels = useMemo(() => {
		const out = new Map<string, Map<string, number>>();
		for (const node of overview.data?.map ?? []) {
			for (const [key, value] of Object.entries(node.labels ?? {})) {
				const values = out.get(key) ?? new Map<string, number>();
				values.set(value, (values.get(value) ?? 0) + 1);
				out.set(key, values);
			}
		}
		return [...out.entries()]
			.map(([key, values]) => ({ key, values: [...values.entries()].sort((a, b) => b[1] - a[1]) }))
			.filter((f) => f.values.length <= 40)
			.sort((a, b) => (a.key === 'site' ? -1 : b.key === 'site' ? 1 : a.key.localeCompare(b.key)))
			.slice(0, 4);
	}, [overview.data]);
	return (
		<nav className="facets" aria-label={t('nodes.facets')}>
			<div>
				<h2>{t('nodes.status')}</h2>
				{nodeOrder.map((s) => {
					const look = lookup(nodeLooks, s);
					return (
						<button type="button" key={s} aria-pressed={chosen.status.includes(s)} onClick={() => onChange(toggleStatus(q, s))}>
							<Glyph id={look.glyph} tone={look.tone} />
							<span className="clip">{t(look.key)}</span>
							<span className="num">{num(overview.data?.nodes[s] ?? 0)}</span>
						</button>
					);
				})}
			</div>
			{labels.map((f) => (
				<div key={f.key}>
					<h2 className="mono">{f.key}</h2>
					{f.values.slice(0, 6).map(([value, n]) => {
						const term = `${f.key}=${value}`;
						const on = chosen.selector.split(',').includes(term);
						return (
							<button type="button" key={value} aria-pressed={on} onClick={() => onChange(on ? withoutTerm(q, term) : withTerm(q, term))}>
								<span className="clip">{value}</span>
								<span className="num">{num(n)}</span>
							</button>
						);
					})}
				</div>
			))}
		</nav>
	);
}
