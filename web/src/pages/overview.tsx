/* SPDX-License-Identifier: Apache-2.0 */
import { useMemo, useState } from 'react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { num } from '../i18n/format';
import { useGet } from '../api/hooks';
import type { Overview as Data } from '../api/types';
import { auditWords } from '../lib/audit';
import { lookup, nodeLooks, nodeOrder } from '../lib/states';
import { Head, Panel } from '../ui/panel';
import { Empty, Loaded } from '../ui/feedback';
import { Seg } from '../ui/button';
import { Cells } from '../ui/cells';
import type { Cell } from '../ui/cells';
import { Flash } from '../ui/flash';
import { Glyph, Icon } from '../ui/icon';
import { St } from '../ui/status';
import { When } from '../ui/when';
import { FirstRun } from './enrol';

const shapes: Record<string, Cell['shape']> = { online: 'ok', warning: 'warn', critical: 'crit', offline: 'off', updating: 'prog', pending: 'pend', retired: 'pend' };

function Gauges({ data }: { data: Data }) {
	const { t } = useI18n();
	const n = data.nodes;
	const top = data.versions.slice(0, 4);
	const most = Math.max(1, ...top.map((v) => v.count));
	const share = (v: number) => (n.total > 0 ? num((100 * v) / n.total, 1) : '0');
	const notes: Record<string, string> = {
		online: t('overview.share', { p: share(n.online) }),
		warning: t('overview.noteWarning'),
		offline: t('overview.noteOffline'),
		updating: data.rollouts.running > 0 ? t('overview.noteRollouts', { n: data.rollouts.running }) : t('overview.noteNoRollout'),
		pending: t('overview.notePending'),
	};
	return (
		<section className="gauges" aria-label={t('overview.fleetStatus')} data-testid="gauges">
			{nodeOrder.map((s) => (
				<Link key={s} className="gauge" to="/nodes" search={{ q: `status:${s}` }}>
					<St look={lookup(nodeLooks, s)} />
					<Flash className="big" value={n[s]}>
						{num(n[s])}
					</Flash>
					<span className="t12 dimmer">{notes[s]}</span>
				</Link>
			))}
			<div className="gauge versions">
				<span className="t12 strong">{t('overview.versions')}</span>
				{top.length === 0 ? (
					<span className="t12 dimmer">{t('overview.noVersions')}</span>
				) : (
					<div className="bars">
						{top.map((v) => (
							<VersionBar key={v.package + v.version} label={`${v.package} ${v.version}`} count={v.count} most={most} />
						))}
					</div>
				)}
			</div>
		</section>
	);
}

function VersionBar({ label, count, most }: { label: string; count: number; most: number }) {
	return (
		<>
			<span className="mono clip" title={label}>
				{label}
			</span>
			<svg className="meter" viewBox="0 0 1000 6" preserveAspectRatio="none" aria-hidden="true">
				<rect className="f-cell" width={(1000 * count) / most} height="6" />
			</svg>
			<span className="num r dim">{num(count)}</span>
		</>
	);
}

function FleetMap({ data }: { data: Data }) {
	const { t } = useI18n();
	const navigate = useNavigate();
	const [table, setTable] = useState<'map' | 'table'>('map');
	const keys = useMemo(() => {
		const seen = new Map<string, number>();
		for (const node of data.map) for (const key of Object.keys(node.labels ?? {})) seen.set(key, (seen.get(key) ?? 0) + 1);
		return [...seen.entries()].sort((a, b) => b[1] - a[1]).map((e) => e[0]);
	}, [data.map]);
	const [chosen, setChosen] = useState('');
	const key = chosen || (keys.includes('site') ? 'site' : (keys[0] ?? ''));
	const groups = useMemo(() => {
		const out = new Map<string, Data['map']>();
		for (const node of data.map) {
			const name = key ? (node.labels?.[key] ?? '') : '';
			const list = out.get(name);
			if (list) list.push(node);
			else out.set(name, [node]);
		}
		return [...out.entries()].sort((a, b) => b[1].length - a[1].length);
	}, [data.map, key]);
	const counts = (nodes: Data['map']) => nodeOrder.map((s) => nodes.filter((n) => n.status === s).length);
	const label = (name: string, nodes: Data['map']) =>
		`${name || t('overview.unlabelled')}: ` + nodeOrder.map((s, i) => `${t(lookup(nodeLooks, s).key)} ${counts(nodes)[i]}`).join(', ');
	return (
		<Panel
			title={t('overview.map')}
			actions={
				<span className="row gap1 wrap">
					{keys.length > 0 && (
						<label className="row gap1 t12 dim">
							<span>{t('overview.groupBy')}</span>
							<select className="pick" value={key} onChange={(e) => setChosen(e.target.value)}>
								{keys.slice(0, 20).map((k) => (
									<option key={k}>{k}</option>
								))}
							</select>
						</label>
					)}
					<Seg label={t('overview.view')} value={table} onChange={setTable} options={[{ value: 'map', label: t('overview.asMap') }, { value: 'table', label: t('overview.asTable') }]} />
				</span>
			}
			footer={
				<>
					<span className="legend" role="group" aria-label={t('overview.legend')}>
						{nodeOrder.map((s) => (
							<Link key={s} className="btn sm quiet" to="/nodes" search={{ q: `status:${s}` }}>
								<Glyph id={lookup(nodeLooks, s).glyph} tone={lookup(nodeLooks, s).tone} />
								<span>{t(lookup(nodeLooks, s).key)}</span> <span className="num dimmer">{num(data.nodes[s])}</span>
							</Link>
						))}
					</span>
					<span className="only-wide">{t('overview.mapHint')}</span>
				</>
			}
		>
			{table === 'table' ? (
				<div className="tablewrap" tabIndex={0} role="region" aria-label={t('overview.map')}>
					<table className="t">
						<thead>
							<tr>
								<th>{key || t('overview.group')}</th>
								{nodeOrder.map((s) => (
									<th key={s} className="r">
										{t(lookup(nodeLooks, s).key)}
									</th>
								))}
							</tr>
						</thead>
						<tbody>
							{groups.map(([name, nodes]) => (
								<tr key={name}>
									<td>{name || t('overview.unlabelled')}</td>
									{counts(nodes).map((n, i) => (
										<td key={nodeOrder[i]} className="r num">
											{num(n)}
										</td>
									))}
								</tr>
							))}
						</tbody>
					</table>
				</div>
			) : (
				<div className="body">
					<div className="heat">
						{groups.map(([name, nodes]) => (
							<MapGroup key={name} name={name} nodes={nodes} label={label(name, nodes)} onOpen={(id) => void navigate({ to: '/nodes/$id', params: { id } })} />
						))}
					</div>
				</div>
			)}
		</Panel>
	);
}

function MapGroup({ name, nodes, label, onOpen }: { name: string; nodes: Data['map']; label: string; onOpen: (id: string) => void }) {
	const { t } = useI18n();
	const cells = useMemo<Cell[]>(() => nodes.map((n) => ({ shape: shapes[n.status] ?? 'pend', label: `${n.name}: ${t(lookup(nodeLooks, n.status).key)}` })), [nodes, t]);
	return (
		<figure>
			<figcaption>
				<span className="strong clip">{name || t('overview.unlabelled')}</span>
				<span className="num">{num(nodes.length)}</span>
			</figcaption>
			<Cells cells={cells} label={label} onOpen={(i) => onOpen(nodes[i].name)} />
		</figure>
	);
}

const targets: Record<string, { to: string; label: 'overview.openNode' | 'overview.openRollout' | 'overview.openAlert' | 'overview.openConfig' }> = {
	node: { to: '/nodes/', label: 'overview.openNode' },
	rollout: { to: '/rollouts/', label: 'overview.openRollout' },
	config: { to: '/configs/', label: 'overview.openConfig' },
};

function Attention({ data }: { data: Data }) {
	const { t, say } = useI18n();
	const tone = (a: Data['attention'][number]) =>
		a.kind === 'alert' ? (['crit', 'crit'] as const) : a.kind === 'rollout' ? (['pause', 'warn'] as const) : /offline$/.test(a.text) ? (['off', 'off'] as const) : /files differ/.test(a.text) ? (['drift', 'drift'] as const) : (['warn', 'warn'] as const);
	return (
		<Panel title={t('overview.attention')} actions={<span className="count">{data.attention.length}</span>}>
			{data.attention.length === 0 ? (
				<Empty title={t('overview.allWell')}>{t('overview.allWellDetail')}</Empty>
			) : (
				<ul className="list" data-testid="attention">
					{data.attention.map((a, i) => {
						const [glyph, color] = tone(a);
						const target = targets[a.object_kind];
						return (
							<li key={i}>
								<Glyph id={glyph} tone={color} />
								<span className="what">{say(a.text)}</span>
								<span className="sub">
									{a.since && (
										<>
											{t('common.since')} <When at={a.since} />
										</>
									)}
								</span>
								{target ? (
									<Link className="btn sm go" to={target.to + a.object_id}>
										{t(target.label)}
									</Link>
								) : a.object_kind === 'alert' ? (
									<Link className="btn sm go" to="/alerts" search={{ alert: a.object_id }}>
										{t('overview.openAlert')}
									</Link>
								) : null}
							</li>
						);
					})}
				</ul>
			)}
		</Panel>
	);
}

function Activity({ data }: { data: Data }) {
	const { t, has } = useI18n();
	return (
		<Panel title={t('overview.activity')} actions={<Link className="btn sm quiet" to="/audit">{t('nav.audit')}</Link>}>
			{data.activity.length === 0 ? (
				<Empty title={t('overview.noActivity')} />
			) : (
				<ul className="act">
					{data.activity.slice(0, 12).map((a) => (
						<li key={a.id}>
							<When at={a.at} style="clock" />
							<span>{auditWords(t, has, a)}</span>
						</li>
					))}
				</ul>
			)}
		</Panel>
	);
}

export function Overview() {
	const { t } = useI18n();
	const query = useGet<Data>('/overview');
	return (
		<Loaded query={query} title={t('nav.overview')}>
			{(data) =>
				data.nodes.total === 0 ? (
					<FirstRun />
				) : (
					<>
						<Head
							title={t('nav.overview')}
							why={
								data.attention.length > 0
									? t('overview.whyAttention', { nodes: data.nodes.total, n: data.attention.length })
									: t('overview.whyWell', { nodes: data.nodes.total, running: data.services.running, services: data.services.total })
							}
							actions={
								<Link className="btn" to="/enrol">
									<Icon id="plus" />
									<span>{t('nodes.enrol')}</span>
								</Link>
							}
						/>
						<div className="stack">
							<Gauges data={data} />
							<FleetMap data={data} />
							<div className="grid-2">
								<Attention data={data} />
								<Activity data={data} />
							</div>
						</div>
					</>
				)
			}
		</Loaded>
	);
}
