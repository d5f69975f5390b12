/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../i18n';
import type { Key } from '../i18n';
import { sentence } from '../lib/rollout';
import { duration, parseTime } from '../lib/time';
import { When, useNow } from './when';
import type { Explain } from '../api/types';

/** Time left until an instant; nothing once it is past. */
export function Left({ until }: { until: string }) {
	const { t } = useI18n();
	const left = (parseTime(until)?.getTime() ?? 0) - useNow();
	return left > 0 ? <span className="num">{t('why.left', { left: duration(left / 1000) })}</span> : null;
}

/** What would change it, and who can do that. */
export function Ways({ explain }: { explain: Explain }) {
	const { t, say, has } = useI18n();
	const verb = (action: string) => (has(`verb.${action}`) ? t(`verb.${action}` as Key) : action).replace('…', '');
	return (
		<ul className="plain" data-testid="ways">
			{(explain.ways ?? []).map((w, i) => (
				<li key={i}>
					<span className="dimmer">{t(`why.by.${w.by}`)}:</span> {w.action ? t('why.action', { verb: verb(w.action), what: say(w.text) }) : say(w.text)}
				</li>
			))}
		</ul>
	);
}

/** What it waits for, until when, what happens then, and who can change it. */
export function Waits({ explain }: { explain: Explain }) {
	const { t, say } = useI18n();
	const ways = explain.ways ?? [];
	if (!explain.waits_for && !explain.until && ways.length === 0) return null;
	return (
		<dl className="pairs why-pairs" data-testid="waits">
			{explain.waits_for && (
				<>
					<dt>{t('why.waitsFor')}</dt>
					<dd>{say(explain.waits_for)}</dd>
				</>
			)}
			{explain.until && (
				<>
					<dt>{t('why.until')}</dt>
					<dd>
						<When at={explain.until} /> <span className="dimmer"><Left until={explain.until} /></span>
						{explain.then && <> · {t('why.then', { what: say(explain.then) })}</>}
					</dd>
				</>
			)}
			{ways.length > 0 && (
				<>
					<dt>{t('why.ways')}</dt>
					<dd>
						<Ways explain={explain} />
					</dd>
				</>
			)}
		</dl>
	);
}

/** The whole answer to "why?", for a place that has not said it yet. */
export function Explained({ explain }: { explain: Explain }) {
	const { t, say } = useI18n();
	return (
		<div className="stack-2">
			<p>
				{sentence(say(explain.text))}{' '}
				{explain.since && (
					<span className="dimmer">
						{t('common.since')} <When at={explain.since} />
					</span>
				)}
			</p>
			<Waits explain={explain} />
		</div>
	);
}
