/* SPDX-License-Identifier: Apache-2.0 */
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import type { ReactNode } from 'react';
import type { Node } from '../../api/types';
import { Glyph, Icon } from '../../ui/icon';
import { Panel } from '../../ui/panel';
import { versionText } from './services';

interface Row { key: string; item: ReactNode; desired: string; reported: string; differs: boolean; note?: ReactNode }

function rows(node: Node, words: { run: string; stop: string; edited: string }): Row[] {
	const out: Row[] = [];
	for (const s of node.services) {
		const want = s.desired;
		if (want?.package || s.package) {
			const a = versionText(want?.package);
			const b = versionText(s.package);
			out.push({ key: `${s.name}.package`, item: <span className="mono">{s.name}</span>, desired: want ? a : '–', reported: b, differs: !!want && a !== b });
		}
		if (want?.config || s.config) {
			const a = versionText(want?.config);
			const b = versionText(s.config);
			out.push({
				key: `${s.name}.config`,
				item: (
					<>
						<span className="mono">{s.name}</span> <span className="t12 dimmer">{s.drift ? (s.drift_files ?? []).join(', ') : ''}</span>
					</>
				),
				desired: want ? a : '–',
				reported: s.drift ? `${b} · ${words.edited}` : b,
				differs: (!!want && a !== b) || !!s.drift,
			});
		}
		if (want && want.run === false) out.push({ key: `${s.name}.run`, item: <span className="mono">{s.name}</span>, desired: words.stop, reported: s.run === false ? words.stop : words.run, differs: s.run !== false });
	}
	const g = [node.desired_generation, node.reported_generation].map((x) => (x ? String(x) : '–'));
	out.push({ key: 'generation', item: 'generation', desired: g[0], reported: g[1], differs: g[0] !== g[1] });
	return out;
}

/** What the node should run beside what it says that it runs. */
export function DesiredReported({ node }: { node: Node }) {
	const { t } = useI18n();
	const list = rows(node, { run: t('service.running'), stop: t('service.stopped'), edited: t('node.edited') });
	const drifted = node.services.find((s) => s.drift && (s.desired?.config ?? s.config));
	const config = drifted?.desired?.config ?? drifted?.config;
	const rollout = node.services.find((s) => s.desired?.rollout)?.desired?.rollout;
	return (
		<Panel
			title={t('node.desiredReported')}
			actions={
				drifted && config ? (
					<Link className="btn sm primary" to="/rollouts/new" search={{ nodes: node.name, service: drifted.name, config: config.name, version: String(config.version) }}>
						<Icon id="undo" />
						<span>{t('node.reapply', { what: versionText(config) })}</span>
					</Link>
				) : undefined
			}
			footer={
				<>
					<span>{list.some((r) => r.differs) ? t('node.differs') : t('node.same')}</span>
					{rollout && (
						<Link to="/rollouts/$id" params={{ id: rollout }}>
							{t('node.lastRollout')}
						</Link>
					)}
				</>
			}
		>
			<table className="dr" data-testid="desired">
				<thead>
					<tr>
						<th>{t('node.item')}</th>
						<th>{t('node.desired')}</th>
						<th>{t('node.reported')}</th>
					</tr>
				</thead>
				<tbody>
					{list.map((r) => (
						<tr key={r.key} className={r.differs ? 'differs' : undefined}>
							<th scope="row">
								<span className="row">
									{r.differs && <Glyph id="drift" tone="drift" />}
									<span>{r.item}</span>
								</span>
							</th>
							<td data-l={t('node.desired')}>
								<code>{r.desired}</code>
							</td>
							<td data-l={t('node.reported')}>
								<code>{r.reported}</code>
							</td>
						</tr>
					))}
				</tbody>
			</table>
		</Panel>
	);
}
