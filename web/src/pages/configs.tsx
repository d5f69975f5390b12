/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { post } from '../api/client';
import { useAct, usePages } from '../api/hooks';
import type { Config } from '../api/types';
import { useCan } from '../app/session';
import { Btn } from '../ui/button';
import { FormDialog } from '../ui/dialog';
import { Empty, Loaded } from '../ui/feedback';
import { Field, Select } from '../ui/field';
import { Head, Panel } from '../ui/panel';
import { VariablesPanel } from '../ui/variables';
import { When } from '../ui/when';

function NewConfig({ onClose }: { onClose: () => void }) {
	const { t } = useI18n();
	const navigate = useNavigate();
	const [form, setForm] = useState({ name: '', service: '', driver: '', description: '' });
	const set = (key: keyof typeof form) => (e: { target: { value: string } }) => setForm({ ...form, [key]: e.target.value });
	const create = useAct(
		() => post<Config>('/configs', Object.fromEntries(Object.entries(form).filter(([, v]) => v !== ''))),
		['configs'],
		() => void navigate({ to: '/configs/$name/edit', params: { name: form.name } }),
	);
	return (
		<FormDialog title={t('configs.new')} submit={t('action.create')} onClose={onClose} onSubmit={() => create.mutate(undefined)} busy={create.isPending} problem={create.error} blocked={!form.name}>
			<Field label={t('common.name')} value={form.name} onChange={set('name')} pattern="[a-z0-9][a-z0-9._\-]{0,62}" hint={t('common.nameHint')} required />
			<Field label={t('common.service')} value={form.service} onChange={set('service')} placeholder="collector" hint={t('configs.serviceHint')} />
			<Select label={t('common.driver')} value={form.driver} onChange={set('driver')}>
				<option value="">–</option>
				<option>generic</option>
				<option>mosquitto</option>
			</Select>
			<Field label={t('common.description')} value={form.description} onChange={set('description')} />
		</FormDialog>
	);
}

export function Configs() {
	const { t } = useI18n();
	const can = useCan('operator');
	const pages = usePages<Config>('/configs', { limit: 100 });
	const [creating, setCreating] = useState(false);
	return (
		<>
			<Head
				title={t('nav.configs')}
				why={t('configs.why')}
				actions={
					<Btn kind="primary" icon="plus" onClick={() => setCreating(true)} aria-disabled={!can || undefined} title={can ? undefined : t('error.needsRole', { role: t('role.operator') })}>
						{t('configs.new')}
					</Btn>
				}
			/>
			<div className="stack">
				<Panel
					title={t('nav.configs')}
					footer={
						pages.hasNextPage ? (
							<Btn small onClick={() => void pages.fetchNextPage()}>
								{t('common.more')}
							</Btn>
						) : undefined
					}
				>
					<Loaded query={pages}>
						{({ items }) =>
							items.length === 0 ? (
								<Empty title={t('configs.none')}>{t('configs.noneDetail')}</Empty>
							) : (
								<div className="tablewrap" tabIndex={0} role="region" aria-label={t('nav.configs')}>
									<table className="t">
										<thead>
											<tr>
												<th>{t('common.name')}</th>
												<th>{t('common.version')}</th>
												<th className="p2">{t('common.service')}</th>
												<th className="p2">{t('common.driver')}</th>
												<th className="r">{t('configs.usedBy')}</th>
												<th className="p2">{t('common.description')}</th>
												<th className="p2 r">{t('common.created')}</th>
											</tr>
										</thead>
										<tbody>
											{items.map((c) => (
												<tr key={c.id}>
													<td className="name-cell">
														<Link className="name" to="/configs/$name" params={{ name: c.name }}>
															{c.name}
														</Link>
														<span className="sub">{[c.service, c.description].filter(Boolean).join(' · ')}</span>
													</td>
													<td className="mono">{c.latest > 0 ? `v${c.latest}` : '–'}</td>
													<td className="mono p2">{c.service ?? '–'}</td>
													<td className="mono p2">{c.driver ?? '–'}</td>
													<td className="r num">{c.used_by}</td>
													<td className="p2 dim clip wide-cell">{c.description ?? ''}</td>
													<td className="p2 r dim">
														<When at={c.created_at} />
													</td>
												</tr>
											))}
										</tbody>
									</table>
								</div>
							)
						}
					</Loaded>
				</Panel>
				<VariablesPanel base="/variables" own="project" />
			</div>
			{creating && <NewConfig onClose={() => setCreating(false)} />}
		</>
	);
}
