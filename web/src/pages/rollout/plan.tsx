/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import type { Translate } from '../../i18n';
import { num } from '../../i18n/format';
import type { Plan, PlanService } from '../../api/types';
import { bytes } from '../../lib/time';
import { lookup, nodeLooks } from '../../lib/states';
import { Btn } from '../../ui/button';
import { Glyph } from '../../ui/icon';
import { Panel } from '../../ui/panel';
import { St } from '../../ui/status';

const blockedLook = { glyph: 'fail', tone: 'crit', key: 'plan.blocked' } as const;

type PlanNode = Plan['nodes'][number];

function serviceWords(s: PlanService, t: Translate): string {
	const parts: string[] = [];
	const arrow = (from: string | null, to: string | null) => `${from ?? '–'} → ${to ?? '–'}`;
	const version = (no: number | string | null) => (no === null || no === 0 ? null : `v${no}`);
	if (s.package && s.package.from !== s.package.to) parts.push(arrow(s.package.from, s.package.to));
	if (s.config && s.config.from !== s.config.to) parts.push(`${t('node.config')} ${arrow(version(s.config.from), version(s.config.to))}`);
	for (const f of s.config?.files ?? []) if (f.change !== 'same') parts.push(`${f.path} (${f.change})`);
	const how = s.restart ? t('plan.restarts') : s.reload ? t('plan.reloads') : s.remove ? t('plan.removed') : s.stop ? t('plan.stops') : '';
	return `${s.service}: ${[...parts, how].filter(Boolean).join(', ')}`;
}

/** Nodes by what would happen to them, so that the one that is different is not lost among the many. */
export function groupPlan(nodes: PlanNode[], t: Translate): { key: string; kind: 'change' | 'same' | 'blocked'; words: string; nodes: PlanNode[] }[] {
	const out = new Map<string, { key: string; kind: 'change' | 'same' | 'blocked'; words: string; nodes: PlanNode[] }>();
	for (const n of nodes) {
		const words = n.blocked ?? n.services.map((s) => serviceWords(s, t)).join('; ');
		const kind = n.blocked ? 'blocked' : n.same || n.services.length === 0 ? 'same' : 'change';
		const key = `${kind} ${words}`;
		const found = out.get(key);
		if (found) found.nodes.push(n);
		else out.set(key, { key, kind, words: words || t('plan.same'), nodes: [n] });
	}
	return [...out.values()].sort((a, b) => b.nodes.length - a.nodes.length);
}

export function PlanPreview({ plan }: { plan: Plan }) {
	const { t } = useI18n();
	const [all, setAll] = useState(false);
	const c = plan.counts;
	const groups = groupPlan(plan.nodes, t);
	const shown = all ? plan.nodes : plan.nodes.slice(0, 20);
	const fetched = plan.nodes.reduce((sum, n) => sum + (n.fetch_bytes || 0), 0);
	return (
		<Panel
			title={t('plan.result')}
			actions={<span className="t12 dimmer num">{t('plan.fetches', { size: bytes(fetched) })} · <code>{plan.plan_hash.replace('sha256:', '').slice(0, 12)}</code></span>}
			footer={
				plan.nodes.length > shown.length ? (
					<Btn small onClick={() => setAll(true)}>
						{t('plan.showAll', { n: plan.nodes.length })}
					</Btn>
				) : undefined
			}
		>
			<div className="body row wrap gap4" data-testid="plan-counts">
				<span>
					<b className="num">{num(c.nodes)}</b> {t('plan.count.nodes', { n: c.nodes })}
				</span>
				<span>
					<b className="num">{num(c.change)}</b> {t('plan.count.change', { n: c.change })}
				</span>
				<span>
					<b className="num">{num(c.same)}</b> {t('plan.count.same')}
				</span>
				<span className={c.blocked > 0 ? 'bad' : undefined}>
					<b className="num">{num(c.blocked)}</b> {t('plan.count.blocked')}
				</span>
				<span>
					<b className="num">{num(c.offline)}</b> {t('plan.count.offline')}
				</span>
				<span className="dimmer">
					{t('plan.count.waves', { n: plan.waves.length })}: {plan.waves.map((w) => num(w.size)).join(' · ')}
				</span>
			</div>
			<ul className="list bordered">
				{groups.slice(0, 8).map((g) => (
					<li key={g.key}>
						<Glyph id={g.kind === 'blocked' ? 'fail' : g.kind === 'same' ? 'skip' : 'prog'} tone={g.kind === 'blocked' ? 'crit' : g.kind === 'same' ? 'off' : 'prog'} />
						<span className="what">{g.words}</span>
						<span className="sub">{g.nodes.slice(0, 5).map((n) => n.name).join(', ')}{g.nodes.length > 5 ? ` +${g.nodes.length - 5}` : ''}</span>
						<span className="go num strong">{t('configs.nodes', { n: g.nodes.length })}</span>
					</li>
				))}
			</ul>
			<div className="tablewrap" tabIndex={0} role="region" aria-label={t('plan.result')}>
				<table className="t">
					<thead>
						<tr>
							<th>{t('nav.node')}</th>
							<th>{t('nodes.status')}</th>
							<th className="r">{t('rollout.wave')}</th>
							<th className="p2">{t('rollouts.changes')}</th>
							<th className="p2 r">{t('plan.fetch')}</th>
						</tr>
					</thead>
					<tbody>
						{shown.map((n) => (
							<tr key={n.node}>
								<td className="name-cell">
									<Link className="name" to="/nodes/$id" params={{ id: n.name }}>
										{n.name}
									</Link>
									<span className="sub">{n.blocked ?? n.services.map((s) => serviceWords(s, t)).join('; ')}</span>
								</td>
								<td>{n.blocked ? <St look={blockedLook} title={n.blocked} /> : <St look={lookup(nodeLooks, n.status)} />}</td>
								<td className="r num">{n.wave || '–'}</td>
								<td className="p2 dim clip wide-cell" title={n.blocked ?? undefined}>
									{n.blocked ?? (n.services.map((s) => serviceWords(s, t)).join('; ') || t('plan.same'))}
								</td>
								<td className="p2 r num dim">{n.fetch_bytes ? bytes(n.fetch_bytes) : '–'}</td>
							</tr>
						))}
					</tbody>
				</table>
			</div>
		</Panel>
	);
}
