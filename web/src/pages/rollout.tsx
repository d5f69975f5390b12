/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { num } from '../i18n/format';
import { request } from '../api/client';
import { useAct, useGet } from '../api/hooks';
import type { Explain, Rollout, RolloutVerb } from '../api/types';
import { finished, rolloutTitle, sentence, targetText } from '../lib/rollout';
import { bucketLooks, buckets, lookup, rolloutLooks, toBuckets, waveLooks } from '../lib/states';
import { Verb } from '../ui/button';
import { FormDialog } from '../ui/dialog';
import { Loaded, ProblemBox } from '../ui/feedback';
import { Glyph } from '../ui/icon';
import type { IconId } from '../ui/icon';
import { Head, Panel } from '../ui/panel';
import { Buckets, Phase } from '../ui/phase';
import { Badge } from '../ui/status';
import { When, useNow } from '../ui/when';
import { duration, parseTime } from '../lib/time';
import { Causes } from './rollout/causes';
import { Gate } from './rollout/gate';
import { Steps } from './rollout/steps';

const route = getRouteApi('/app/rollouts/$id');

const verbs: { verb: RolloutVerb; icon: IconId; asks?: boolean; danger?: boolean; only?: string[] }[] = [
	{ verb: 'start', icon: 'play', only: ['draft'] },
	{ verb: 'approve', icon: 'check', only: ['awaiting_approval'] },
	{ verb: 'pause', icon: 'pause' },
	{ verb: 'resume', icon: 'play' },
	{ verb: 'promote', icon: 'right' },
	{ verb: 'retry', icon: 'restart' },
	{ verb: 'abort', icon: 'stop', asks: true },
	{ verb: 'rollback', icon: 'undo', asks: true, danger: true },
];

function Verbs({ rollout }: { rollout: Rollout }) {
	const { t, say } = useI18n();
	const navigate = useNavigate();
	const [asking, setAsking] = useState<RolloutVerb | null>(null);
	const act = useAct(
		(verb: RolloutVerb) => request<Rollout>('POST', `/rollouts/${rollout.id}/${verb}`, { body: {} }),
		['rollouts', 'overview', 'nodes'],
		(result) => {
			setAsking(null);
			if (result && result.id !== rollout.id) void navigate({ to: '/rollouts/$id', params: { id: String(result.number) } });
		},
	);
	const done = toBuckets(rollout.counts).succeeded;
	return (
		<>
			<div className="acts verbs" data-testid="verbs">
				{verbs
					.filter((v) => !v.only || v.only.includes(rollout.state))
					.map((v) => {
						const given = rollout.actions?.[v.verb];
						const reason = given === undefined ? t('rollout.notNow') : given && say(given);
						return (
							<Verb
								key={v.verb}
								icon={v.icon}
								kind={v.danger ? 'danger' : undefined}
								data-verb={v.verb}
								reason={reason}
								hint={v.verb === 'abort' ? t('rollout.abortHint') : v.verb === 'rollback' ? t('rollout.rollbackHint', { n: done }) : undefined}
								busy={act.isPending && act.variables === v.verb}
								onClick={() => (v.asks ? setAsking(v.verb) : act.mutate(v.verb))}
							>
								{t(`verb.${v.verb}`)}
							</Verb>
						);
					})}
			</div>
			{act.error && !asking && <ProblemBox problem={act.error} />}
			{asking && (
				<FormDialog
					danger={asking === 'rollback'}
					title={t(asking === 'abort' ? 'rollout.abortTitle' : 'rollout.rollbackTitle', { n: rollout.number })}
					submit={t(asking === 'abort' ? 'rollout.abortGo' : 'rollout.rollbackGo')}
					onClose={() => setAsking(null)}
					onSubmit={() => act.mutate(asking)}
					busy={act.isPending}
					problem={act.error}
				>
					<p>{t(asking === 'abort' ? 'rollout.abortWhy' : 'rollout.rollbackWhy', { n: done })}</p>
				</FormDialog>
			)}
		</>
	);
}

function Soak({ until }: { until: string }) {
	const { t } = useI18n();
	const now = useNow();
	const left = (parseTime(until)?.getTime() ?? 0) - now;
	return <>{left > 0 ? t('rollout.soakLeft', { left: duration(left / 1000) }) : t('rollout.soakOver')}</>;
}

function Waves({ rollout }: { rollout: Rollout }) {
	const { t } = useI18n();
	const waves = rollout.waves ?? [];
	const total = waves.reduce((sum, w) => sum + w.size, 0);
	const gate = rollout.strategy ?? {};
	return (
		<Panel
			title={t('rollout.waves')}
			actions={
				<span className="t12 dimmer num">
					{t('configs.nodes', { n: total })}
					{rollout.started_at && (
						<>
							{' '}
							· {t('rollout.started')} <When at={rollout.started_at} />
						</>
					)}
					{rollout.finished_at && (
						<>
							{' '}
							· {t('rollout.finished')} <When at={rollout.finished_at} />
						</>
					)}{' '}
					{rollout.created_by && `· ${t('common.by')} ${rollout.created_by}`}
					{rollout.approved_by && ` · ${t('rollout.approvedBy', { who: rollout.approved_by })}`}
				</span>
			}
		>
			<div className="waves flow" data-testid="waves">
				{waves.map((w) => {
					const counts = toBuckets(w.counts);
					const state = lookup(waveLooks, w.state);
					const now = rollout.current_wave === w.no && !finished.has(rollout.state);
					const final = counts.succeeded + counts.failed + counts.skipped;
					return (
						<div key={w.no} className={now ? 'wave now' : 'wave'} data-wave={w.no} data-state={w.state}>
							<div className="row">
								<span className="strong">{t('rollout.waveNo', { no: w.no })}</span>
								<span className="t12 dimmer num">
									{t('configs.nodes', { n: w.size })}
									{final > 0 && w.size > 0 && ` · ${t('rollout.final', { p: Math.round((100 * final) / w.size) })}`}
								</span>
							</div>
							<Phase counts={counts} />
							<Buckets counts={counts} />
							<span className="t12 dimmer">
								{w.state === 'soaking' && w.soak_until ? (
									<Soak until={w.soak_until} />
								) : w.state === 'pending' ? (
									t('rollout.gateWords', { failures: gate.max_failures ?? 0, soak: duration((gate.soak_ms ?? 0) / 1000) })
								) : (
									t(state.key)
								)}
							</span>
						</div>
					);
				})}
			</div>
		</Panel>
	);
}

export function RolloutPage() {
	const { t, say } = useI18n();
	const { id } = route.useParams();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const query = useGet<Rollout>(`/rollouts/${id}`);
	const explain = useGet<Explain>(`/rollouts/${id}/explain`);
	return (
		<Loaded query={query} title={`R-${id}`}>
			{(r) => {
				const counts = toBuckets(r.counts);
				return (
					<>
						<Head
							crumbs={[{ label: t('nav.rollouts'), to: '/rollouts' }, { label: `R-${r.number}` }]}
							title={`R-${r.number} ${rolloutTitle(r)}`}
							badges={
								<span data-testid="rollout-state" data-state={r.state}>
									<Badge look={lookup(rolloutLooks, r.state)} />
								</span>
							}
							why={
								<>
									{sentence(say(explain.data?.text || r.reason || buckets.filter((b) => counts[b] > 0).map((b) => `${num(counts[b])} ${t(bucketLooks[b].key)}`).join(', ')))}{' '}
									{explain.data?.waits_for && t('node.waitsFor', { what: say(explain.data.waits_for) })}
									<span className="dimmer"> {t('rollout.target', { what: targetText(r.targets, t('plan.by.all')) })}</span>
									{r.rollback_of && (
										<>
											{' '}
											<Link to="/rollouts/$id" params={{ id: r.rollback_of }}>
												{t('rollout.rollbackOf')}
											</Link>
										</>
									)}
								</>
							}
						/>
						<Verbs rollout={r} />
						<div className="stack">
							<Waves rollout={r} />
							<div className="grid-2">
								<Causes rollout={r} />
								<Gate rollout={r} explain={explain.data} />
							</div>
							<Steps rollout={r} wave={search.wave} state={search.state} onChange={(next) => void navigate({ search: (s) => ({ ...s, ...next }), replace: true })} />
						</div>
						{counts.offline > 0 && (
							<p className="t12 dimmer row">
								<Glyph id="off" tone="off" /> {t('rollout.offlineNote')}
							</p>
						)}
					</>
				);
			}}
		</Loaded>
	);
}
