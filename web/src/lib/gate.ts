/* SPDX-License-Identifier: Apache-2.0 */
/* What a gate measures, how much of it is allowed, and whether it holds: the same rules as in the server. */
import type { Rollout, Wave } from '../api/types';
import { toBuckets } from './states';

export interface Limit { kind: 'failed' | 'failedPercent' | 'unreachablePercent'; now: number; allowed: number; percent?: number; of: number; over: boolean }

/** The wave that the gate is about: the current one, or the first before it runs. */
export function gateWave(rollout: Rollout): Wave | undefined {
	return rollout.waves?.find((w) => w.no === rollout.current_wave) ?? rollout.waves?.[0];
}

/** The limits in numbers of nodes: a share allows the whole nodes below it. */
export function gateLimits(rollout: Rollout, wave: Wave): Limit[] {
	const s = rollout.strategy ?? {};
	const counts = toBuckets(wave.counts);
	const of = wave.gate?.of ?? wave.size - counts.skipped - counts.superseded;
	const failed = wave.gate?.failed ?? counts.failed;
	const away = wave.gate?.unreachable ?? 0;
	const out: Limit[] = [];
	const share = (kind: Limit['kind'], now: number, percent: number) => {
		const allowed = Math.floor((of * percent) / 100);
		out.push({ kind, now, allowed, percent, of, over: now > allowed });
	};
	/* Where a share is given and no number, the share alone counts. */
	if (s.max_failures !== undefined || s.max_failed_percent === undefined) out.push({ kind: 'failed', now: failed, allowed: s.max_failures ?? 0, of, over: failed > (s.max_failures ?? 0) });
	if (s.max_failed_percent !== undefined) share('failedPercent', failed, s.max_failed_percent);
	if (s.max_unreachable_percent !== undefined) share('unreachablePercent', away, s.max_unreachable_percent);
	return out;
}
