/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import { num } from '../../i18n/format';
import type { Explain, Rollout } from '../../api/types';
import { duration } from '../../lib/time';
import { finished, targetText, changeText } from '../../lib/rollout';
import { lookup, toBuckets, unknownLook } from '../../lib/states';
import type { Look } from '../../lib/states';
import { Panel } from '../../ui/panel';
import { Badge } from '../../ui/status';

const met: Look = { glyph: 'done', tone: 'ok', key: 'gate.met' };
const notMet: Look = { glyph: 'fail', tone: 'crit', key: 'gate.notMet' };
const open: Look = { glyph: 'prog', tone: 'prog', key: 'gate.open' };

/** The limit of the current wave as a tick on its own scale, and what happens next. */
export function Gate({ rollout, explain }: { rollout: Rollout; explain: Explain | undefined }) {
	const { t, say } = useI18n();
	const s = rollout.strategy ?? {};
	const wave = (rollout.waves ?? []).find((w) => w.no === rollout.current_wave) ?? rollout.waves?.[0];
	const counts = toBuckets(wave?.counts);
	const limit = s.max_failures ?? 0;
	const scale = Math.max(4, 2 * limit, counts.failed + 1);
	const x = (n: number) => (400 * Math.min(n, scale)) / scale;
	const state = counts.failed > limit ? notMet : wave?.state === 'succeeded' ? met : wave ? open : lookup({}, null);
	const text = t('gate.scale', { failed: counts.failed, limit });
	const next = explain?.waits_for || (finished.has(rollout.state) ? t('gate.nothing') : null);
	return (
		<Panel title={wave ? t('gate.title', { no: wave.no }) : t('gate.plain')} actions={state === unknownLook ? undefined : <Badge look={state} />}>
			<div className="body gate">
				<div>
					<div className="row">
						<span className="grow">{t('gate.failures')}</span>
						<b className="num">{num(counts.failed)}</b>
						<span className="dimmer num">≤ {num(limit)}</span>
					</div>
					<svg className="scale" viewBox="0 0 400 28" preserveAspectRatio="none" role="img" aria-label={text}>
						<rect className="f-none" y="8" width="400" height="8" rx="2" />
						<rect className={counts.failed > limit ? 'f-crit' : 'f-ok'} y="8" width={x(counts.failed)} height="8" />
						<rect className="f-text" x={Math.max(0, x(limit + 0.5) - 1)} y="2" width="2" height="20" />
						{Array.from({ length: Math.min(scale, 20) + 1 }, (_, i) => (
							<rect key={i} className="f-text" x={Math.min(399, (400 * i) / Math.min(scale, 20))} y="18" width="1" height="4" />
						))}
					</svg>
				</div>
				<dl className="pairs">
					<dt>{t('gate.health')}</dt>
					<dd className="num">{duration((s.health_gate_ms ?? 0) / 1000)}</dd>
					<dt>{t('gate.soak')}</dt>
					<dd className="num">{s.soak_ms ? duration(s.soak_ms / 1000) : t('gate.noSoak')}</dd>
					<dt>{t('gate.parallel')}</dt>
					<dd className="num">{s.max_parallel ? num(s.max_parallel) : t('gate.wholeWave')}</dd>
					<dt>{t('gate.onFailure')}</dt>
					<dd>{t(`gate.then.${s.on_failure ?? 'pause'}`)}</dd>
					<dt>{t('gate.offline')}</dt>
					<dd>{t(`gate.offline.${s.offline ?? 'wait'}`)}</dd>
					<dt>{t('gate.deadline')}</dt>
					<dd className="num">{duration((s.deadline_ms ?? 600_000) / 1000)}</dd>
					<dt>{t('rollouts.changes')}</dt>
					<dd className="mono">{(rollout.changes ?? []).map(changeText).join(', ')}</dd>
					<dt>{t('rollouts.targets')}</dt>
					<dd className="mono">{targetText(rollout.targets, t('plan.by.all'))}</dd>
				</dl>
				{next && (
					<div className="banner">
						<div>
							<b>{t('gate.next')}</b>
							<br />
							<span className="dim">{say(next)}</span>
						</div>
					</div>
				)}
			</div>
		</Panel>
	);
}
