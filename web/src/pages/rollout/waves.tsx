/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import type { Rollout, Wave } from '../../api/types';
import { finished } from '../../lib/rollout';
import { lookup, toBuckets, waveLooks } from '../../lib/states';
import { duration } from '../../lib/time';
import { Btn } from '../../ui/button';
import { Left } from '../../ui/explain';
import { Panel } from '../../ui/panel';
import { Buckets, Phase } from '../../ui/phase';
import { St } from '../../ui/status';
import { When } from '../../ui/when';

/* One site after the other makes many waves; those around the current one are what matters. */
const many = 6;

function Plate({ rollout, wave: w, label }: { rollout: Rollout; wave: Wave; label: string | null }) {
	const { t } = useI18n();
	const counts = toBuckets(w.counts);
	const now = rollout.current_wave === w.no && !finished.has(rollout.state);
	const final = counts.succeeded + counts.failed + counts.skipped + counts.superseded;
	const soak = rollout.strategy?.soak_ms ?? 0;
	return (
		<div className={now ? 'wave now' : 'wave'} data-wave={w.no} data-state={w.state} aria-current={now ? 'step' : undefined}>
			<div className="row wrap">
				<span className="strong">
					{t('rollout.waveNo', { no: w.no })}
					{label !== null && w.label !== null && w.label !== undefined && <span className="mono"> {w.label ? `${label}=${w.label}` : t('rollout.noLabel')}</span>}
				</span>
				<span className="t12 dimmer num">
					{t('configs.nodes', { n: w.size })}
					{final > 0 && w.size > 0 && ` · ${t('rollout.final', { p: Math.round((100 * final) / w.size) })}`}
				</span>
			</div>
			<Phase counts={counts} />
			<Buckets counts={counts} />
			<span className="t12 dimmer row gap1 wrap">
				{w.state !== 'pending' && <St look={lookup(waveLooks, w.state)} />}
				{w.state === 'soaking' && w.soak_until ? (
					<>
						{' '}
						· <Left until={w.soak_until} />
					</>
				) : w.state === 'pending' && soak > 0 ? (
					t('rollout.soakAfter', { soak: duration(soak / 1000) })
				) : w.finished_at ? (
					<>
						{' '}
						· <When at={w.finished_at} />
					</>
				) : w.started_at ? (
					<>
						{' '}
						· {t('rollout.started')} <When at={w.started_at} />
					</>
				) : null}
			</span>
			<Link className="t12" to="/rollouts/$id" params={{ id: String(rollout.number) }} search={{ wave: String(w.no) }} hash="steps" replace>
				{t('rollout.showSteps', { no: w.no })}
			</Link>
		</div>
	);
}

/** The waves in their order, the current one marked, each with its buckets: offline is one of its own. */
export function Waves({ rollout }: { rollout: Rollout }) {
	const { t } = useI18n();
	const [all, setAll] = useState(false);
	const waves = rollout.waves ?? [];
	const total = waves.reduce((sum, w) => sum + w.size, 0);
	const at = Math.max(0, waves.findIndex((w) => w.no === rollout.current_wave));
	const from = all || waves.length <= many ? 0 : Math.max(0, Math.min(at - 1, waves.length - 4));
	const shown = all || waves.length <= many ? waves : waves.slice(from, from + 4);
	const label = rollout.strategy?.waves && !Array.isArray(rollout.strategy.waves) ? rollout.strategy.waves.label : null;
	return (
		<Panel
			title={label ? t('rollout.wavesBy', { label }) : t('rollout.waves')}
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
			footer={
				waves.length > many ? (
					<>
						<span className="num">{t('rollout.wavesShown', { n: shown.length, total: waves.length, done: waves.filter((w) => w.state === 'succeeded').length })}</span>
						<Btn small onClick={() => setAll(!all)}>
							{all ? t('rollout.wavesFewer') : t('rollout.wavesAll', { n: waves.length })}
						</Btn>
					</>
				) : undefined
			}
		>
			<div className="waves flow" data-testid="waves">
				{shown.map((w) => (
					<Plate key={w.no} rollout={rollout} wave={w} label={label} />
				))}
			</div>
		</Panel>
	);
}
