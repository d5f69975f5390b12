/* SPDX-License-Identifier: Apache-2.0 */
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { post } from '../../api/client';
import { useAct } from '../../api/hooks';
import type { Alert } from '../../api/types';
import { lookup, severityLooks } from '../../lib/states';
import { useCan } from '../../app/session';
import { Btn } from '../../ui/button';
import { ProblemBox } from '../../ui/feedback';
import { Icon } from '../../ui/icon';
import { Panel } from '../../ui/panel';
import { Badge } from '../../ui/status';
import { Since, When } from '../../ui/when';
import { alertLook, ruleName } from '../alerts';

/** One firing: condition, since when, what is related, what can be done. */
export function AlertDetail({ alert }: { alert: Alert }) {
	const { t, has, say } = useI18n();
	const can = useCan('operator');
	const acknowledge = useAct(() => post(`/alerts/${alert.id}/acknowledge`), ['alerts', 'overview']);
	const number = alert.rollout_number;
	const why = alert.state === 'firing' ? null : alert.state === 'acknowledged' ? t('alerts.already', { who: alert.acknowledged_by ?? '' }) : t('alerts.notFiring');
	const kindKey = `rule.${alert.kind}`;
	const whyKey = `rule.${alert.kind}.why`;
	return (
		<Panel title={<span className="clip">{has(kindKey) ? t(kindKey) : ruleName(alert)}</span>}>
			<div className="body stack" data-testid="alert">
				<div className="row wrap">
					<Badge look={alertLook(alert)}>
						{t(lookup(severityLooks, alert.severity).key)}
						{alert.state !== 'resolved' && (
							<>
								{' · '}
								<Since at={alert.firing_at ?? alert.started_at} />
							</>
						)}
					</Badge>
				</div>
				<p>{say(alert.summary)}</p>
				<dl className="kv">
					<dt>{t('alerts.rule')}</dt>
					<dd>
						<span className="mono">{ruleName(alert)}</span>
						{has(whyKey) && <span className="dim"> {t(whyKey)}</span>}
					</dd>
					{alert.node && (
						<>
							<dt>{t('nav.node')}</dt>
							<dd>
								<Link to="/nodes/$id" params={{ id: alert.node_name ?? alert.node }}>
									{alert.node_name ?? alert.node}
								</Link>
							</dd>
						</>
					)}
					{alert.service && (
						<>
							<dt>{t('common.service')}</dt>
							<dd className="mono">{alert.service}</dd>
						</>
					)}
					{alert.rollout && (
						<>
							<dt>{t('nav.rollout')}</dt>
							<dd>
								<Link to="/rollouts/$id" params={{ id: number ? String(number) : alert.rollout }}>
									{number ? `R-${number}` : alert.rollout}
								</Link>
							</dd>
						</>
					)}
					<dt>{t('alerts.began')}</dt>
					<dd className="mono">
						<When at={alert.started_at} style="full" />
					</dd>
					{alert.firing_at && (
						<>
							<dt>{t('alerts.fired')}</dt>
							<dd className="mono">
								<When at={alert.firing_at} style="full" />
							</dd>
						</>
					)}
					{alert.acknowledged_at && (
						<>
							<dt>{t('alert.acknowledged')}</dt>
							<dd>
								<When at={alert.acknowledged_at} style="full" /> {alert.acknowledged_by}
							</dd>
						</>
					)}
					{alert.resolved_at && (
						<>
							<dt>{t('alert.resolved')}</dt>
							<dd className="mono">
								<When at={alert.resolved_at} style="full" />
							</dd>
						</>
					)}
				</dl>
				{acknowledge.error && <ProblemBox problem={acknowledge.error} />}
				<div className="row wrap">
					<Btn icon="check" kind={why || !can ? undefined : 'primary'} busy={acknowledge.isPending} aria-disabled={why !== null || !can || undefined} onClick={() => acknowledge.mutate(undefined)}>
						{t('alerts.acknowledge')}
					</Btn>
					{alert.node && (
						<Link className="btn" to="/logs" search={{ node: alert.node_name ?? alert.node, service: alert.service ?? undefined }}>
							<Icon id="logs" />
							<span>{t('nav.logs')}</span>
						</Link>
					)}
				</div>
				{(why || !can) && <span className="t12 dimmer">{why ?? t('error.needsRole', { role: t('role.operator') })}</span>}
			</div>
		</Panel>
	);
}
