/* SPDX-License-Identifier: Apache-2.0 */
import { useMemo, useState } from 'react';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { num } from '../i18n/format';
import { usePages } from '../api/hooks';
import { apiUrl } from '../api/client';
import type { Node } from '../api/types';
import { parseQuery } from '../lib/selector';
import { useHeld } from '../lib/held';
import { Btn } from '../ui/button';
import { CopyBtn } from '../ui/copy';
import { Empty, Loaded } from '../ui/feedback';
import { Icon } from '../ui/icon';
import { Head } from '../ui/panel';
import { QueryBar } from '../ui/query-bar';
import { Facets } from './nodes/facets';
import { Peek } from './nodes/peek';
import { SelectionBar } from './nodes/selection';
import { NodesTable } from './nodes/table';

const route = getRouteApi('/app/nodes');

export function Nodes() {
	const { t } = useI18n();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const q = search.q ?? '';
	const sort = search.sort ?? 'name';
	const parsed = useMemo(() => parseQuery(q), [q]);
	const query = { selector: parsed.selector, status: parsed.status.join(','), text: parsed.text, sort };
	const pages = usePages<Node>('/nodes', { ...query, limit: 50 });
	const [selected, setSelected] = useState<Set<string>>(new Set());
	const [working, setWorking] = useState(false);
	const fresh = pages.data?.items ?? [];
	const held = useHeld(fresh, (n) => n.id, working && sort !== 'name', `${q} ${sort} ${fresh.length}`);
	const total = pages.data?.total ?? fresh.length;
	const bound = pages.data?.bound ?? false;
	const peeked = fresh.find((n) => n.name === search.node || n.id === search.node);

	/* A changed query drops the selection in the open: what is acted on is always what is shown. */
	const setQ = (value: string) => {
		setSelected(new Set());
		void navigate({ search: (s) => ({ ...s, q: value || undefined, node: undefined }) });
	};
	const peek = (node: Node | null) => void navigate({ search: (s) => ({ ...s, node: node?.name }), replace: true });

	return (
		<>
			<Head
				title={t('nav.nodes')}
				actions={
					<>
						<span className="only-wide">
							<CopyBtn kind="quiet" icon="api" label={t('action.copyApi')} text={`curl -H "Authorization: Bearer $MUSTER_TOKEN" "${location.origin}${apiUrl('/nodes', query)}"`} />
						</span>
						<Link className="btn primary" to="/enrol">
							<Icon id="plus" />
							<span>{t('nodes.enrol')}</span>
						</Link>
					</>
				}
			/>
			<div className="stack">
				<QueryBar value={q} onChange={setQ} label={t('nodes.filter')} placeholder={t('nodes.filterHint')} />
				<div className={peeked ? 'split' : 'split two'}>
					<Facets q={q} onChange={setQ} />
					<section className="panel" onPointerEnter={() => setWorking(true)} onPointerLeave={() => setWorking(false)}>
						{selected.size > 0 && <SelectionBar q={q} query={query} total={total} bound={bound} selected={selected} setSelected={setSelected} />}
						<Loaded query={pages}>
							{() =>
								held.items.length === 0 ? (
									<Empty title={q ? t('nodes.noMatch') : t('nodes.none')}>
										{q ? (
											<Btn small onClick={() => setQ('')}>
												{t('nodes.clearFilter')}
											</Btn>
										) : (
											<Link to="/enrol">{t('nodes.enrol')}</Link>
										)}
									</Empty>
								) : (
									<NodesTable nodes={held.items} total={total} sort={sort} onSort={(s) => void navigate({ search: (old) => ({ ...old, sort: s === 'name' ? undefined : s }) })} selected={selected} setSelected={setSelected} peeked={peeked?.id} onPeek={peek} />
								)
							}
						</Loaded>
						{held.items.length > 0 && (
							<footer>
								<span className="num">{t(bound ? 'nodes.rowsOfMore' : 'nodes.rows', { n: held.items.length, total })}</span>
								{pages.hasNextPage && (
									<Btn small busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
										{t('common.more')}
									</Btn>
								)}
								{held.waiting > 0 && (
									<>
										<Btn small onClick={() => setWorking(false)}>
											{t('nodes.updates', { n: held.waiting })}
										</Btn>
										<span className="only-wide">{t('nodes.held')}</span>
									</>
								)}
								<span className="grow" />
								<span className="only-wide">{t('nodes.keys', { n: num(total) })}</span>
							</footer>
						)}
					</section>
					{peeked && <Peek node={peeked} onClose={() => peek(null)} />}
				</div>
			</div>
		</>
	);
}
