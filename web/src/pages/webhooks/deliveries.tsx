/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import { post } from '../../api/client';
import { useAct, usePages } from '../../api/hooks';
import type { Delivery } from '../../api/types';
import { deliveryLooks, lookup } from '../../lib/states';
import { Btn } from '../../ui/button';
import { Empty, ProblemBox } from '../../ui/feedback';
import { List, More } from '../../ui/list';
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
			<List
				query={pages}
				label={t('webhooks.list')}
				testId="deliveries"
				empty={<Empty title={t('webhooks.noDeliveries')}>{t('webhooks.noDeliveriesDetail')}</Empty>}
				keyOf={(d) => d.id}
				columns={[
					{
						head: t('webhooks.event'),
						td: 'name-cell mono',
						cell: (d) => (
							<>
								{d.event_type}
								<span className="sub">{outcome(d)}</span>
							</>
						),
					},
					{ head: t('common.state'), cell: (d) => <St look={lookup(deliveryLooks, d.state === 'dead' ? 'failed' : d.state)} /> },
					{ head: t('rollout.attempt'), th: 'p2 r', td: 'p2 r num', cell: (d) => d.attempt },
					{ head: t('webhooks.answer'), th: 'p2', td: 'p2 dim clip wide-cell', hover: (d) => outcome(d), cell: (d) => outcome(d) || '–' },
					{ head: t('webhooks.next'), th: 'p2 r', td: 'p2 r dim', cell: (d) => d.state === 'pending' ? <When at={d.next_at} /> : '–' },
					{ head: t('common.created'), th: 'p2 r', td: 'p2 r dim', cell: (d) => <When at={d.created_at} /> },
					{
						td: 'r',
						cell: (d) => (
							<Btn small kind="quiet" icon="restart" busy={again.isPending && again.variables === d.id} onClick={() => again.mutate(d.id)}>
								{t('webhooks.again')}
							</Btn>
						),
					},
				]}
			/>
			{pages.hasNextPage && (
				<footer>
					<More pages={pages} />
				</footer>
			)}
		</>
	);
}
