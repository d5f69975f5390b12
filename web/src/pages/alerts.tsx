/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link, getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { post } from '../api/client';
import { useAct, useGet, usePages } from '../api/hooks';
import type { Alert, AlertRule, Page } from '../api/types';
import { alertLooks, lookup, severityLooks } from '../lib/states';
import type { Look } from '../lib/states';
import { useCan } from '../app/session';
import { Btn, Seg } from '../ui/button';
import { Empty, Loaded, ProblemBox } from '../ui/feedback';
import { Glyph } from '../ui/icon';
import { Head } from '../ui/panel';
import { Since, When } from '../ui/when';
import { AlertDetail } from './alerts/detail';
import { Rules } from './alerts/rules';

const route = getRouteApi('/app/alerts');
const filters = ['open', 'firing', 'acknowledged', 'resolved'] as const;

/** Shape by severity while it fires, by state when somebody has it or it is over. */
export function alertLook(a: Alert): Look {
	return a.state === 'firing' ? lookup(severityLooks, a.severity) : lookup(alertLooks, a.state);
}

export function ruleName(a: Alert): string {
	return a.rule_name ?? a.kind;
}

export interface AlertGroup { key: string; kind: string; name: string; alerts: Alert[] }

export function groupAlerts(alerts: Alert[]): AlertGroup[] {
	const out = new Map<string, AlertGroup>();
	for (const a of alerts) {
		const key = `${a.kind} ${ruleName(a)}`;
		const group = out.get(key) ?? { key, kind: a.kind, name: ruleName(a), alerts: [] };
		group.alerts.push(a);
		out.set(key, group);
	}
	const rank = (g: AlertGroup) => (g.alerts.some((a) => a.state === 'firing' && a.severity === 'critical') ? 0 : g.alerts.some((a) => a.state === 'firing') ? 1 : 2);
	return [...out.values()].sort((a, b) => rank(a) - rank(b) || b.alerts.length - a.alerts.length);
}

function Group({ group, chosen, onChoose }: { group: AlertGroup; chosen?: string; onChoose: (id: string) => void }) {
	const { t, has, say } = useI18n();
	const can = useCan('operator');
	const firing = group.alerts.filter((a) => a.state === 'firing');
	const acknowledge = useAct((ids: string[]) => Promise.all(ids.map((id) => post(`/alerts/${id}/acknowledge`))), ['alerts', 'overview']);
	const worst = group.alerts.find((a) => a.state === 'firing' && a.severity === 'critical') ?? firing[0] ?? group.alerts[0];
	const look = alertLook(worst);
	const kindKey = `rule.${group.kind}`;
	const title = has(kindKey) ? t(kindKey) : group.name;
	return (
		<>
			<div className="agroup simple" data-testid="alert-group">
				<Glyph id={look.glyph} tone={look.tone} />
				<div className="grow">
					<div className="strong clip">{title}</div>
					<div className="t12 dimmer clip">
						{t(lookup(severityLooks, worst.severity).key)} · <span className="mono">{group.name}</span>
					</div>
				</div>
				<span className="t12 num nowrap r inst">
					<b>{firing.length > 0 ? firing.length : group.alerts.length}</b> <span className="dim">{firing.length > 0 ? t('alert.firing') : t(lookup(alertLooks, worst.state).key)}</span>
				</span>
				<span className="row gap1 btns">
					{firing.length > 0 ? (
						<Btn small busy={acknowledge.isPending} aria-disabled={!can || undefined} onClick={() => acknowledge.mutate(firing.map((a) => a.id))}>
							{t('alerts.acknowledge')}
						</Btn>
					) : worst.acknowledged_by ? (
						<span className="t12 st ackd">
							<Glyph id="ack" tone="off" />
							{worst.acknowledged_by}
						</span>
					) : null}
				</span>
			</div>
			{acknowledge.error && <ProblemBox problem={acknowledge.error} />}
			{group.alerts.map((a) => (
				<div key={a.id} className={a.id === chosen ? 'ainst sel' : 'ainst'} data-state={a.state}>
					<Glyph id={alertLook(a).glyph} tone={alertLook(a).tone} />
					<button type="button" className="linkish text clip" onClick={() => onChoose(a.id)}>
						{say(a.summary)}
					</button>
					<span className="num dim">
						<When at={a.firing_at ?? a.started_at} />
					</span>
					<span className="dim num">{a.state === 'resolved' ? t('alert.resolved') : <Since at={a.firing_at ?? a.started_at} />}</span>
				</div>
			))}
		</>
	);
}

export function Alerts() {
	const { t } = useI18n();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const state = filters.find((f) => f === search.state) ?? 'open';
	const pages = usePages<Alert>('/alerts', { state, limit: 200 });
	const rules = useGet<Page<AlertRule>>('/alert-rules');
	const [showRules, setShowRules] = useState(false);
	const items = pages.data?.items ?? [];
	const chosen = items.find((a) => a.id === search.alert) ?? items[0];
	const firing = items.filter((a) => a.state === 'firing').length;
	return (
		<>
			<Head
				title={t('nav.alerts')}
				why={firing > 0 ? t('alerts.whyFiring', { n: firing }) : t('alerts.whyQuiet', { n: rules.data?.items.filter((r) => r.enabled).length ?? 0 })}
				actions={
					<Btn kind="quiet" aria-pressed={showRules} onClick={() => setShowRules(!showRules)}>
						{t('alerts.rules')}
					</Btn>
				}
			/>
			<div className="stack">
				{showRules && <Rules />}
				<div className="row">
					<Seg
						label={t('common.filter')}
						value={state}
						onChange={(s) => void navigate({ search: { state: s === 'open' ? undefined : s } })}
						options={filters.map((f) => ({ value: f, label: f === 'open' ? t('alerts.open') : t(lookup(alertLooks, f).key) }))}
					/>
				</div>
				<div className="al">
					<section className="panel" aria-label={t('nav.alerts')}>
						<Loaded query={pages}>
							{() =>
								items.length === 0 ? (
									<Empty title={state === 'open' ? t('alerts.none') : t('alerts.noMatch')}>
										{t('alerts.noneDetail')} <Link to="/webhooks">{t('nav.webhooks')}</Link>
									</Empty>
								) : (
									groupAlerts(items).map((g) => <Group key={g.key} group={g} chosen={chosen?.id} onChoose={(id) => void navigate({ search: (s) => ({ ...s, alert: id }), replace: true })} />)
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
					{chosen && <AlertDetail alert={chosen} />}
				</div>
			</div>
		</>
	);
}
