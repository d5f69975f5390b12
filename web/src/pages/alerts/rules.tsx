/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useI18n } from '../../i18n';
import { del, patch, post } from '../../api/client';
import { useAct, useGet } from '../../api/hooks';
import type { AlertRule, Page } from '../../api/types';
import { duration } from '../../lib/time';
import { lookup, severityLooks } from '../../lib/states';
import { useCan } from '../../app/session';
import { Btn, IconBtn } from '../../ui/button';
import { FormDialog } from '../../ui/dialog';
import { Empty, Loaded, ProblemBox } from '../../ui/feedback';
import { Check, Field, Select } from '../../ui/field';
import { Panel } from '../../ui/panel';
import { St } from '../../ui/status';

const kinds = ['node-offline', 'service-crash-loop', 'rollout-stopped'] as const;
type Form = { id?: string; kind: string; name: string; severity: string; for_s: string; enabled: boolean };

function RuleForm({ start, onClose }: { start: Form; onClose: () => void }) {
	const { t } = useI18n();
	const [form, setForm] = useState(start);
	const set = (key: keyof Form) => (e: { target: { value: string } }) => setForm({ ...form, [key]: e.target.value });
	const save = useAct(
		() => {
			const body = { name: form.name, severity: form.severity, enabled: form.enabled, for_ms: Math.round(Number(form.for_s) * 1000) };
			return form.id ? patch(`/alert-rules/${form.id}`, body) : post('/alert-rules', { ...body, kind: form.kind });
		},
		['alert-rules', 'alerts'],
		onClose,
	);
	return (
		<FormDialog title={form.id ? t('alerts.editRule') : t('alerts.newRule')} submit={t('action.save')} onClose={onClose} onSubmit={() => save.mutate(undefined)} busy={save.isPending} problem={save.error} blocked={!form.name}>
			<Select label={t('alerts.kind')} value={form.kind} onChange={set('kind')} disabled={form.id !== undefined}>
				{kinds.map((k) => (
					<option key={k} value={k}>
						{t(`rule.${k}`)}
					</option>
				))}
			</Select>
			<Field label={t('common.name')} value={form.name} onChange={set('name')} required />
			<Select label={t('alerts.severity')} value={form.severity} onChange={set('severity')}>
				{['info', 'warning', 'critical'].map((s) => (
					<option key={s} value={s}>
						{t(lookup(severityLooks, s).key)}
					</option>
				))}
			</Select>
			<Field label={t('alerts.for')} type="number" min={0} value={form.for_s} onChange={set('for_s')} hint={t('alerts.forHint')} />
			<Check label={t('common.enabled')} checked={form.enabled} onChange={(e) => setForm({ ...form, enabled: e.target.checked })} />
		</FormDialog>
	);
}

export function Rules() {
	const { t, has } = useI18n();
	const can = useCan('operator');
	const rules = useGet<Page<AlertRule>>('/alert-rules');
	const [edit, setEdit] = useState<Form | null>(null);
	const drop = useAct((id: string) => del(`/alert-rules/${id}`), ['alert-rules', 'alerts']);
	return (
		<Panel
			title={t('alerts.rules')}
			actions={
				<Btn small icon="plus" aria-disabled={!can || undefined} onClick={() => setEdit({ kind: kinds[0], name: '', severity: 'warning', for_s: '60', enabled: true })}>
					{t('alerts.newRule')}
				</Btn>
			}
		>
			{drop.error && <ProblemBox problem={drop.error} />}
			<Loaded query={rules}>
				{({ items }) =>
					items.length === 0 ? (
						<Empty title={t('alerts.noRules')} />
					) : (
						<ul className="list rules">
							{items.map((r) => {
								const key = `rule.${r.kind}`;
								return (
									<li key={r.id}>
										<span />
										<span className="what">
											{r.name} <span className="dim">{has(key) ? t(key) : r.kind}</span>
										</span>
										<span className="sub row wrap">
											<St look={lookup(severityLooks, r.severity)} /> · {t('alerts.after', { time: duration(r.for_ms / 1000) })} · {r.enabled ? t('common.enabled') : t('common.disabled')}
										</span>
										<span className="go row gap1">
											<Btn small kind="quiet" aria-disabled={!can || undefined} onClick={() => setEdit({ id: r.id, kind: r.kind, name: r.name, severity: r.severity, for_s: String(r.for_ms / 1000), enabled: r.enabled })}>
												{t('action.edit')}
											</Btn>
											<IconBtn small kind="quiet" icon="x" label={t('alerts.dropRule', { name: r.name })} aria-disabled={!can || undefined} onClick={() => drop.mutate(r.id)} />
										</span>
									</li>
								);
							})}
						</ul>
					)
				}
			</Loaded>
			{edit && <RuleForm start={edit} onClose={() => setEdit(null)} />}
		</Panel>
	);
}
