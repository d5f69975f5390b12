/* SPDX-License-Identifier: Apache-2.0 */
import { Link, getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { num } from '../i18n/format';
import { useGet } from '../api/hooks';
import type { Explain, Rollout } from '../api/types';
import { rolloutTitle, sentence, targetText } from '../lib/rollout';
import { bucketLooks, buckets, lookup, rolloutLooks, toBuckets } from '../lib/states';
import { Left, Ways } from '../ui/explain';
import { Loaded } from '../ui/feedback';
import { Glyph } from '../ui/icon';
import { Head, Panel } from '../ui/panel';
import { Badge } from '../ui/status';
import { When } from '../ui/when';
import { Causes } from './rollout/causes';
import { Gate } from './rollout/gate';
import { Steps } from './rollout/steps';
import { Verbs } from './rollout/verbs';
import { Waves } from './rollout/waves';

const route = getRouteApi('/app/rollouts/$id');

/* Why it is in its state, since when, what it waits for and until when. */
function Why({ rollout: r, explain }: { rollout: Rollout; explain: Explain | undefined }) {
	const { t, say } = useI18n();
	const counts = toBuckets(r.counts);
	const plain = buckets.filter((b) => counts[b] > 0).map((b) => `${num(counts[b])} ${t(bucketLooks[b].key)}`);
	return (
		<span data-testid="why">
			{sentence(say(explain?.text || r.reason || plain.join(', ')))}{' '}
			{r.state_since && (
				<span className="dimmer">
					{t('common.since')} <When at={r.state_since} />.{' '}
				</span>
			)}
			{explain?.waits_for && t('node.waitsFor', { what: say(explain.waits_for) })}{' '}
			{explain?.until && (
				<span className="dimmer">
					{t('why.until')} <When at={explain.until} /> <Left until={explain.until} />.{' '}
				</span>
			)}
			<span className="dimmer">{t('rollout.target', { what: targetText(r.targets, t('plan.by.all')) })}</span>{' '}
			{r.rollback_of && (
				<Link to="/rollouts/$id" params={{ id: r.rollback_of }}>
					{t('rollout.rollbackOf')}
				</Link>
			)}
		</span>
	);
}

export function RolloutPage() {
	const { t } = useI18n();
	const { id } = route.useParams();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const query = useGet<Rollout>(`/rollouts/${id}`);
	const explain = useGet<Explain>(`/rollouts/${id}/explain`);
	const change = (next: { wave?: string; state?: string; cause?: string }) => void navigate({ search: (s) => ({ ...s, ...next }), replace: true, resetScroll: false });
	return (
		<Loaded query={query} title={`R-${id}`}>
			{(r) => (
				<>
					<Head
						crumbs={[{ label: t('nav.rollouts'), to: '/rollouts' }, { label: `R-${r.number}` }]}
						title={`R-${r.number} ${rolloutTitle(r)}`}
						badges={
							<span data-testid="rollout-state" data-state={r.state}>
								<Badge look={lookup(rolloutLooks, r.state)} />
							</span>
						}
						why={<Why rollout={r} explain={explain.data} />}
					/>
					<Verbs rollout={r} />
					<div className="stack">
						<Waves rollout={r} />
						<div className="grid-2">
							<div className="stack">
								<Causes rollout={r} cause={search.cause} onPick={(cause) => change({ cause })} />
								{explain.data && (explain.data.ways?.length ?? 0) > 0 && (
									<Panel title={t('why.ways')}>
										<div className="body">
											<Ways explain={explain.data} />
										</div>
									</Panel>
								)}
							</div>
							<Gate rollout={r} explain={explain.data} />
						</div>
						<Steps rollout={r} wave={search.wave} state={search.state} cause={search.cause} onChange={change} />
					</div>
					{toBuckets(r.counts).offline > 0 && (
						<p className="t12 dimmer row">
							<Glyph id="off" tone="off" /> {t(`rollout.offlineNote.${r.strategy?.offline ?? 'later'}`)}
						</p>
					)}
				</>
			)}
		</Loaded>
	);
}
