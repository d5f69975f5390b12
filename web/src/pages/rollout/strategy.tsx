/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import type { Strategy } from '../../api/types';
import { parseWaves } from '../../lib/rollout';
import { Check, Field, Select } from '../../ui/field';

export interface StrategyState {
	waves: string; parallel: string; gate: string; soak: string; failures: string; deadline: string;
	onFailure: NonNullable<Strategy['on_failure']>; offline: NonNullable<Strategy['offline']>; approval: boolean;
}

export const defaultStrategy: StrategyState = { waves: '1, 25%, 100%', parallel: '', gate: '5', soak: '0', failures: '0', deadline: '600', onFailure: 'pause', offline: 'wait', approval: false };

const ms = (seconds: string) => Math.round(Number(seconds || 0) * 1000);

export function toStrategy(s: StrategyState): Strategy {
	return {
		waves: parseWaves(s.waves) ?? undefined,
		max_parallel: Number(s.parallel) || 0,
		health_gate_ms: ms(s.gate),
		soak_ms: ms(s.soak),
		max_failures: Number(s.failures) || 0,
		deadline_ms: ms(s.deadline) || 600_000,
		on_failure: s.onFailure,
		offline: s.offline,
		approval: s.approval,
	};
}

export function StrategyForm({ value, onChange, badWaves }: { value: StrategyState; onChange: (v: StrategyState) => void; badWaves: boolean }) {
	const { t } = useI18n();
	const set = (key: keyof StrategyState) => (e: { target: { value: string } }) => onChange({ ...value, [key]: e.target.value });
	const number = { type: 'number', min: 0, inputMode: 'numeric' as const };
	const seconds = { ...number, step: 'any', inputMode: 'decimal' as const };
	return (
		<>
			<div className="form-row">
				<Field label={t('plan.waves')} className="input mono" value={value.waves} onChange={set('waves')} aria-invalid={badWaves} hint={badWaves ? t('plan.badWaves') : t('plan.wavesHint')} />
				<Field label={t('plan.failures')} {...number} value={value.failures} onChange={set('failures')} />
				<Select label={t('gate.onFailure')} value={value.onFailure} onChange={set('onFailure')}>
					{(['pause', 'rollback', 'fail'] as const).map((x) => (
						<option key={x} value={x}>
							{t(`gate.then.${x}`)}
						</option>
					))}
				</Select>
				<Select label={t('gate.offline')} value={value.offline} onChange={set('offline')}>
					{(['wait', 'skip', 'fail'] as const).map((x) => (
						<option key={x} value={x}>
							{t(`gate.offline.${x}`)}
						</option>
					))}
				</Select>
			</div>
			<details>
				<summary>{t('plan.moreStrategy')}</summary>
				<div className="form-row">
					<Field label={t('plan.gate')} {...seconds} value={value.gate} onChange={set('gate')} />
					<Field label={t('plan.soak')} {...seconds} value={value.soak} onChange={set('soak')} />
					<Field label={t('plan.parallel')} {...number} value={value.parallel} onChange={set('parallel')} placeholder={t('gate.wholeWave')} />
					<Field label={t('plan.deadline')} {...seconds} value={value.deadline} onChange={set('deadline')} />
				</div>
			</details>
			<Check label={t('plan.approval')} checked={value.approval} onChange={(e) => onChange({ ...value, approval: e.target.checked })} />
		</>
	);
}
