/* SPDX-License-Identifier: Apache-2.0 */
/* Words and small rules about rollouts that several pages share. */
import type { Translate } from '../i18n';
import type { Change, Rollout, Targets, UpdateWindow } from '../api/types';
import { asWeekly } from './cron';
import { toBuckets } from './states';

export function changeText(c: Change): string {
	const parts: string[] = [];
	if (c.package) parts.push(`${c.package.name} ${c.package.version}`);
	if (c.config) parts.push(`${c.config.name} ${c.config.version === 'latest' ? 'latest' : `v${c.config.version}`}`);
	if (c.remove) parts.push('remove');
	else if (c.run === false) parts.push('stop');
	else if (c.run === true && parts.length === 0) parts.push('run');
	if (c.parameters && Object.keys(c.parameters).length > 0) parts.push('parameters');
	return `${c.service} ${parts.join(' + ')}`.trim();
}

export function rolloutTitle(r: Pick<Rollout, 'name' | 'changes'>): string {
	return r.name || (r.changes ?? []).map(changeText).join(', ');
}

export function targetText(targets: Targets | null | undefined, all = '*'): string {
	if (targets?.selector) return targets.selector === '*' ? all : targets.selector;
	const nodes = targets?.nodes ?? [];
	return nodes.length <= 3 ? nodes.join(', ') : `${nodes.slice(0, 3).join(', ')} +${nodes.length - 3}`;
}

/** Closes a sentence that came without its full stop; Chinese has its own. */
export function sentence(text: string): string {
	if (text === '' || /[.!?。！？]$/.test(text)) return text;
	return text + (/[\u4e00-\u9fff]/.test(text) ? '。' : '.');
}

const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** An update window in words: days, from, to. A cron line that is more than that is named as it is. */
export function windowText(w: UpdateWindow, t: Translate): string {
	const weekly = asWeekly(w.cron);
	const minutes = Math.round(w.duration_ms / 60_000);
	const long = minutes % 60 === 0 ? t('plan.hours', { n: minutes / 60 }) : t('plan.minutes', { n: minutes });
	if (!weekly) return t('plan.windowCron', { cron: w.cron, long });
	const days = weekly.days.length === 7 ? t('plan.daily') : weekly.days.map((d) => t(`weekday.${weekdays[d]}`)).join(', ');
	return t('plan.windowWords', { days, time: weekly.time, long });
}

/** Part of the steps that is final, 0..100; null without counts. */
export function finalShare(counts: Record<string, number> | undefined): number | null {
	const b = toBuckets(counts);
	const all = Object.values(b).reduce((sum, n) => sum + n, 0);
	return all === 0 ? null : Math.round((100 * (b.succeeded + b.failed + b.skipped + b.superseded)) / all);
}

/** `1, 2, 100%` to [1, 2, "100%"]; null where a part is neither a count nor a percentage. */
export function parseWaves(text: string): (number | string)[] | null {
	const parts = text.split(/[,\s]+/).filter(Boolean);
	const out: (number | string)[] = [];
	for (const part of parts) {
		if (/^[1-9]\d*$/.test(part)) out.push(Number(part));
		else if (/^(100|[1-9]\d?)(\.\d+)?%$/.test(part)) out.push(part);
		else return null;
	}
	return out;
}

export const finished = new Set(['succeeded', 'failed', 'aborted', 'rolled_back']);
