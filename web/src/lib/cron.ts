/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cron fields of update windows, read as the server reads them, on a wall clock without a zone: a
 * moment is a Date whose UTC fields are what the clock shows.
 */
const words = { 3: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'], 4: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] } as Record<number, string[]>;
const ranges: [number, number][] = [[0, 59], [0, 23], [1, 31], [1, 12], [0, 7]];
const dayMs = 86_400_000;
const searchDays = 8 * 366;

export interface Cron { sets: Set<number>[]; everyDay: boolean; everyWeekday: boolean }

function value(text: string, field: number): number {
	const word = words[field]?.indexOf(text.toLowerCase()) ?? -1;
	if (word >= 0) return ranges[field][0] + word;
	const n = /^\d{1,2}$/.test(text) ? Number(text) : NaN;
	return n >= ranges[field][0] && n <= ranges[field][1] ? n : NaN;
}

function fieldSet(text: string, field: number): Set<number> | null {
	const out = new Set<number>();
	for (const part of text.split(',')) {
		const match = /^(\*|[^-/]+)(?:-([^-/]+))?(?:\/(\d+))?$/.exec(part);
		if (!match) return null;
		const [, first, last, step] = match;
		let from = ranges[field][0];
		let to = field === 4 ? 6 : ranges[field][1];
		if (first !== '*') {
			from = value(first, field);
			to = last !== undefined ? value(last, field) : step !== undefined ? ranges[field][1] : from;
		} else if (last !== undefined) return null;
		const by = step === undefined ? 1 : Number(step);
		if (Number.isNaN(from) || Number.isNaN(to) || to < from || by < 1 || by > ranges[field][1]) return null;
		for (let n = from; n <= to; n += by) out.add(field === 4 && n === 7 ? 0 : n);
	}
	return out;
}

/** null where the text is not five fields of the grammar. */
export function parseCron(text: string): Cron | null {
	const fields = text.trim().split(/[ \t]+/);
	if (fields.length !== 5) return null;
	const sets = fields.map(fieldSet);
	if (sets.some((s) => s === null)) return null;
	return { sets: sets as Set<number>[], everyDay: fields[2].startsWith('*'), everyWeekday: fields[4].startsWith('*') };
}

function dayFits(cron: Cron, day: Date): boolean {
	if (!cron.sets[3].has(day.getUTCMonth() + 1)) return false;
	const byDay = cron.sets[2].has(day.getUTCDate());
	const byWeekday = cron.sets[4].has(day.getUTCDay());
	/* Both restricted: either is enough, as in cron. */
	return cron.everyDay || cron.everyWeekday ? byDay && byWeekday : byDay || byWeekday;
}

/** The next moments after one, at most `count`; none where no day of eight years fits. */
export function nextOpenings(cron: Cron, after: Date, count: number): Date[] {
	const out: Date[] = [];
	const first = Math.floor(after.getTime() / dayMs) * dayMs;
	const hours = [...cron.sets[1]].sort((a, b) => a - b);
	const minutes = [...cron.sets[0]].sort((a, b) => a - b);
	for (let d = 0; d < searchDays && out.length < count; d += 1) {
		const day = first + d * dayMs;
		if (!dayFits(cron, new Date(day))) continue;
		for (const h of hours) {
			for (const m of minutes) {
				const at = new Date(day + (h * 60 + m) * 60_000);
				if (at > after && out.length < count) out.push(at);
			}
		}
	}
	return out;
}

/** What the wall clock of a time zone shows; null for a name that is none. */
export function wallClock(now: Date, zone: string): Date | null {
	try {
		const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hour12: false }).formatToParts(now);
		const at = (type: string) => Number(parts.find((p) => p.type === type)?.value);
		return new Date(Date.UTC(at('year'), at('month') - 1, at('day'), at('hour') % 24, at('minute')));
	} catch {
		return null;
	}
}

export interface Weekly { days: number[]; time: string }

/** A cron line that only says days of the week and one time of day; null for any other. */
export function asWeekly(text: string): Weekly | null {
	const match = /^(\d{1,2}) (\d{1,2}) \* \* (\S+)$/.exec(text.trim());
	const cron = match && parseCron(text);
	if (!match || !cron) return null;
	return { days: [...cron.sets[4]].sort((a, b) => a - b), time: `${match[2].padStart(2, '0')}:${match[1].padStart(2, '0')}` };
}

export function fromWeekly({ days, time }: Weekly): string {
	const [hour, minute] = time.split(':').map(Number);
	return `${minute || 0} ${hour || 0} * * ${days.length === 0 || days.length === 7 ? '*' : [...days].sort((a, b) => a - b).join(',')}`;
}
