/* SPDX-License-Identifier: Apache-2.0 */
import { useMemo } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { num } from '../../i18n/format';
import { usePages } from '../../api/hooks';
import type { Rollout, Step } from '../../api/types';
import { lookup, stepLooks, toBuckets } from '../../lib/states';
import { bytes } from '../../lib/time';
import { Btn, Seg } from '../../ui/button';
import { Cells } from '../../ui/cells';
import type { Cell } from '../../ui/cells';
import { Empty, Loaded } from '../../ui/feedback';
import { Panel } from '../../ui/panel';
import { St } from '../../ui/status';
import { Since } from '../../ui/when';

const shapeOf: Record<string, Cell['shape']> = { succeeded: 'done', failed: 'crit', in_progress: 'prog', offline: 'off', pending: 'pend', skipped: 'ok' };
const running = new Set(['sent', 'accepted', 'fetching', 'applying', 'verifying']);
const filters: Record<string, string | undefined> = { all: undefined, failed: 'failed,rolled_back,rollback_failed,timed_out', running: 'sent,accepted,fetching,applying,verifying', pending: 'pending,queued' };

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

interface Props { rollout: Rollout; wave?: string; state?: string; onChange: (next: { wave?: string; state?: string }) => void }

export function Steps({ rollout, wave, state, onChange }: Props) {
	const { t, say } = useI18n();
	const filter = state && state in filters ? state : 'all';
	const pages = usePages<Step>(`/rollouts/${rollout.id}/steps`, { state: filters[filter], wave, limit: 50 });
	const items = pages.data?.items;
	const cells = useMemo<Cell[]>(() => (items ?? []).map((s) => ({ shape: shape(s), label: `${s.name}: ${t(lookup(stepLooks, stateOf(s)).key)}` })), [items, t]);
	const counts = toBuckets(wave ? rollout.waves?.find((w) => String(w.no) === wave)?.counts : rollout.counts);
	const all = Object.values(counts).reduce((a, b) => a + b, 0);
	return (
		<Panel
			title={wave ? t('rollout.stepsIn', { no: wave }) : t('rollout.steps')}
			actions={
				<span className="row gap1 wrap">
					<select className="pick" aria-label={t('rollout.wave')} value={wave ?? ''} onChange={(e) => onChange({ wave: e.target.value || undefined })}>
						<option value="">{t('rollout.allWaves')}</option>
						{(rollout.waves ?? []).map((w) => (
							<option key={w.no} value={w.no}>
								{t('rollout.waveNo', { no: w.no })}
							</option>
						))}
					</select>
					<Seg
						label={t('common.filter')}
						value={filter}
						onChange={(f) => onChange({ state: f === 'all' ? undefined : f })}
						options={[
							{ value: 'all', label: `${t('common.all')} ${num(all)}` },
							{ value: 'failed', label: `${t('bucket.failed')} ${num(counts.failed)}` },
							{ value: 'running', label: `${t('bucket.inProgress')} ${num(counts.in_progress)}` },
							{ value: 'pending', label: `${t('bucket.pending')} ${num(counts.pending)}` },
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
											<th>{t('nav.node')}</th>
											<th>{t('common.state')}</th>
											<th className="p2 r">{t('rollout.wave')}</th>
											<th className="p2 r">{t('rollout.attempt')}</th>
											<th className="p2 r">{t('rollout.since')}</th>
											<th className="p2">{t('rollout.cause')}</th>
										</tr>
									</thead>
									<tbody>
										{steps.map((s) => {
											const cause = say(s.error?.text || s.reason || '');
											return (
												<tr key={s.node}>
													<td className="name-cell">
														<Link className="name" to="/nodes/$id" params={{ id: s.name }}>
															{s.name}
														</Link>
														<span className="sub">{cause}</span>
													</td>
													<td>
														<St look={lookup(stepLooks, stateOf(s))} />
														{fetched(s) !== null && <span className="num dimmer"> {fetched(s)} %</span>}
														{s.progress?.saved_bytes ? <span className="sub num">{t('rollout.saved', { size: bytes(s.progress.saved_bytes) })}</span> : null}
													</td>
													<td className="p2 r num">{s.wave}</td>
													<td className="p2 r num">{s.attempt}</td>
													<td className="p2 r mono dim">{running.has(s.state) ? <Since at={s.state_since} /> : '–'}</td>
													<td className="p2 dim clip wide-cell" title={cause}>
														{cause || '–'}
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
		</Panel>
	);
}
