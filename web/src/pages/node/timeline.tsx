/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import { usePages } from '../../api/hooks';
import type { Node, TimelineItem } from '../../api/types';
import type { GlyphId, Tone } from '../../ui/icon';
import { Btn } from '../../ui/button';
import { Empty, Loaded } from '../../ui/feedback';
import { Glyph } from '../../ui/icon';
import { Panel } from '../../ui/panel';
import { When } from '../../ui/when';

function mark(item: TimelineItem): [GlyphId, Tone] {
	if (/drift/.test(item.kind)) return ['drift', 'drift'];
	if (item.severity === 'error' || item.severity === 'critical') return ['crit', 'crit'];
	if (item.severity === 'warning') return ['warn', 'warn'];
	if (item.source === 'rollout') return /fail|rolled_back|timed_out|refused/.test(`${item.kind} ${item.text}`) ? ['fail', 'crit'] : ['done', 'ok'];
	if (item.source === 'alert') return /resolved/.test(`${item.kind} ${item.text}`) ? ['done', 'ok'] : ['warn', 'warn'];
	if (item.source === 'audit') return ['ack', 'off'];
	return ['ok', 'ok'];
}

export function Timeline({ node, limit }: { node: Node; limit: number }) {
	const { t, say, has } = useI18n();
	/* Audit rows read like the audit page: who did what. */
	const words = (item: TimelineItem) => {
		const key = `audit.${item.kind}`;
		if (item.source !== 'audit' || !has(key)) return say(item.text || item.kind);
		return t(key, { actor: item.text.split(':')[0], object: node.name });
	};
	const pages = usePages<TimelineItem>(`/nodes/${node.id}/timeline`, { limit });
	return (
		<Panel
			title={t('node.timeline')}
			footer={
				pages.hasNextPage ? (
					<Btn small busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
						{t('common.more')}
					</Btn>
				) : undefined
			}
		>
			<Loaded query={pages}>
				{({ items }) =>
					items.length === 0 ? (
						<Empty title={t('node.noEvents')} />
					) : (
						<ol className="tl">
							{items.map((item, i) => {
								const [glyph, tone] = mark(item);
								return (
									<li key={i}>
										<When at={item.at} />
										<Glyph id={glyph} tone={tone} />
										<div>
											<span>{words(item)}</span>
											<br />
											<span className="sub">{[item.service, item.kind].filter(Boolean).join(' · ')}</span>
										</div>
									</li>
								);
							})}
						</ol>
					)
				}
			</Loaded>
		</Panel>
	);
}
