/* SPDX-License-Identifier: Apache-2.0 */
import { useMemo, useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import type { Key } from '../../i18n';
import { num } from '../../i18n/format';
import { useGet, usePages } from '../../api/hooks';
import type { Explain, Failure, Page, Rollout, Step } from '../../api/types';
import { useCan } from '../../app/session';
import { lookup, stepLooks, toBuckets } from '../../lib/states';
import { bytes } from '../../lib/time';
import { Btn, IconBtn, Seg } from '../../ui/button';
import { Cells } from '../../ui/cells';
import type { Cell } from '../../ui/cells';
import { Dialog } from '../../ui/dialog';
import { Explained } from '../../ui/explain';
import { Empty, Loaded } from '../../ui/feedback';
import { Panel } from '../../ui/panel';
import { St } from '../../ui/status';
import { Since, When } from '../../ui/when';
import { ActOnSteps, stepsObstacle } from './act';
import type { StepsAct } from './act';

const shapeOf: Record<string, Cell['shape']> = { succeeded: 'done', failed: 'crit', in_progress: 'prog', offline: 'off', window: 'pend', pending: 'pend', skipped: 'ok', superseded: 'ok' };
const running = new Set(['sent', 'accepted', 'fetching', 'applying', 'verifying']);
const filters: Record<string, string | undefined> = {
	all: undefined,
	failed: 'failed,rolled_back,rollback_failed,timed_out',
	running: 'sent,accepted,fetching,applying,verifying',
	pending: 'pending,queued',
	succeeded: 'succeeded',
	left: 'skipped,superseded',
};

/* An unfinished step of a node that is away waits in the bucket of the offline ones. */
function stateOf(step: Step): string {
	return step.online === false && ['pending', 'queued', 'sent'].includes(step.state) ? 'offline' : step.state;
}

/* How much of a package has arrived, while it is on its way. */
function fetched(step: Step): number | null {
	const total = step.progress?.total_bytes ?? 0;
	if (step.state !== 'fetching' || total <= 0) return null;
	return Math.min(100, Math.floor((100 * (step.progress?.done_bytes ?? 0)) / total));
}

function shape(step: Step): Cell['shape'] {
	const counts = toBuckets({ [stateOf(step)]: 1 });
	const bucket = Object.entries(counts).find(([, n]) => n > 0)?.[0] ?? 'pending';
	return shapeOf[bucket] ?? 'pend';
}

/* Why one node is where it is, asked only when somebody wants to know. */
function StepWhy({ rollout, step, onClose }: { rollout: Rollout; step: Step; onClose: () => void }) {
	const { t } = useI18n();
	const query = useGet<Explain>(`/rollouts/${rollout.id}/steps/${step.node}/explain`);
	return (
		<Dialog title={t('why.title', { node: step.name })} onClose={onClose}>
			<Loaded query={query}>{(explain) => <Explained explain={explain} />}</Loaded>
		</Dialog>
	);
}

/* When it goes on, where that is known: a retry, a window; or what has taken over. */
function Next({ step: s }: { step: Step }) {
	const { t } = useI18n();
	return (
		<>
			{s.state === 'pending' && s.retry_at && (
				<span className="sub num">
					{t('step.retryAt')} <When at={s.retry_at} />
				</span>
			)}
			{s.state === 'pending' && s.window_opens_at && (
				<span className="sub num">
					{t('step.opensAt')} <When at={s.window_opens_at} />
				</span>
			)}
			{s.superseded_by && (
				<Link className="sub" to="/rollouts/$id" params={{ id: s.superseded_by }}>
					{t('step.by')}
				</Link>
			)}
		</>
	);
}

interface Filter { wave?: string; state?: string; cause?: string }
interface Props extends Filter { rollout: Rollout; onChange: (next: Filter) => void }

/* The kinds of failure of this rollout as a choice. */
function CausePick({ rollout, cause, onChange }: { rollout: Rollout; cause?: string; onChange: (cause?: string) => void }) {
	const { t, has } = useI18n();
	const failures = useGet<Page<Failure>>(`/rollouts/${rollout.id}/failures`);
	const items = failures.data?.items ?? [];
	if (items.length === 0) return null;
	const name = (f: Failure) => {
		const code = f.error?.code || f.state;
		return has(`cause.${code}`) ? t(`cause.${code}` as Key) : code;
	};
	return (
		<select className="pick" aria-label={t('rollout.cause')} value={cause ?? ''} onChange={(e) => onChange(e.target.value || undefined)}>
			<option value="">{t('rollout.allCauses')}</option>
			{items.map((f) => (
				<option key={f.fingerprint} value={f.fingerprint}>{`${name(f)} (${f.count})`}</option>
			))}
		</select>
	);
}

export function Steps({ rollout, wave, state, cause, onChange }: Props) {
	const { t, say } = useI18n();
	const can = useCan('operator');
	const [chosen, setChosen] = useState<Map<string, string>>(new Map());
	const [asked, setAsked] = useState<StepsAct | null>(null);
	const [why, setWhy] = useState<Step | null>(null);
	const filter = state && state in filters ? state : 'all';
	const pages = usePages<Step>(`/rollouts/${rollout.id}/steps`, { state: filters[filter], wave, fingerprint: cause, limit: 50 });
	const items = pages.data?.items;
	const cells = useMemo<Cell[]>(() => (items ?? []).map((s) => ({ shape: shape(s), label: `${s.name}: ${t(lookup(stepLooks, stateOf(s)).key)}` })), [items, t]);
	const counts = toBuckets(wave ? rollout.waves?.find((w) => String(w.no) === wave)?.counts : rollout.counts);
	const all = Object.values(counts).reduce((a, b) => a + b, 0);
	const change = (next: Filter) => {
		/* Another filter is another question: nothing stays chosen that is no longer in view. */
		setChosen(new Map());
		onChange(next);
	};
	const toggle = (s: Step) => {
		const next = new Map(chosen);
		if (!next.delete(s.node)) next.set(s.node, s.name);
		setChosen(next);
	};
	const ask = (action: StepsAct['action']) => setAsked({ action, nodes: [...chosen.values()], count: chosen.size });
	const everyShown = (items ?? []).length > 0 && (items ?? []).every((s) => chosen.has(s.node));
	return (
		<Panel
			title={wave ? t('rollout.stepsIn', { no: wave }) : t('rollout.steps')}
			actions={
				<span className="row gap1 wrap" id="steps">
					<select className="pick" aria-label={t('rollout.wave')} value={wave ?? ''} onChange={(e) => change({ wave: e.target.value || undefined })}>
						<option value="">{t('rollout.allWaves')}</option>
						{(rollout.waves ?? []).map((w) => (
							<option key={w.no} value={w.no}>
								{t('rollout.waveNo', { no: w.no }) + (w.label ? ` ${w.label}` : '')}
							</option>
						))}
					</select>
					<CausePick rollout={rollout} cause={cause} onChange={(c) => change({ cause: c })} />
					<Seg
						label={t('common.filter')}
						value={filter}
						onChange={(f) => change({ state: f === 'all' ? undefined : f })}
						options={[
							{ value: 'all', label: `${t('common.all')} ${num(all)}` },
							{ value: 'failed', label: `${t('bucket.failed')} ${num(counts.failed)}` },
							{ value: 'running', label: t('bucket.inProgress') },
							{ value: 'pending', label: t('bucket.pending') },
							{ value: 'succeeded', label: `${t('bucket.succeeded')} ${num(counts.succeeded)}` },
							{ value: 'left', label: `${t('rollout.leftOut')} ${num(counts.skipped + counts.superseded)}` },
						]}
					/>
				</span>
			}
			footer={
				<>
					<span className="num">{t('nodes.rows', { n: items?.length ?? 0, total: pages.data?.total ?? items?.length ?? 0 })}</span>
					{pages.hasNextPage && (
						<Btn small busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
							{t('common.more')}
						</Btn>
					)}
				</>
			}
		>
			{chosen.size > 0 && (
				<div className="selbar inpanel" role="status">
					<span>{t('rollout.chosen', { n: chosen.size })}</span>
					<button type="button" className="link" onClick={() => setChosen(new Map())}>
						{t('nodes.clear')}
					</button>
					<span className="actions">
						{(['retry', 'skip', 'exclude'] as const).map((action) => (
							<Btn key={action} small onClick={() => ask(action)} aria-disabled={!can || stepsObstacle(rollout, action) !== null || undefined} title={can ? undefined : t('error.needsRole', { role: t('role.operator') })}>
								{t(`acts.${action}`)}
							</Btn>
						))}
					</span>
				</div>
			)}
			<Loaded query={pages}>
				{({ items: steps }) =>
					steps.length === 0 ? (
						<Empty title={t('rollout.noSteps')} />
					) : (
						<>
							<div className="body">
								<Cells cells={cells} label={t('rollout.strip', { ok: counts.succeeded, failed: counts.failed, prog: counts.in_progress, off: counts.offline })} pitch={12} />
							</div>
							<div className="tablewrap" tabIndex={0} role="region" aria-label={t('rollout.steps')}>
								<table className="t" data-testid="steps">
									<thead>
										<tr>
											<th className="cb">
												<input type="checkbox" className="check" aria-label={t('rollout.chooseShown')} checked={everyShown} onChange={() => setChosen(everyShown ? new Map() : new Map(steps.map((s) => [s.node, s.name])))} />
											</th>
											<th>{t('nav.node')}</th>
											<th>{t('common.state')}</th>
											<th className="p2 r">{t('rollout.wave')}</th>
											<th className="p2 r">{t('rollout.attempt')}</th>
											<th className="p2 r">{t('rollout.since')}</th>
											<th className="p2">{t('rollout.cause')}</th>
											<th>
												<span className="sr">{t('common.actions')}</span>
											</th>
										</tr>
									</thead>
									<tbody>
										{steps.map((s) => {
											const words = say(s.error?.text || s.reason || '');
											return (
												<tr key={s.node} aria-selected={chosen.has(s.node) || undefined}>
													<td className="cb">
														<input type="checkbox" className="check" aria-label={t('rollout.choose', { node: s.name })} checked={chosen.has(s.node)} onChange={() => toggle(s)} />
													</td>
													<td className="name-cell">
														<Link className="name" to="/nodes/$id" params={{ id: s.name }}>
															{s.name}
														</Link>
														<span className="sub">{words}</span>
													</td>
													<td>
														<St look={lookup(stepLooks, stateOf(s))} />
														{fetched(s) !== null && <span className="num dimmer"> {fetched(s)} %</span>}
														{s.progress?.saved_bytes ? <span className="sub num">{t('rollout.saved', { size: bytes(s.progress.saved_bytes) })}</span> : null}
														<Next step={s} />
													</td>
													<td className="p2 r num">{s.wave}</td>
													<td className="p2 r num">{s.attempt}</td>
													<td className="p2 r mono dim">{running.has(s.state) ? <Since at={s.state_since} /> : '–'}</td>
													<td className="p2 dim clip wide-cell" title={words}>
														{words || '–'}
													</td>
													<td className="r">
														<IconBtn small kind="quiet" icon="info" label={t('why.ask', { node: s.name })} onClick={() => setWhy(s)} />
													</td>
												</tr>
											);
										})}
									</tbody>
								</table>
							</div>
						</>
					)
				}
			</Loaded>
			{asked && <ActOnSteps rollout={rollout} act={asked} onClose={() => setAsked(null)} onDone={() => setChosen(new Map())} />}
			{why && <StepWhy rollout={rollout} step={why} onClose={() => setWhy(null)} />}
		</Panel>
	);
}
