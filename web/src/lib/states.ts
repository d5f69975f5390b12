/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status vocabulary: every state that the API can name has a glyph, a tone and a word.
 * What is not in a table (a newer server) falls back to a neutral ring with the raw word.
 */
import type { GlyphId, Tone } from '../ui/icon';
import type { Key } from '../i18n';
import type { Node } from '../api/types';

export interface Look { glyph: GlyphId; tone: Tone; key: Key }

const look = (glyph: GlyphId, tone: Tone, key: Key): Look => ({ glyph, tone, key });

export const unknownLook = look('pend', 'off', 'state.unknown');

export const nodeLooks: Record<string, Look> = {
	online: look('ok', 'ok', 'node.online'),
	warning: look('warn', 'warn', 'node.warning'),
	critical: look('crit', 'crit', 'node.critical'),
	offline: look('off', 'off', 'node.offline'),
	updating: look('prog', 'prog', 'node.updating'),
	pending: look('pend', 'off', 'node.pending'),
	retired: look('skip', 'off', 'node.retired'),
};

export const serviceLooks: Record<string, Look> = {
	running: look('ok', 'ok', 'service.running'),
	starting: look('prog', 'prog', 'service.starting'),
	stopping: look('prog', 'prog', 'service.stopping'),
	stopped: look('skip', 'off', 'service.stopped'),
	unhealthy: look('warn', 'warn', 'service.unsteady'),
	backoff: look('warn', 'warn', 'service.backoff'),
	held: look('crit', 'crit', 'service.crashLoop'),
	failed: look('crit', 'crit', 'service.failed'),
};

export const probeLooks: Record<string, Look> = {
	unknown: look('pend', 'off', 'probe.unknown'),
	good: look('ok', 'ok', 'probe.good'),
	bad: look('crit', 'crit', 'probe.bad'),
};

export const rolloutLooks: Record<string, Look> = {
	draft: look('pend', 'off', 'rollout.draft'),
	awaiting_approval: look('pend', 'warn', 'rollout.awaitingApproval'),
	running: look('prog', 'prog', 'rollout.running'),
	paused: look('pause', 'warn', 'rollout.paused'),
	succeeded: look('done', 'ok', 'rollout.succeeded'),
	failed: look('fail', 'crit', 'rollout.failed'),
	aborted: look('skip', 'off', 'rollout.aborted'),
	rolling_back: look('back', 'prog', 'rollout.rollingBack'),
	rolled_back: look('back', 'off', 'rollout.rolledBack'),
};

export const waveLooks: Record<string, Look> = {
	pending: look('pend', 'off', 'wave.pending'),
	running: look('prog', 'prog', 'wave.running'),
	soaking: look('prog', 'prog', 'wave.soaking'),
	succeeded: look('done', 'ok', 'wave.succeeded'),
	failed: look('fail', 'crit', 'wave.failed'),
};

export const stepLooks: Record<string, Look> = {
	pending: look('pend', 'off', 'step.pending'),
	queued: look('pend', 'off', 'step.queued'),
	offline: look('off', 'off', 'step.offline'),
	sent: look('prog', 'prog', 'step.sent'),
	accepted: look('prog', 'prog', 'step.accepted'),
	fetching: look('prog', 'prog', 'step.fetching'),
	applying: look('prog', 'prog', 'step.applying'),
	verifying: look('prog', 'prog', 'step.verifying'),
	succeeded: look('done', 'ok', 'step.succeeded'),
	failed: look('fail', 'crit', 'step.failed'),
	refused: look('fail', 'crit', 'step.refused'),
	rolled_back: look('back', 'crit', 'step.rolledBack'),
	rollback_failed: look('crit', 'crit', 'step.rollbackFailed'),
	timed_out: look('fail', 'crit', 'step.timedOut'),
	superseded: look('skip', 'off', 'step.superseded'),
	skipped: look('skip', 'off', 'step.skipped'),
};

export const alertLooks: Record<string, Look> = {
	pending: look('pend', 'off', 'alert.pending'),
	firing: look('warn', 'warn', 'alert.firing'),
	acknowledged: look('ack', 'off', 'alert.acknowledged'),
	resolved: look('done', 'ok', 'alert.resolved'),
};

export const severityLooks: Record<string, Look> = {
	critical: look('crit', 'crit', 'severity.critical'),
	error: look('crit', 'crit', 'severity.error'),
	warning: look('warn', 'warn', 'severity.warning'),
	info: look('ok', 'off', 'severity.info'),
};

export const deliveryLooks: Record<string, Look> = {
	pending: look('pend', 'off', 'delivery.pending'),
	succeeded: look('done', 'ok', 'delivery.succeeded'),
	failed: look('fail', 'crit', 'delivery.failed'),
};

export const driftLook = look('drift', 'drift', 'node.drift');

export function lookup(table: Record<string, Look>, state: string | null | undefined): Look {
	return (state && table[state]) || unknownLook;
}

export const nodeOrder = ['online', 'warning', 'offline', 'updating', 'pending'] as const;

/** A service that runs but is not ready is unsteady, whatever its process state says. */
export function serviceLook(service: { state: string | null; ready: boolean | null; run?: boolean | null }, status?: string): Look {
	if (status === 'offline') return look('off', 'off', 'node.offline');
	if (!service.state) return look('pend', 'off', 'service.pending');
	if (service.state === 'running' && service.ready === false) return serviceLooks.starting;
	return lookup(serviceLooks, service.state);
}

export function isDrifted(node: Pick<Node, 'drift'>): boolean {
	return node.drift === true;
}

const bucketOf: Record<string, string> = {
	succeeded: 'succeeded',
	failed: 'failed', refused: 'failed', rolled_back: 'failed', rollback_failed: 'failed', timed_out: 'failed',
	in_progress: 'in_progress', sent: 'in_progress', accepted: 'in_progress', fetching: 'in_progress', applying: 'in_progress', verifying: 'in_progress',
	offline: 'offline',
	pending: 'pending', queued: 'pending',
	window: 'window',
	skipped: 'skipped',
	superseded: 'superseded',
};

export const buckets = ['succeeded', 'failed', 'in_progress', 'offline', 'window', 'pending', 'skipped', 'superseded'] as const;
export type Bucket = (typeof buckets)[number];

/** Counts per state or per bucket, as the server gives them, to the fixed buckets of the phase bar. */
export function toBuckets(counts: Record<string, number> | undefined): Record<Bucket, number> {
	const out: Record<Bucket, number> = { succeeded: 0, failed: 0, in_progress: 0, offline: 0, window: 0, pending: 0, skipped: 0, superseded: 0 };
	for (const [state, n] of Object.entries(counts ?? {})) {
		const bucket = bucketOf[state] as Bucket | undefined;
		if (bucket && typeof n === 'number') out[bucket] += n;
	}
	/* The server counts these within the larger ones. */
	if (counts?.skipped !== undefined) out.skipped -= out.superseded;
	if (counts?.pending !== undefined) out.pending -= out.window;
	return out;
}

export const bucketLooks: Record<Bucket, Look> = {
	succeeded: look('done', 'ok', 'bucket.succeeded'),
	failed: look('fail', 'crit', 'bucket.failed'),
	in_progress: look('prog', 'prog', 'bucket.inProgress'),
	offline: look('off', 'off', 'bucket.offline'),
	window: look('pend', 'prog', 'bucket.window'),
	pending: look('pend', 'off', 'bucket.pending'),
	skipped: look('skip', 'off', 'bucket.skipped'),
	superseded: look('skip', 'off', 'bucket.superseded'),
};
