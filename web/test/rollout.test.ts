/* SPDX-License-Identifier: Apache-2.0 */
import { describe, expect, it } from 'vitest';
import { asWeekly, fromWeekly, nextOpenings, parseCron, wallClock } from '../src/lib/cron';
import { gateLimits, gateWave } from '../src/lib/gate';
import { toBuckets } from '../src/lib/states';
import { defaultStrategy, strategyProblem, toStrategy } from '../src/pages/rollout/strategy';
import type { Rollout, Wave } from '../src/api/types';

const at = (text: string) => new Date(`${text}:00Z`);
const next = (cron: string, from: string, count = 1) => nextOpenings(parseCron(cron)!, at(from), count).map((d) => d.toISOString().slice(0, 16));

describe('update windows', () => {
	it('refuses what the server refuses', () => {
		for (const text of ['', '* * * *', '60 * * * *', '* 24 * * *', '* * 0 * *', '* * * 13 *', '* * * * 8', '5-1 * * * *', '*/0 * * * *', 'x * * * *', '* * * * * *', '*-3 * * * *']) expect(parseCron(text), text).toBeNull();
	});
	it('finds the next openings', () => {
		expect(next('0 2 * * *', '2026-12-01T01:00', 2)).toEqual(['2026-12-01T02:00', '2026-12-02T02:00']);
		expect(next('0 2 * * *', '2026-12-01T02:00')).toEqual(['2026-12-02T02:00']);
		expect(next('30 22 * * sat,7', '2026-12-01T00:00', 2)).toEqual(['2026-12-05T22:30', '2026-12-06T22:30']);
		expect(next('0 0 29 feb *', '2026-12-01T00:00')).toEqual(['2028-02-29T00:00']);
		expect(next('*/20 9 * * *', '2026-12-01T09:05', 2)).toEqual(['2026-12-01T09:20', '2026-12-01T09:40']);
	});
	it('takes either day where both are restricted, as cron does', () => {
		expect(next('0 0 13 * fri', '2026-12-01T00:00', 3)).toEqual(['2026-12-04T00:00', '2026-12-11T00:00', '2026-12-13T00:00']);
	});
	it('knows what never opens', () => {
		expect(next('0 0 30 2 *', '2026-12-01T00:00')).toEqual([]);
	});
	it('reads and writes the weekly form', () => {
		expect(asWeekly('5 2 * * 1-5')).toEqual({ days: [1, 2, 3, 4, 5], time: '02:05' });
		expect(asWeekly('0 2 1 * *')).toBeNull();
		expect(fromWeekly({ days: [6, 0], time: '22:30' })).toBe('30 22 * * 0,6');
		expect(fromWeekly({ days: [], time: '02:00' })).toBe('0 2 * * *');
	});
	it('knows the clock of a zone and what is none', () => {
		expect(wallClock(at('2026-12-01T18:00'), 'Asia/Shanghai')?.toISOString()).toBe('2026-12-02T02:00:00.000Z');
		expect(wallClock(at('2026-12-01T18:00'), 'Mars/Olympus')).toBeNull();
	});
});

describe('gate', () => {
	const wave = (counts: Record<string, number>, gate?: Wave['gate']) => ({ no: 2, state: 'running', size: 10, counts, started_at: null, finished_at: null, soak_until: null, gate }) as Wave;
	const rollout = (strategy: Rollout['strategy'], w: Wave) => ({ strategy, waves: [w], current_wave: 2 }) as unknown as Rollout;
	const limits = (strategy: Rollout['strategy'], w: Wave) => gateLimits(rollout(strategy, w), w);
	it('allows no failure where nothing is said', () => {
		expect(limits({}, wave({ failed: 0 }))).toEqual([{ kind: 'failed', now: 0, allowed: 0, of: 10, over: false }]);
		expect(limits({}, wave({ failed: 1 }))[0].over).toBe(true);
	});
	it('lets a share stand alone, or beside a number', () => {
		expect(limits({ max_failed_percent: 25 }, wave({ failed: 2, skipped: 2 })).map((l) => [l.kind, l.allowed, l.of, l.over])).toEqual([['failedPercent', 2, 8, false]]);
		expect(limits({ max_failed_percent: 25, max_failures: 3 }, wave({ failed: 3 })).map((l) => [l.kind, l.over])).toEqual([['failed', false], ['failedPercent', true]]);
	});
	it('counts what the server counts: nothing that somebody has accepted', () => {
		const [failed, away] = limits({ max_failures: 1, max_unreachable_percent: 10 }, wave({ failed: 5 }, { failed: 1, unreachable: 2, of: 10 }));
		expect([failed.now, failed.over, away.now, away.allowed, away.over]).toEqual([1, false, 2, 1, true]);
	});
	it('is about the current wave, or the first', () => {
		const w = wave({});
		expect(gateWave(rollout({}, w))).toBe(w);
		expect(gateWave({ waves: [w], current_wave: 0 } as unknown as Rollout)).toBe(w);
	});
});

describe('counts of steps', () => {
	it('takes out of the larger ones what is a bucket of its own', () => {
		const b = toBuckets({ total: 9, pending: 5, window: 3, skipped: 4, superseded: 1 });
		expect([b.pending, b.window, b.skipped, b.superseded]).toEqual([2, 3, 3, 1]);
	});
});

describe('strategy', () => {
	it('sends waves by label with their order', () => {
		expect(toStrategy({ ...defaultStrategy, by: 'label', label: 'site', order: 'b, a' }).waves).toEqual({ label: 'site', order: ['b', 'a'] });
		expect(toStrategy({ ...defaultStrategy, by: 'label', label: 'site' }).waves).toEqual({ label: 'site' });
	});
	it('makes an empty field no limit, and none of the field 0', () => {
		const s = toStrategy({ ...defaultStrategy, failures: '', failedPercent: '5' });
		expect([s.max_failures, s.max_failed_percent, s.max_unreachable_percent]).toEqual([undefined, 5, undefined]);
		expect(toStrategy({ ...defaultStrategy, awayPercent: '0' }).max_unreachable_percent).toBe(0);
	});
	it('says what is wrong before the server does', () => {
		expect(strategyProblem(defaultStrategy)).toBeNull();
		expect(strategyProblem({ ...defaultStrategy, waves: 'x' })).toBe('plan.badWaves');
		expect(strategyProblem({ ...defaultStrategy, by: 'label', label: ' ' })).toBe('plan.needLabel');
		expect(strategyProblem({ ...defaultStrategy, windows: [{ cron: '2 a.m.', duration_ms: 60_000 }] })).toBe('plan.badCron');
	});
});
