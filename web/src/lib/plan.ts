/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan says, in words, and what makes two plans of the same settings different. */
import type { Translate } from '../i18n';
import type { Plan, PlanGroup, PlanService } from '../api/types';

export function serviceWords(s: PlanService, t: Translate): string {
	const parts: string[] = [];
	const arrow = (from: string | null, to: string | null) => `${from ?? '–'} → ${to ?? '–'}`;
	const version = (no: number | string | null) => (no === null || no === 0 ? null : `v${no}`);
	if (s.package && s.package.from !== s.package.to) parts.push(arrow(s.package.from, s.package.to));
	if (s.config && s.config.from !== s.config.to) parts.push(`${t('node.config')} ${arrow(version(s.config.from), version(s.config.to))}`);
	const how = s.restart ? t('plan.restarts') : s.reload ? t('plan.reloads') : s.remove ? t('plan.removed') : s.stop ? t('plan.stops') : '';
	return `${s.service}: ${[...parts, how].filter(Boolean).join(', ')}`;
}

export function groupWords(g: PlanGroup, t: Translate): string {
	if (g.kind === 'blocked') return g.blocked ?? t('plan.blocked');
	if (g.kind === 'same') return t('plan.same');
	return g.services.map((s) => serviceWords(s, t)).join('; ');
}

/* The same change on other nodes is the same group, whatever its place in the list. */
function keyOf(g: PlanGroup): string {
	return JSON.stringify([g.kind, g.blocked, g.services.map((s) => [s.service, s.package, s.config?.name, s.config?.from, s.config?.to, (s.config?.files ?? []).map((f) => [f.path, f.change, f.diff_digest]), s.restart, s.reload, s.stop, s.remove])]);
}

export interface PlanChange { group: PlanGroup; before: number; now: number }

/** Groups that are new, gone, or of another size; the largest difference first. */
export function comparePlans(before: Plan, now: Plan): PlanChange[] {
	const old = new Map(before.groups.map((g) => [keyOf(g), g]));
	const out: PlanChange[] = [];
	for (const g of now.groups) {
		const was = old.get(keyOf(g));
		old.delete(keyOf(g));
		if (was?.count !== g.count) out.push({ group: g, before: was?.count ?? 0, now: g.count });
	}
	for (const g of old.values()) out.push({ group: g, before: g.count, now: 0 });
	return out.sort((a, b) => Math.abs(b.now - b.before) - Math.abs(a.now - a.before));
}
