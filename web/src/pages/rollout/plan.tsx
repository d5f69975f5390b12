/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { num } from '../../i18n/format';
import { usePages } from '../../api/hooks';
import type { DiffFile, Plan, PlanFile, PlanGroup, PlanListed } from '../../api/types';
import { parseUnified } from '../../lib/diff';
import { comparePlans, groupWords } from '../../lib/plan';
import { bytes, duration } from '../../lib/time';
import { lookup, nodeLooks, rolloutLooks } from '../../lib/states';
import { Btn } from '../../ui/button';
import { ApiDiff } from '../../ui/diff';
import { Loaded } from '../../ui/feedback';
import { Glyph } from '../../ui/icon';
import { Panel } from '../../ui/panel';
import { St } from '../../ui/status';

const glyphs = { change: 'prog', same: 'skip', blocked: 'fail' } as const;
const tones = { change: 'prog', same: 'off', blocked: 'crit' } as const;

/** The nodes behind a number of a plan, page by page. */
function Nodes({ hash, list }: { hash: string; list: string }) {
	const { t } = useI18n();
	const pages = usePages<PlanListed>(`/plans/${hash}/nodes`, { list, limit: 100 });
	return (
		<Loaded query={pages}>
			{({ items, total }) => (
				<div className="stack-1" data-testid="plan-nodes">
					<ul className="nodelist">
						{items.map((n) => (
							<li key={n.node}>
								<Link to="/nodes/$id" params={{ id: n.name }}>
									{n.name}
								</Link>{' '}
								{n.status !== 'online' && <St look={lookup(nodeLooks, n.status)} />}
							</li>
						))}
					</ul>
					<span className="row wrap">
						<span className="t12 dimmer num">{t('nodes.rows', { n: items.length, total: total ?? items.length })}</span>
						{pages.hasNextPage && (
							<Btn small busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
								{t('common.more')}
							</Btn>
						)}
					</span>
				</div>
			)}
		</Loaded>
	);
}

function File({ file }: { file: PlanFile }) {
	const { t } = useI18n();
	const mode = file.mode_from && file.mode_to && file.mode_from !== file.mode_to ? t('plan.mode', { from: file.mode_from, to: file.mode_to }) : null;
	const diff: DiffFile[] = file.diff ? [{ path: file.path, change: file.change as DiffFile['change'], hunks: parseUnified(file.diff) }] : [];
	return (
		<div>
			{diff.length > 0 ? (
				<ApiDiff files={diff} mode="unified" />
			) : (
				<p className="filehead mono t12">
					{file.path} <span className="dimmer">({file.binary ? t('plan.binary') : file.change})</span>
				</p>
			)}
			{(mode || file.truncated) && (
				<p className="body t12 dimmer">
					{mode} {file.truncated && t('plan.truncated')}
				</p>
			)}
		</div>
	);
}

function Group({ plan, group: g }: { plan: Plan; group: PlanGroup }) {
	const { t } = useI18n();
	const [open, setOpen] = useState(false);
	const [nodes, setNodes] = useState(false);
	const files = g.services.flatMap((s) => (s.config?.files ?? []).map((f) => ({ ...f, key: `${s.service}/${f.path}` })));
	return (
		<li data-testid="plan-group" data-kind={g.kind}>
			<Glyph id={glyphs[g.kind]} tone={tones[g.kind]} />
			<span className="what">{groupWords(g, t)}</span>
			<span className="sub">
				{g.nodes.slice(0, 5).join(', ')}
				{g.count > Math.min(5, g.nodes.length) ? ` +${num(g.count - Math.min(5, g.nodes.length))}` : ''}
				{g.fetch_bytes > 0 && ` · ${t('plan.fetchEach', { size: bytes(g.fetch_bytes) })}`}
				{g.duration && ` · ${t('plan.took', { median: duration(g.duration.median_ms / 1000), p90: duration(g.duration.p90_ms / 1000), n: g.duration.samples })}`}
			</span>
			<span className="go row gap1 wrap">
				<b className="num">{t('configs.nodes', { n: g.count })}</b>
				{files.length > 0 && (
					<Btn small kind="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
						{t(open ? 'plan.hideDiff' : 'plan.showDiff', { n: files.length })}
					</Btn>
				)}
				<Btn small kind="quiet" aria-expanded={nodes} onClick={() => setNodes(!nodes)}>
					{t(nodes ? 'plan.hideNodes' : 'plan.showNodes')}
				</Btn>
			</span>
			{open && (
				<div className="wide group-diff">
					{files.map((f) => (
						<File key={f.key} file={f} />
					))}
				</div>
			)}
			{nodes && (
				<div className="wide">
					<Nodes hash={plan.plan_hash} list={`group-${g.no}`} />
				</div>
			)}
		</li>
	);
}

/* Nodes that are away, or in the hands of another rollout: no reason against it, but good to know before. */
function Notes({ plan }: { plan: Plan }) {
	const { t } = useI18n();
	const [open, setOpen] = useState('');
	const toggle = (list: string) => setOpen(open === list ? '' : list);
	if (plan.offline.count === 0 && plan.held.length === 0) return null;
	return (
		<ul className="list bordered">
			{plan.offline.count > 0 && (
				<li>
					<Glyph id="off" tone="off" />
					<span className="what">{t('plan.offlineNow', { n: plan.offline.count })}</span>
					<span className="sub">{plan.offline.nodes.slice(0, 8).join(', ')}</span>
					<span className="go">
						<Btn small kind="quiet" aria-expanded={open === 'offline'} onClick={() => toggle('offline')}>
							{t(open === 'offline' ? 'plan.hideNodes' : 'plan.showNodes')}
						</Btn>
					</span>
					{open === 'offline' && (
						<div className="wide">
							<Nodes hash={plan.plan_hash} list="offline" />
						</div>
					)}
				</li>
			)}
			{plan.held.map((h) => (
				<li key={h.rollout}>
					<Glyph id="warn" tone="warn" />
					<span className="what">
						{t('plan.held', { n: h.count })}{' '}
						<Link to="/rollouts/$id" params={{ id: String(h.number) }}>
							R-{h.number} {h.name}
						</Link>
					</span>
					<span className="sub">
						<St look={lookup(rolloutLooks, h.state)} /> {t('plan.heldWhy')} {h.nodes.slice(0, 5).join(', ')}
					</span>
					<span className="go">
						<Btn small kind="quiet" aria-expanded={open === `held-${h.number}`} onClick={() => toggle(`held-${h.number}`)}>
							{t(open === `held-${h.number}` ? 'plan.hideNodes' : 'plan.showNodes')}
						</Btn>
					</span>
					{open === `held-${h.number}` && (
						<div className="wide">
							<Nodes hash={plan.plan_hash} list={`held-${h.number}`} />
						</div>
					)}
				</li>
			))}
		</ul>
	);
}

export function PlanPreview({ plan }: { plan: Plan }) {
	const { t } = useI18n();
	const c = plan.counts;
	const waves = plan.waves.length > 8 ? [...plan.waves.slice(0, 7), null, plan.waves[plan.waves.length - 1]] : plan.waves;
	return (
		<Panel
			title={t('plan.result')}
			actions={
				<span className="t12 dimmer num">
					{plan.expected_ms !== null && <>{t('plan.expected', { time: duration(plan.expected_ms / 1000) })} · </>}
					<code>{plan.plan_hash.replace('sha256:', '').slice(0, 12)}</code>
				</span>
			}
			footer={c.groups > plan.groups.length ? <span>{t('plan.moreGroups', { n: c.groups - plan.groups.length })}</span> : undefined}
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
					{t('plan.count.waves', { n: plan.waves.length })}: {waves.map((w) => (w === null ? '…' : `${w.label ? `${w.label} ` : ''}${num(w.size)}`)).join(' · ')}
				</span>
			</div>
			<ul className="list bordered">
				{plan.groups.map((g) => (
					<Group key={g.no} plan={plan} group={g} />
				))}
			</ul>
			<Notes plan={plan} />
		</Panel>
	);
}

/** The fleet has moved between plan and start: what is different, before it is asked again. */
export function PlanMoved({ before, now, onAccept }: { before: Plan; now: Plan; onAccept: () => void }) {
	const { t } = useI18n();
	const changes = comparePlans(before, now);
	return (
		<div className="banner warn" role="alert" data-testid="plan-moved">
			<Glyph id="warn" tone="warn" />
			<div className="grow stack-1">
				<b>{t('plan.moved')}</b>
				<span className="dim">{t('plan.movedWhy')}</span>
				<ul className="plain">
					{changes.slice(0, 8).map((c, i) => (
						<li key={i}>
							<b className="num">
								{num(c.before)} → {num(c.now)}
							</b>{' '}
							{groupWords(c.group, t)}
						</li>
					))}
				</ul>
				{changes.length === 0 && <span>{t('plan.movedSame')}</span>}
				<span>
					<Btn small onClick={onAccept} data-testid="plan-accept">
						{t('plan.movedAccept')}
					</Btn>
				</span>
			</div>
		</div>
	);
}
