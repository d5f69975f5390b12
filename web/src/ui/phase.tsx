/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../i18n';
import { num } from '../i18n/format';
import { bucketLooks, buckets } from '../lib/states';
import type { Bucket } from '../lib/states';
import { Flash } from './flash';
import { Glyph } from './icon';

const fills: Record<Bucket, string> = { succeeded: 'f-ok', failed: 'f-crit', in_progress: 'f-prog', offline: 'f-off', window: 'f-none', pending: 'f-none', skipped: 'f-cell', superseded: 'f-cell' };

/** The bar of a wave: buckets in fixed order, a small gap between them. */
export function Phase({ counts }: { counts: Record<Bucket, number> }) {
	const { t } = useI18n();
	const total = buckets.reduce((sum, b) => sum + counts[b], 0);
	const words = buckets.filter((b) => counts[b] > 0).map((b) => `${counts[b]} ${t(bucketLooks[b].key)}`);
	let x = 0;
	return (
		<svg className="phase" viewBox="0 0 1000 12" preserveAspectRatio="none" role="img" aria-label={words.join(', ') || t('bucket.pending')}>
			{buckets.map((b) => {
				if (counts[b] === 0 || b === 'pending' || b === 'window') return null;
				const width = (1000 * counts[b]) / total;
				const rect = <rect key={b} className={fills[b]} x={x} width={Math.max(2, width - 3)} height="12" />;
				x += width;
				return rect;
			})}
		</svg>
	);
}

export function Buckets({ counts }: { counts: Record<Bucket, number> }) {
	const { t } = useI18n();
	return (
		<div className="buckets">
			{buckets
				.filter((b) => counts[b] > 0)
				.map((b) => (
					<span key={b} className={`st ${bucketLooks[b].tone === 'ok' ? '' : bucketLooks[b].tone}`}>
						<Glyph id={bucketLooks[b].glyph} tone={bucketLooks[b].tone} />
						<Flash value={counts[b]}>
							<b>{num(counts[b])}</b>
						</Flash> <span>{t(bucketLooks[b].key)}</span>
					</span>
				))}
		</div>
	);
}
