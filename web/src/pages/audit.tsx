/* SPDX-License-Identifier: Apache-2.0 */
import { Fragment, useState } from 'react';
import { useI18n } from '../i18n';
import { usePages } from '../api/hooks';
import type { AuditRow } from '../api/types';
import { auditWords } from '../lib/audit';
import { useCan } from '../app/session';
import { Btn } from '../ui/button';
import { Empty, Loaded } from '../ui/feedback';
import { Head } from '../ui/panel';
import { When } from '../ui/when';

export function Audit() {
	const { t, has } = useI18n();
	const admin = useCan('admin');
	const pages = usePages<AuditRow>('/audit', { limit: 100 }, { enabled: admin });
	const [open, setOpen] = useState<number | null>(null);
	return (
		<>
			<Head title={t('nav.audit')} why={t('audit.why')} />
			<section className="panel">
				{!admin && <Empty title={t('error.needsRole', { role: t('role.admin') })} />}
				{admin && <Loaded query={pages}>
					{({ items }) =>
						items.length === 0 ? (
							<Empty title={t('audit.none')} />
						) : (
							<div className="tablewrap" tabIndex={0} role="region" aria-label={t('nav.audit')}>
								<table className="t">
									<thead>
										<tr>
											<th>{t('audit.what')}</th>
											<th className="p2">{t('audit.action')}</th>
											<th className="p2">{t('audit.who')}</th>
											<th className="p2">{t('audit.from')}</th>
											<th className="p2">{t('error.request')}</th>
											<th className="r">{t('audit.at')}</th>
										</tr>
									</thead>
									<tbody>
										{items.map((a) => (
											<Fragment key={a.id}>
												<tr>
													<td className="name-cell">
														<button type="button" className="linkish text clip" aria-expanded={open === a.id} onClick={() => setOpen(open === a.id ? null : a.id)}>
															{auditWords(t, has, a)}
														</button>
														<span className="sub">{[a.action, a.remote].filter(Boolean).join(' · ')}</span>
													</td>
													<td className="p2 mono dim">{a.action}</td>
													<td className="p2">{a.actor_name ?? a.actor_id ?? a.actor_kind}</td>
													<td className="p2 mono dim">{a.remote ?? '–'}</td>
													<td className="p2 mono dim clip wide-cell">{a.request_id ?? '–'}</td>
													<td className="r dim">
														<When at={a.at} />
													</td>
												</tr>
												{open === a.id && (
													<tr className="detail">
														<td colSpan={6}>
															<pre className="code">{JSON.stringify(a.detail ?? {}, null, 2)}</pre>
														</td>
													</tr>
												)}
											</Fragment>
										))}
									</tbody>
								</table>
							</div>
						)
					}
				</Loaded>}
				{pages.hasNextPage && (
					<footer>
						<Btn small busy={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
							{t('common.more')}
						</Btn>
					</footer>
				)}
			</section>
		</>
	);
}
