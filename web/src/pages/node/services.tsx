/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { num } from '../../i18n/format';
import { post } from '../../api/client';
import { useAct } from '../../api/hooks';
import type { Node, NodeService, ServiceProbe } from '../../api/types';
import { bytes } from '../../lib/time';
import { probeLooks, serviceLook, unknownLook } from '../../lib/states';
import { useCan } from '../../app/session';
import { Btn } from '../../ui/button';
import { FormDialog } from '../../ui/dialog';
import { Empty } from '../../ui/feedback';
import { Icon } from '../../ui/icon';
import { Badge, St } from '../../ui/status';
import { Since } from '../../ui/when';

export function versionText(v: { name: string; version: string | number } | null | undefined): string {
	if (!v) return '–';
	return typeof v.version === 'number' ? `${v.name} v${v.version}` : `${v.name} ${v.version}`;
}

/* The process itself says no more than the state does. */
function Probes({ probes }: { probes: ServiceProbe[] }) {
	const { t } = useI18n();
	const asked = probes.filter((p) => p.kind !== 'process');
	if (asked.length === 0) return null;
	return (
		<>
			<dt>{t('node.probes')}</dt>
			<dd>
				{asked.map((p, i) => (
					<div key={i}>
						<span className="mono">{p.kind === 'log' || !p.target ? p.kind : `${p.kind} ${p.target}`}</span>{' '}
						<St look={probeLooks[p.result] ?? unknownLook} />{' '}
						<span className="num t12 dimmer">
							{p.duration_us ? t('node.milliseconds', { n: num(p.duration_us / 1000, 1) }) : ''}
							{p.text ? ` · ${p.text}` : ''}
						</span>
					</div>
				))}
			</dd>
		</>
	);
}

function Card({ node, service }: { node: Node; service: NodeService }) {
	const { t } = useI18n();
	const can = useCan('operator');
	const [asking, setAsking] = useState(false);
	const restart = useAct(() => post(`/nodes/${node.id}/commands`, { kind: 'restart', service: service.name }), ['nodes'], () => setAsking(false));
	return (
		<section className="panel card" data-testid={`service-${service.name}`}>
			<div className="head2">
				<h2 className="mono">{service.name}</h2>
				<span className="t12 dimmer">{service.driver ?? ''}</span>
				<Badge look={serviceLook(service, node.status)} />
			</div>
			<div className="body">
				<dl className="kv">
					<dt>{t('common.version')}</dt>
					<dd className="num">{versionText(service.package)}</dd>
					<dt>{t('node.config')}</dt>
					<dd className="num">{service.config ? <Link to="/configs/$name" params={{ name: service.config.name }}>{versionText(service.config)}</Link> : '–'}</dd>
					<dt>{t('node.up')}</dt>
					<dd className="num">
						{service.pid ? (
							<>
								<Since at={service.since} /> · pid {service.pid}
							</>
						) : (
							service.reason || '–'
						)}
					</dd>
					<dt>{t('node.load')}</dt>
					<dd className="num">
						{service.cpu_percent !== null && service.cpu_percent !== undefined ? `${num(service.cpu_percent, 1)} % · ` : ''}
						{service.mem_bytes ? bytes(service.mem_bytes) : '–'}
					</dd>
					<dt>{t('node.restarts')}</dt>
					<dd className="num">{service.restarts ?? '–'}</dd>
					<Probes probes={service.probes ?? []} />
				</dl>
				{service.pid && service.reason ? <p className="t12 dimmer">{service.reason}</p> : null}
			</div>
			<footer>
				<Link className="btn sm quiet" to="/nodes/$id" params={{ id: node.name }} search={{ tab: 'logs', service: service.name }}>
					<Icon id="logs" />
					<span>{t('nav.logs')}</span>
				</Link>
				<Btn small kind="quiet" icon="restart" onClick={() => setAsking(true)} aria-disabled={!can || node.status === 'offline' || undefined} title={node.status === 'offline' ? t('node.offlineNoCommand') : undefined}>
					{t('nodes.restart')}
				</Btn>
			</footer>
			{asking && (
				<FormDialog title={t('node.restartTitle', { service: service.name, node: node.name })} submit={t('nodes.restartGo')} onClose={() => setAsking(false)} onSubmit={() => restart.mutate(undefined)} busy={restart.isPending} problem={restart.error}>
					<p className="dim">{t('node.restartWhy')}</p>
				</FormDialog>
			)}
		</section>
	);
}

export function ServiceCards({ node }: { node: Node }) {
	const { t } = useI18n();
	if (node.services.length === 0) {
		return (
			<section className="panel">
				<Empty title={t('node.noServices')}>
					<Link to="/rollouts/new" search={{ nodes: node.name }}>
						{t('node.firstRollout')}
					</Link>
				</Empty>
			</section>
		);
	}
	return (
		<div className="cards">
			{node.services.map((s) => (
				<Card key={s.name} node={node} service={s} />
			))}
		</div>
	);
}
