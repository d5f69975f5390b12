/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { request } from '../../api/client';
import { useAct } from '../../api/hooks';
import type { Rollout, RolloutVerb } from '../../api/types';
import { toBuckets } from '../../lib/states';
import { Verb } from '../../ui/button';
import { FormDialog } from '../../ui/dialog';
import { ProblemBox } from '../../ui/feedback';
import type { IconId } from '../../ui/icon';

interface Item { verb: RolloutVerb; icon: IconId; asks?: 'abort' | 'rollback' | 'force'; danger?: boolean; when?: (r: Rollout) => boolean }

const verbs: Item[] = [
	{ verb: 'start', icon: 'play', when: (r) => r.state === 'draft' },
	{ verb: 'approve', icon: 'check', when: (r) => r.state === 'awaiting_approval' },
	{ verb: 'pause', icon: 'pause' },
	{ verb: 'resume', icon: 'play' },
	{ verb: 'promote', icon: 'right' },
	{ verb: 'retry', icon: 'restart' },
	{ verb: 'force', icon: 'clock', asks: 'force', when: (r) => (r.strategy?.windows?.length ?? 0) > 0 },
	{ verb: 'finish', icon: 'check', when: (r) => r.follows === true },
	{ verb: 'abort', icon: 'stop', asks: 'abort' },
	{ verb: 'rollback', icon: 'undo', asks: 'rollback', danger: true },
];

/** What can be done with the rollout as a whole; what cannot is there too and says why. */
export function Verbs({ rollout }: { rollout: Rollout }) {
	const { t, say } = useI18n();
	const navigate = useNavigate();
	const [asking, setAsking] = useState<Item['asks'] | null>(null);
	const act = useAct(
		(verb: RolloutVerb) => request<Rollout>('POST', `/rollouts/${rollout.id}/${verb}`, { body: {} }),
		['rollouts', 'overview', 'nodes'],
		(result) => {
			setAsking(null);
			if (result && result.id !== rollout.id) void navigate({ to: '/rollouts/$id', params: { id: String(result.number) } });
		},
	);
	const done = toBuckets(rollout.counts).succeeded;
	const hints: Partial<Record<RolloutVerb, string>> = { abort: t('rollout.abortHint'), rollback: t('rollout.rollbackHint', { n: done }), force: t('rollout.forceHint'), finish: t('rollout.finishHint') };
	return (
		<>
			<div className="acts verbs" data-testid="verbs">
				{verbs
					.filter((v) => !v.when || v.when(rollout))
					.map((v) => {
						const given = rollout.actions?.[v.verb];
						const reason = given === undefined ? t('rollout.notNow') : given && say(given);
						return (
							<Verb
								key={v.verb}
								icon={v.icon}
								kind={v.danger ? 'danger' : undefined}
								data-verb={v.verb}
								reason={reason}
								hint={hints[v.verb]}
								busy={act.isPending && act.variables === v.verb}
								onClick={() => (v.asks ? setAsking(v.asks) : act.mutate(v.verb))}
							>
								{t(`verb.${v.verb}`)}
							</Verb>
						);
					})}
			</div>
			{act.error && !asking && <ProblemBox problem={act.error} />}
			{asking && (
				<FormDialog
					danger={asking === 'rollback'}
					title={t(`rollout.${asking}Title`, { n: rollout.number })}
					submit={t(`rollout.${asking}Go`)}
					onClose={() => setAsking(null)}
					onSubmit={() => act.mutate(asking)}
					busy={act.isPending}
					problem={act.error}
				>
					<p>{t(`rollout.${asking}Why`, { n: done })}</p>
				</FormDialog>
			)}
		</>
	);
}
