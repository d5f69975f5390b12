/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import type { UpdateWindow } from '../../api/types';
import { asWeekly, fromWeekly, nextOpenings, parseCron, wallClock } from '../../lib/cron';
import { Btn, IconBtn } from '../../ui/button';
import { Field } from '../../ui/field';

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
/* The week begins on Monday, whatever cron counts from. */
const week = [1, 2, 3, 4, 5, 6, 0];
const shown = 3;

function clockText(at: Date): string {
	return at.toISOString().slice(0, 16).replace('T', ' ');
}

/* The days as buttons and the time of day, as long as the cron line says no more than that. */
function Weekdays({ cron, onChange }: { cron: string; onChange: (cron: string) => void }) {
	const { t } = useI18n();
	const weekly = asWeekly(cron);
	if (!weekly) return null;
	const toggle = (day: number) => onChange(fromWeekly({ ...weekly, days: weekly.days.includes(day) ? weekly.days.filter((d) => d !== day) : [...weekly.days, day] }));
	return (
		<span className="seg days" role="group" aria-label={t('plan.windowDays')}>
			{week.map((day) => (
				<button key={day} type="button" aria-pressed={weekly.days.includes(day)} onClick={() => toggle(day)}>
					{t(`weekday.${weekdays[day]}`)}
				</button>
			))}
		</span>
	);
}

function Row({ window: w, zone, set, drop }: { window: UpdateWindow; zone: string; set: (w: UpdateWindow) => void; drop: () => void }) {
	const { t } = useI18n();
	const cron = parseCron(w.cron);
	const weekly = asWeekly(w.cron);
	const now = wallClock(new Date(), zone);
	const next = cron && now ? nextOpenings(cron, now, shown) : [];
	return (
		<div className="window-row" data-testid="window">
			<div className="row wrap">
				<Weekdays cron={w.cron} onChange={(c) => set({ ...w, cron: c })} />
			</div>
			<div className="form-row">
				{weekly && <Field label={t('plan.windowTime')} type="time" value={weekly.time} onChange={(e) => e.target.value && set({ ...w, cron: fromWeekly({ ...weekly, time: e.target.value }) })} />}
				<Field label={t('plan.windowHours')} type="number" min={0.25} max={168} step="any" value={w.duration_ms / 3_600_000} onChange={(e) => set({ ...w, duration_ms: Math.min(168, Math.max(1 / 60, Number(e.target.value) || 1)) * 3_600_000 })} />
				<Field label={t('plan.windowCronLabel')} className="input mono" value={w.cron} onChange={(e) => set({ ...w, cron: e.target.value })} aria-invalid={cron === null} hint={cron === null ? t('plan.badCron') : undefined} />
				<span className="field end">
					<IconBtn icon="x" kind="quiet" label={t('plan.windowDrop')} onClick={drop} />
				</span>
			</div>
			<p className="t12 dimmer num">{next.length > 0 ? t('plan.windowNext', { times: next.map(clockText).join(' · '), zone }) : cron && now ? t('plan.windowNever') : null}</p>
		</div>
	);
}

/** When nodes may be changed: none means at any time. */
export function Windows({ windows, timezone, onChange }: { windows: UpdateWindow[]; timezone: string; onChange: (windows: UpdateWindow[], timezone: string) => void }) {
	const { t } = useI18n();
	const badZone = windows.length > 0 && wallClock(new Date(), timezone) === null;
	return (
		<fieldset className="windows">
			<legend className="strong">{t('plan.windows')}</legend>
			<p className="t12 dimmer">{t('plan.windowsHint')}</p>
			{windows.map((w, i) => (
				<Row key={i} window={w} zone={timezone} set={(next) => onChange(windows.map((x, j) => (j === i ? next : x)), timezone)} drop={() => onChange(windows.filter((_, j) => j !== i), timezone)} />
			))}
			<div className="row wrap end-row">
				<Btn small kind="quiet" icon="plus" data-testid="add-window" onClick={() => onChange([...windows, { cron: '0 2 * * *', duration_ms: 3 * 3_600_000 }], timezone)}>
					{t('plan.windowAdd')}
				</Btn>
				{windows.length > 0 && <Field label={t('plan.timezone')} className="input mono" value={timezone} onChange={(e) => onChange(windows, e.target.value)} aria-invalid={badZone} hint={t(badZone ? 'plan.badZone' : 'plan.timezoneHint')} />}
			</div>
		</fieldset>
	);
}
