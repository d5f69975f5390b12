/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import { post } from '../../api/client';
import { useAct, usePages } from '../../api/hooks';
import type { Delivery } from '../../api/types';
import { deliveryLooks, lookup } from '../../lib/states';
import { Btn } from '../../ui/button';
import { Empty, Loaded, ProblemBox } from '../../ui/feedback';
import { St } from '../../ui/status';
import { When } from '../../ui/when';

function outcome(d: Delivery): string {
	return [d.last_status ? `HTTP ${d.last_status}` : '', d.last_error ?? '', d.response_excerpt ?? ''].filter(Boolean).join(' · ');
}

export function Deliveries({ webhook }: { webhook: string }) {
	const { t } = useI18n();
	const pages = usePages<Delivery>(`/webhooks/${webhook}/deliveries`, { limit: 50 });
	const again = useAct((id: string) => post(`/deliveries/${id}/redeliver`), ['webhooks']);
	return (
		<>
			{again.error && <ProblemBox problem={again.error} />}
			<Loaded query={pages}>
				{({ items }) =>
					items.length === 0 ? (
						<Empty title={t('webhooks.noDeliveries')}>{t('webhooks.noDeliveriesDetail')}</Empty>
					) : (
						<div className="tablewrap" tabIndex={0} role="region" aria-label={t('webhooks.list')}>
							<table className="t" data-testid="deliveries">
								<thead>
									<tr>
										<th>{t('webhooks.event')}</th>
										<th>{t('common.state')}</th>
										<th className="p2 r">{t('rollout.attempt')}</th>
										<th className="p2">{t('webhooks.answer')}</th>
										<th className="p2 r">{t('webhooks.next')}</th>
										<th className="p2 r">{t('common.created')}</th>
										<th>
											<span className="sr">{t('common.actions')}</span>
										</th>
									</tr>
								</thead>
								<tbody>
									{items.map((d) => (
										<tr key={d.id}>
											<td className="name-cell mono">
												{d.event_type}
												<span className="sub">{outcome(d)}</span>
											</td>
											<td>
												<St look={lookup(deliveryLooks, d.state === 'dead' ? 'failed' : d.state)} />
											</td>
											<td className="p2 r num">{d.attempt}</td>
											<td className="p2 dim clip wide-cell" title={outcome(d)}>
												{outcome(d) || '–'}
											</td>
											<td className="p2 r dim">{d.state === 'pending' ? <When at={d.next_at} /> : '–'}</td>
											<td className="p2 r dim">
												<When at={d.created_at} />
											</td>
											<td className="r">
												<Btn small kind="quiet" icon="restart" busy={again.isPending && again.variables === d.id} onClick={() => again.mutate(d.id)}>
													{t('webhooks.again')}
												</Btn>
											</td>
										</tr>
									))}
								</tbody>
							</table>
						</div>
					)
				}
			</Loaded>
			{pages.hasNextPage && (
				<footer>
					<Btn small onClick={() => void pages.fetchNextPage()}>
						{t('common.more')}
					</Btn>
				</footer>
			)}
		</>
	);
}
