/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import type { LabelWaves, Strategy, UpdateWindow } from '../../api/types';
import { parseCron } from '../../lib/cron';
import { parseWaves } from '../../lib/rollout';
import { Check, Field, Select } from '../../ui/field';
import { Windows } from './windows';

export interface StrategyState {
	by: 'count' | 'label'; waves: string; label: string; order: string; apart: string; parallel: string; gate: string; soak: string;
	failures: string; failedPercent: string; awayPercent: string; alert: NonNullable<Strategy['stop_on_alert']>; newFailure: boolean;
	onFailure: NonNullable<Strategy['on_failure']>; offline: NonNullable<Strategy['offline']>; deadline: string; rolloutDeadline: string;
	startAt: string; windows: UpdateWindow[]; timezone: string; retries: string; backoff: string; priority: string; follow: boolean; approval: boolean;
}

export const defaultStrategy: StrategyState = {
	by: 'count', waves: '1, 25%, 100%', label: 'site', order: '', apart: 'ha-group', parallel: '', gate: '5', soak: '0',
	failures: '0', failedPercent: '', awayPercent: '', alert: 'none', newFailure: false,
	onFailure: 'pause', offline: 'later', deadline: '600', rolloutDeadline: '',
	startAt: '', windows: [], timezone: 'UTC', retries: '2', backoff: '60', priority: '0', follow: false, approval: false,
};

const ms = (seconds: string) => Math.round(Number(seconds || 0) * 1000);
const list = (text: string) => text.split(/[,\s]+/).filter(Boolean);
/* An empty field is no limit, which is not the limit 0. */
const limit = (text: string) => (text.trim() === '' ? undefined : Number(text));

function wavesOf(s: StrategyState): Strategy['waves'] {
	if (s.by === 'count') return parseWaves(s.waves) ?? undefined;
	const byLabel: LabelWaves = { label: s.label.trim() };
	return list(s.order).length > 0 ? { ...byLabel, order: list(s.order) } : byLabel;
}

export function toStrategy(s: StrategyState): Strategy {
	return {
		waves: wavesOf(s),
		apart: s.apart.trim() || null,
		max_parallel: Number(s.parallel) || 0,
		health_gate_ms: ms(s.gate),
		soak_ms: ms(s.soak),
		max_failures: limit(s.failures),
		max_failed_percent: limit(s.failedPercent),
		max_unreachable_percent: limit(s.awayPercent),
		stop_on_alert: s.alert,
		new_failure: s.newFailure ? 'stop' : 'ignore',
		deadline_ms: ms(s.deadline) || 600_000,
		rollout_deadline_ms: ms(s.rolloutDeadline) * 60,
		start_at: s.startAt ? new Date(s.startAt).toISOString() : undefined,
		windows: s.windows.length > 0 ? s.windows : undefined,
		timezone: s.windows.length > 0 ? s.timezone.trim() || 'UTC' : undefined,
		retries: { max: Number(s.retries) || 0, backoff_ms: ms(s.backoff) || 60_000 },
		priority: Number(s.priority) || 0,
		follow: s.follow,
		on_failure: s.onFailure,
		offline: s.offline,
		approval: s.approval,
	};
}

/** What is wrong with it, before the server is asked; null when nothing is. */
export function strategyProblem(s: StrategyState): 'plan.badWaves' | 'plan.needLabel' | 'plan.badCron' | null {
	if (s.by === 'count' && parseWaves(s.waves) === null) return 'plan.badWaves';
	if (s.by === 'label' && s.label.trim() === '') return 'plan.needLabel';
	return s.windows.some((w) => parseCron(w.cron) === null) ? 'plan.badCron' : null;
}

export function StrategyForm({ value, onChange, canFollow }: { value: StrategyState; onChange: (v: StrategyState) => void; canFollow: boolean }) {
	const { t } = useI18n();
	const set = (key: keyof StrategyState) => (e: { target: { value: string } }) => onChange({ ...value, [key]: e.target.value });
	const tick = (key: 'newFailure' | 'follow' | 'approval') => (e: { target: { checked: boolean } }) => onChange({ ...value, [key]: e.target.checked });
	const number = { type: 'number', min: 0, inputMode: 'numeric' as const };
	const percent = { ...number, max: 100, placeholder: t('plan.noLimit') };
	const seconds = { ...number, step: 'any', inputMode: 'decimal' as const };
	const bad = value.by === 'count' && parseWaves(value.waves) === null;
	return (
		<>
			<fieldset className="radios">
				<legend className="sr">{t('plan.waves')}</legend>
				{(['count', 'label'] as const).map((by) => (
					<label key={by} className="row gap1">
						<input type="radio" name="waves-by" checked={value.by === by} onChange={() => onChange({ ...value, by })} /> {t(`plan.wavesBy.${by}`)}
					</label>
				))}
			</fieldset>
			<div className="form-row">
				{value.by === 'count' ? (
					<Field label={t('plan.waves')} className="input mono" value={value.waves} onChange={set('waves')} aria-invalid={bad} hint={bad ? t('plan.badWaves') : t('plan.wavesHint')} />
				) : (
					<>
						<Field label={t('plan.wavesLabel')} className="input mono" value={value.label} onChange={set('label')} required hint={t('plan.wavesLabelHint')} />
						<Field label={t('plan.wavesOrder')} className="input mono" value={value.order} onChange={set('order')} placeholder="plant-3, plant-1" hint={t('plan.wavesOrderHint')} />
					</>
				)}
				<Field label={t('plan.failures')} {...number} value={value.failures} onChange={set('failures')} placeholder={t('plan.noLimit')} />
				<Select label={t('gate.onFailure')} value={value.onFailure} onChange={set('onFailure')}>
					{(['pause', 'rollback_wave', 'rollback', 'fail'] as const).map((x) => (
						<option key={x} value={x}>
							{t(`gate.then.${x}`)}
						</option>
					))}
				</Select>
				<Select label={t('gate.offline')} value={value.offline} onChange={set('offline')} hint={t(`plan.offline.${value.offline}`)}>
					{(['later', 'wait', 'skip', 'fail'] as const).map((x) => (
						<option key={x} value={x}>
							{t(`gate.offline.${x}`)}
						</option>
					))}
				</Select>
			</div>
			<details className="strategy">
				<summary>{t('plan.moreStrategy')}</summary>
				<div className="form-row">
					<Field label={t('plan.gate')} {...seconds} value={value.gate} onChange={set('gate')} />
					<Field label={t('plan.soak')} {...seconds} value={value.soak} onChange={set('soak')} />
					<Field label={t('plan.failedPercent')} {...percent} value={value.failedPercent} onChange={set('failedPercent')} />
					<Field label={t('plan.awayPercent')} {...percent} value={value.awayPercent} onChange={set('awayPercent')} />
					<Select label={t('plan.alert')} value={value.alert} onChange={set('alert')}>
						{(['none', 'info', 'warning', 'critical'] as const).map((x) => (
							<option key={x} value={x}>
								{t(`plan.alert.${x}`)}
							</option>
						))}
					</Select>
					<Field label={t('plan.parallel')} {...number} value={value.parallel} onChange={set('parallel')} placeholder={t('gate.wholeWave')} />
					<Field label={t('plan.apart')} className="input mono" value={value.apart} onChange={set('apart')} hint={t('plan.apartHint')} />
				</div>
				<Check label={t('plan.newFailure')} checked={value.newFailure} onChange={tick('newFailure')} />
			</details>
			<details className="strategy">
				<summary>{t('plan.when')}</summary>
				<div className="stack-2">
					<div className="form-row">
						<Field label={t('plan.startAt')} type="datetime-local" value={value.startAt} onChange={set('startAt')} hint={t('plan.startAtHint')} />
						<Field label={t('plan.deadline')} {...seconds} value={value.deadline} onChange={set('deadline')} />
						<Field label={t('plan.rolloutDeadlineMin')} {...number} value={value.rolloutDeadline} onChange={set('rolloutDeadline')} placeholder={t('plan.noLimit')} />
						<Field label={t('plan.retriesMax')} {...number} max={100} value={value.retries} onChange={set('retries')} hint={t('plan.retriesHint')} />
						<Field label={t('plan.backoff')} {...seconds} min={1} value={value.backoff} onChange={set('backoff')} />
						<Field label={t('plan.priority')} type="number" min={-100} max={100} value={value.priority} onChange={set('priority')} hint={t('plan.priorityHint')} />
					</div>
					<Windows windows={value.windows} timezone={value.timezone} onChange={(windows, timezone) => onChange({ ...value, windows, timezone })} />
				</div>
			</details>
			<Check label={t('plan.followLabel')} checked={value.follow && canFollow} disabled={!canFollow} onChange={tick('follow')} />
			<Check label={t('plan.approval')} checked={value.approval} onChange={tick('approval')} />
		</>
	);
}
