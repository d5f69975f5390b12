/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import { num } from '../../i18n/format';
import { useGet } from '../../api/hooks';
import type { Explain, Failure, Page, Rollout } from '../../api/types';
import { duration } from '../../lib/time';
import { gateLimits, gateWave } from '../../lib/gate';
import type { Limit } from '../../lib/gate';
import { changeText, finished, targetText, windowText } from '../../lib/rollout';
import { lookup, severityLooks } from '../../lib/states';
import type { Look } from '../../lib/states';
import { Waits } from '../../ui/explain';
import { Panel } from '../../ui/panel';
import { Badge, St } from '../../ui/status';
import { When } from '../../ui/when';

const met: Look = { glyph: 'done', tone: 'ok', key: 'gate.met' };
const notMet: Look = { glyph: 'fail', tone: 'crit', key: 'gate.notMet' };
const open: Look = { glyph: 'prog', tone: 'prog', key: 'gate.open' };

/* The limit as a tick on a scale of its own; beyond it the bar is red and the words say so too. */
function Scale({ limit, label }: { limit: Limit; label: string }) {
	const scale = Math.max(4, 2 * limit.allowed, limit.now + 1);
	const steps = Math.min(scale, 20);
	const x = (n: number) => (400 * Math.min(n, scale)) / scale;
	return (
		<svg className="scale" viewBox="0 0 400 28" preserveAspectRatio="none" role="img" aria-label={label}>
			<rect className="f-none" y="8" width="400" height="8" rx="2" />
			<rect className={limit.over ? 'f-crit' : 'f-ok'} y="8" width={x(limit.now)} height="8" />
			<rect className="f-text" x={Math.max(0, x(limit.allowed + 0.5) - 1)} y="2" width="2" height="20" />
			{Array.from({ length: steps + 1 }, (_, i) => (
				<rect key={i} className="f-text" x={Math.min(399, (400 * i) / steps)} y="18" width="1" height="4" />
			))}
		</svg>
	);
}

/** The limits of the current wave, how much of them is used up, and what happens next. */
export function Gate({ rollout, explain }: { rollout: Rollout; explain: Explain | undefined }) {
	const { t } = useI18n();
	const s = rollout.strategy ?? {};
	const wave = gateWave(rollout);
	const limits = wave ? gateLimits(rollout, wave) : [];
	const kinds = useGet<Page<Failure>>(`/rollouts/${rollout.id}/failures`, undefined, { enabled: s.new_failure === 'stop' });
	const fresh = (kinds.data?.items ?? []).filter((f) => f.new && !f.accepted).length;
	const over = limits.some((l) => l.over) || wave?.state === 'failed' || (s.new_failure === 'stop' && fresh > 0);
	const state = over ? notMet : wave?.state === 'succeeded' ? met : open;
	const then = t(rollout.state === 'running' ? `gate.will.${s.on_failure ?? 'pause'}` : `gate.did.${s.on_failure ?? 'pause'}`);
	const words = (l: Limit) => {
		const left = { now: l.now, allowed: l.allowed, next: l.allowed + 1, then };
		if (!l.over) left.then = t(`gate.will.${s.on_failure ?? 'pause'}`);
		if (l.over) return t(l.kind === 'unreachablePercent' ? 'gate.awayOver' : 'gate.failedOver', left);
		if (l.allowed === 0) return t(l.kind === 'unreachablePercent' ? 'gate.awayNone' : 'gate.failedNone', left);
		return t(l.kind === 'unreachablePercent' ? 'gate.awayLeft' : 'gate.failedLeft', left);
	};
	return (
		<Panel title={wave ? t('gate.title', { no: wave.no }) : t('gate.plain')} actions={wave ? <Badge look={state} /> : undefined}>
			<div className="body gate" data-testid="gate">
				<div className={over ? 'banner crit' : 'banner'}>
					<div className="stack-1 grow">
						<b>{t('gate.next')}</b>
						{finished.has(rollout.state) && !rollout.follows ? (
							<span className="dim">{t('gate.nothing')}</span>
						) : (
							limits.map((l) => (
								<span key={l.kind} className="num">
									{words(l)}
								</span>
							))
						)}
						{explain && !finished.has(rollout.state) && <Waits explain={{ ...explain, waits_for: null, ways: [] }} />}
					</div>
				</div>
				{limits.map((l) => (
					<div key={l.kind}>
						<div className="row">
							<span className="grow">{t(l.kind === 'unreachablePercent' ? 'gate.unreachable' : 'gate.failures')}</span>
							<b className="num">{num(l.now)}</b>
							<span className="dimmer num">
								≤ {num(l.allowed)}
								{l.percent !== undefined && ` (${t('gate.percent', { p: l.percent, of: l.of })})`}
							</span>
						</div>
						<Scale limit={l} label={t('gate.scale', { failed: l.now, limit: l.allowed })} />
					</div>
				))}
				{s.stop_on_alert && s.stop_on_alert !== 'none' && (
					<div className="row">
						<span className="grow">{t('gate.alert')}</span>
						<St look={lookup(severityLooks, s.stop_on_alert)} /> <span className="dimmer">{t('gate.orWorse')}</span>
					</div>
				)}
				{s.new_failure === 'stop' && (
					<div className="row">
						<span className="grow">{t('gate.newKinds')}</span>
						<b className="num">{num(fresh)}</b> <span className="dimmer num">≤ 0</span>
					</div>
				)}
				<details>
					<summary>{t('gate.strategy')}</summary>
					<dl className="pairs">
						<dt>{t('gate.onFailure')}</dt>
						<dd>{t(`gate.then.${s.on_failure ?? 'pause'}`)}</dd>
						<dt>{t('gate.health')}</dt>
						<dd className="num">{duration((s.health_gate_ms ?? 0) / 1000)}</dd>
						<dt>{t('gate.soak')}</dt>
						<dd className="num">{s.soak_ms ? duration(s.soak_ms / 1000) : t('gate.noSoak')}</dd>
						<dt>{t('gate.parallel')}</dt>
						<dd className="num">{s.max_parallel ? num(s.max_parallel) : t('gate.wholeWave')}</dd>
						<dt>{t('gate.offline')}</dt>
						<dd>{t(`gate.offline.${s.offline ?? 'later'}`)}</dd>
						<dt>{t('gate.deadline')}</dt>
						<dd className="num">{duration((s.deadline_ms ?? 600_000) / 1000)}</dd>
						{rollout.deadline_at && (
							<>
								<dt>{t('plan.rolloutDeadline')}</dt>
								<dd>
									<When at={rollout.deadline_at} />
								</dd>
							</>
						)}
						{s.start_at && (
							<>
								<dt>{t('plan.startAt')}</dt>
								<dd>
									<When at={s.start_at} />
								</dd>
							</>
						)}
						{(s.windows?.length ?? 0) > 0 && (
							<>
								<dt>{t('plan.windows')}</dt>
								<dd>
									{s.windows!.map((w) => (
										<div key={w.cron}>
											{windowText(w, t)} <code>{w.cron}</code>
										</div>
									))}
									{rollout.forced && <div className="warn-text">{t('gate.forced')}</div>}
								</dd>
							</>
						)}
						{s.apart && (
							<>
								<dt>{t('plan.apart')}</dt>
								<dd className="mono">{s.apart}</dd>
							</>
						)}
						<dt>{t('plan.retries')}</dt>
						<dd className="num">{s.retries?.max === 0 ? t('gate.noRetries') : t('gate.retries', { n: s.retries?.max ?? 2, pause: duration((s.retries?.backoff_ms ?? 60_000) / 1000) })}</dd>
						{rollout.priority ? (
							<>
								<dt>{t('plan.priority')}</dt>
								<dd className="num">{rollout.priority}</dd>
							</>
						) : null}
						{rollout.follows && (
							<>
								<dt>{t('plan.follow')}</dt>
								<dd>{t('gate.follows')}</dd>
							</>
						)}
						<dt>{t('rollouts.changes')}</dt>
						<dd className="mono">{(rollout.changes ?? []).map(changeText).join(', ')}</dd>
						<dt>{t('rollouts.targets')}</dt>
						<dd className="mono">{targetText(rollout.targets, t('plan.by.all'))}</dd>
					</dl>
				</details>
			</div>
		</Panel>
	);
}
