/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import type { Key } from '../../i18n';
import { post } from '../../api/client';
import { useAct } from '../../api/hooks';
import type { Rollout } from '../../api/types';
import { FormDialog } from '../../ui/dialog';

export interface StepsAct { action: 'retry' | 'skip' | 'exclude'; nodes?: string[]; cause?: string; count: number; what?: string }

/** Why nodes of a rollout cannot be acted on in its state; null when they can. */
export function stepsObstacle(rollout: Rollout, action: StepsAct['action']): Key | null {
	if (['running', 'paused', 'failed'].includes(rollout.state)) return null;
	/* One that has succeeded may still have nodes that are to get it later. */
	return rollout.state === 'succeeded' && action !== 'retry' ? null : 'rollout.notNow';
}

/** Asks once, says what it means for these nodes, and does it for all of them in one request. */
export function ActOnSteps({ rollout, act: asked, onClose, onDone }: { rollout: Rollout; act: StepsAct; onClose: () => void; onDone?: () => void }) {
	const { t } = useI18n();
	const act = useAct(
		() => post<{ count: number }>(`/rollouts/${rollout.id}/steps/${asked.action}`, { nodes: asked.nodes, cause: asked.cause }),
		['rollouts', 'overview', 'nodes'],
		() => {
			onDone?.();
			onClose();
		},
	);
	return (
		<FormDialog
			danger={asked.action === 'exclude'}
			title={t(`acts.${asked.action}Title`, { n: asked.count })}
			submit={t(`acts.${asked.action}Go`, { n: asked.count })}
			onClose={onClose}
			onSubmit={() => act.mutate(undefined)}
			busy={act.isPending}
			problem={act.error}
		>
			<p>
				{asked.what && <b>{asked.what}. </b>}
				{t(`acts.${asked.action}Why`, { n: asked.count })}
			</p>
			{asked.nodes && <p className="mono t12 dim">{asked.nodes.slice(0, 12).join(', ')}{asked.nodes.length > 12 ? ` +${asked.nodes.length - 12}` : ''}</p>}
		</FormDialog>
	);
}
