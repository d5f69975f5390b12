/* SPDX-License-Identifier: Apache-2.0 */
import { Link, getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { usePages } from '../api/hooks';
import type { Rollout } from '../api/types';
import { finalShare, rolloutTitle, targetText } from '../lib/rollout';
import { lookup, rolloutLooks, toBuckets } from '../lib/states';
import { Seg } from '../ui/button';
import { Empty } from '../ui/feedback';
import { List, More } from '../ui/list';
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
				<List
					query={pages}
					label={t('nav.rollouts')}
					testId="rollouts"
					empty={<Empty title={search.state ? t('rollouts.noMatch') : t('rollouts.none')}>{t('rollouts.noneDetail')}</Empty>}
					keyOf={(r) => r.id}
					columns={[
						{
							head: t('nav.rollouts'),
							td: 'name-cell',
							cell: (r) => (
								<>
									<Link className="name" to="/rollouts/$id" params={{ id: String(r.number) }}>
										<span className="mono">R-{r.number}</span> {rolloutTitle(r)}
									</Link>
									<span className="sub">{[finalShare(r.counts) === null ? '' : `${finalShare(r.counts)}%`, targetText(r.targets, t('plan.by.all')), say(r.reason ?? '')].filter(Boolean).join(' · ')}</span>
								</>
							),
						},
						{ head: t('common.state'), hover: (r) => (r.reason ? say(r.reason) : undefined), cell: (r) => <St look={lookup(rolloutLooks, r.state)} /> },
						{ head: t('rollouts.progress'), th: 'p2 phase-col', td: 'p2 phase-col', cell: (r) => <Phase counts={toBuckets(r.counts)} /> },
						{ head: t('rollouts.targets'), th: 'p2', td: 'p2 mono dim clip wide-cell', cell: (r) => targetText(r.targets, t('plan.by.all')) },
						{ head: t('common.by'), th: 'p2', td: 'p2 dim', cell: (r) => r.created_by ?? '–' },
						{ head: t('common.created'), th: 'p2 r', td: 'p2 r dim', cell: (r) => <When at={r.created_at} /> },
					]}
				/>
				{pages.hasNextPage && (
					<footer>
						<More pages={pages} />
					</footer>
				)}
			</section>
		</>
	);
}
