/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { useGet } from '../api/hooks';
import type { Explain, Node } from '../api/types';
import { driftLook, lookup, nodeLooks } from '../lib/states';
import { useCan } from '../app/session';
import { Btn } from '../ui/button';
import { Loaded } from '../ui/feedback';
import { Icon } from '../ui/icon';
import { Head } from '../ui/panel';
import { Badge } from '../ui/status';
import { Since, When } from '../ui/when';
import { LogView } from '../ui/log-view';
import { EditNode, RetireNode } from './node/dialogs';
import { DesiredConfig } from './node/config';
import { ServiceCards } from './node/services';
import { DesiredReported } from './node/desired';
import { Identity } from './node/identity';
import { Timeline } from './node/timeline';
import { NodeVariables } from './node/variables';

const route = getRouteApi('/app/nodes/$id');
const tabs = ['overview', 'config', 'logs', 'events', 'variables'] as const;

function Why({ node }: { node: Node }) {
	const { t, say } = useI18n();
	const explain = useGet<Explain>(`/nodes/${node.id}/explain`);
	return (
		<span data-testid="why">
			{say(explain.data?.text || node.reason || t('node.noReason'))}{' '}
			{explain.data?.waits_for && <>{t('node.waitsFor', { what: say(explain.data.waits_for) })} </>}
			{node.status_since && (
				<span className="dimmer">
					{t('common.since')} <When at={node.status_since} /> (<Since at={node.status_since} />)
				</span>
			)}
		</span>
	);
}

function Content({ node, tab, service }: { node: Node; tab: (typeof tabs)[number]; service?: string }) {
	if (tab === 'config') return <DesiredConfig node={node} />;
	if (tab === 'logs') return <LogView node={node.name} service={service} services={node.services.map((s) => s.name)} />;
	if (tab === 'events') return <Timeline node={node} limit={100} />;
	if (tab === 'variables') return <NodeVariables node={node} />;
	return (
		<div className="stack">
			<ServiceCards node={node} />
			<div className="grid-2">
				<div className="stack">
					<DesiredReported node={node} />
					<Identity node={node} />
				</div>
				<Timeline node={node} limit={12} />
			</div>
		</div>
	);
}

export function NodePage() {
	const { t } = useI18n();
	const { id } = route.useParams();
	const search = route.useSearch();
	const tab = tabs.find((x) => x === search.tab) ?? 'overview';
	const query = useGet<Node>(`/nodes/${encodeURIComponent(id)}`);
	const can = useCan('operator');
	const [dialog, setDialog] = useState<'' | 'edit' | 'retire'>('');
	const drifted = query.data?.services.filter((s) => s.drift).length ?? 0;
	return (
		<Loaded query={query} title={id}>
			{(node) => (
				<>
					<Head
						crumbs={[{ label: t('nav.nodes'), to: '/nodes' }, ...['site', 'line'].flatMap((k) => (node.labels?.[k] ? [{ label: node.labels[k] }] : [])), { label: node.name }]}
						title={node.name}
						badges={
							<>
								<Badge look={lookup(nodeLooks, node.status)} />
								{node.drift && <Badge look={driftLook}>{t('node.driftIn', { n: drifted })}</Badge>}
							</>
						}
						why={<Why node={node} />}
						actions={
							<>
								<Btn icon="tag" onClick={() => setDialog('edit')} aria-disabled={!can || undefined} title={can ? undefined : t('error.needsRole', { role: t('role.operator') })}>
									{t('node.edit')}
								</Btn>
								<Link className="btn" to="/rollouts/new" search={{ nodes: node.name }}>
									<Icon id="rollouts" />
									<span>{t('nodes.rollOut')}</span>
								</Link>
								<Btn kind="danger" onClick={() => setDialog('retire')} aria-disabled={!can || node.status === 'retired' || undefined}>
									{t('node.retire')}
								</Btn>
							</>
						}
					/>
					<nav className="tabs" aria-label={t('node.sections')}>
						{tabs.map((x) => (
							<Link key={x} to="/nodes/$id" params={{ id }} search={{ tab: x === 'overview' ? undefined : x }} aria-current={x === tab ? 'page' : undefined} activeOptions={{ exact: true, includeSearch: true }} replace>
								<span>{t(`node.tab.${x}`)}</span>
								{x === 'config' && drifted > 0 && <span className="count">{drifted}</span>}
							</Link>
						))}
					</nav>
					<Content node={node} tab={tab} service={search.service} />
					{dialog === 'edit' && <EditNode node={node} onClose={() => setDialog('')} />}
					{dialog === 'retire' && <RetireNode node={node} onClose={() => setDialog('')} />}
				</>
			)}
		</Loaded>
	);
}
