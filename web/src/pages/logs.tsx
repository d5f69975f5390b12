/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { useGet } from '../api/hooks';
import type { Node, Page } from '../api/types';
import { LogView } from '../ui/log-view';
import { Icon } from '../ui/icon';
import { Head } from '../ui/panel';
import { Btn } from '../ui/button';

const route = getRouteApi('/app/logs');

export function Logs() {
	const { t } = useI18n();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const nodes = useGet<Page<Node>>('/nodes', { limit: 500, sort: 'name' });
	const [draft, setDraft] = useState(search.text ?? '');
	const list = nodes.data?.items ?? [];
	const node = list.find((n) => n.name === search.node || n.id === search.node);
	const services = [...new Set((node ? [node] : list).flatMap((n) => n.services.map((s) => s.name)))].sort();
	const set = (next: Record<string, string | undefined>) => void navigate({ search: (s) => ({ ...s, ...next }), replace: true });
	return (
		<>
			<Head title={t('nav.logs')} why={t('logs.why')} />
			<div className="stack">
				<form
					className="query"
					role="search"
					onSubmit={(e) => {
						e.preventDefault();
						set({ text: draft.trim() || undefined });
					}}
				>
					<Icon id="search" />
					<select className="pick" aria-label={t('nav.node')} value={node?.name ?? search.node ?? ''} onChange={(e) => set({ node: e.target.value || undefined })}>
						<option value="">{t('logs.allNodes')}</option>
						{search.node && !node && <option>{search.node}</option>}
						{list.map((n) => (
							<option key={n.id}>{n.name}</option>
						))}
					</select>
					<select className="pick" aria-label={t('common.service')} value={search.service ?? ''} onChange={(e) => set({ service: e.target.value || undefined })}>
						<option value="">{t('logs.allServices')}</option>
						{search.service && !services.includes(search.service) && <option>{search.service}</option>}
						{services.map((s) => (
							<option key={s}>{s}</option>
						))}
					</select>
					<input type="text" aria-label={t('logs.search')} placeholder={t('logs.search')} value={draft} onChange={(e) => setDraft(e.target.value)} />
					<Btn small type="submit">
						{t('action.search')}
					</Btn>
				</form>
				<LogView node={search.node} service={search.service} text={search.text} names={Object.fromEntries(list.map((n) => [n.id, n.name]))} />
			</div>
		</>
	);
}
