/* SPDX-License-Identifier: Apache-2.0 */
import { Link, getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { usePages } from '../api/hooks';
import type { Rollout } from '../api/types';
import { finalShare, rolloutTitle, targetText } from '../lib/rollout';
import { lookup, rolloutLooks, toBuckets } from '../lib/states';
import { Btn, Seg } from '../ui/button';
import { Empty, Loaded } from '../ui/feedback';
import { Icon } from '../ui/icon';
import { Head } from '../ui/panel';
import { Phase } from '../ui/phase';
import { St } from '../ui/status';
import { When } from '../ui/when';

const route = getRouteApi('/app/rollouts');
const filters = ['', 'running', 'paused', 'succeeded', 'failed'] as const;

export function Rollouts() {
	const { t, say } = useI18n();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const pages = usePages<Rollout>('/rollouts', { state: search.state, limit: 50 });
	return (
		<>
			<Head
				title={t('nav.rollouts')}
				why={t('rollouts.why')}
				actions={
					<Link className="btn primary" to="/rollouts/new">
						<Icon id="plus" />
						<span>{t('rollouts.new')}</span>
					</Link>
				}
			/>
			<section className="panel">
				<header>
					<h2>{t('nav.rollouts')}</h2>
					<Seg
						label={t('common.filter')}
						value={(search.state ?? '') as (typeof filters)[number]}
						onChange={(state) => void navigate({ search: { state: state || undefined } })}
						options={filters.map((f) => ({ value: f, label: f === '' ? t('common.all') : t(lookup(rolloutLooks, f).key) }))}
					/>
				</header>
				<Loaded query={pages}>
					{({ items }) =>
						items.length === 0 ? (
							<Empty title={search.state ? t('rollouts.noMatch') : t('rollouts.none')}>{t('rollouts.noneDetail')}</Empty>
						) : (
							<div className="tablewrap" tabIndex={0} role="region" aria-label={t('nav.rollouts')}>
								<table className="t" data-testid="rollouts">
									<thead>
										<tr>
											<th>{t('nav.rollouts')}</th>
											<th>{t('common.state')}</th>
											<th className="p2 phase-col">{t('rollouts.progress')}</th>
											<th className="p2">{t('rollouts.targets')}</th>
											<th className="p2">{t('common.by')}</th>
											<th className="p2 r">{t('common.created')}</th>
										</tr>
									</thead>
									<tbody>
										{items.map((r) => (
											<tr key={r.id}>
												<td className="name-cell">
													<Link className="name" to="/rollouts/$id" params={{ id: String(r.number) }}>
														<span className="mono">R-{r.number}</span> {rolloutTitle(r)}
													</Link>
													<span className="sub">{[finalShare(r.counts) === null ? '' : `${finalShare(r.counts)}%`, targetText(r.targets, t('plan.by.all')), say(r.reason ?? '')].filter(Boolean).join(' · ')}</span>
												</td>
												<td title={r.reason ? say(r.reason) : undefined}>
													<St look={lookup(rolloutLooks, r.state)} />
												</td>
												<td className="p2 phase-col">
													<Phase counts={toBuckets(r.counts)} />
												</td>
												<td className="p2 mono dim clip wide-cell">{targetText(r.targets, t('plan.by.all'))}</td>
												<td className="p2 dim">{r.created_by ?? '–'}</td>
												<td className="p2 r dim">
													<When at={r.created_at} />
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
			</section>
		</>
	);
}
