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
import { Empty } from '../ui/feedback';
import { List, More } from '../ui/list';
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
					footer={pages.hasNextPage && <More pages={pages} />}
				>
					<List
						query={pages}
						label={t('nav.configs')}
						empty={<Empty title={t('configs.none')}>{t('configs.noneDetail')}</Empty>}
						keyOf={(c) => c.id}
						columns={[
							{
								head: t('common.name'),
								td: 'name-cell',
								cell: (c) => (
									<>
										<Link className="name" to="/configs/$name" params={{ name: c.name }}>
											{c.name}
										</Link>
										<span className="sub">{[c.service, c.description].filter(Boolean).join(' · ')}</span>
									</>
								),
							},
							{ head: t('common.version'), td: 'mono', cell: (c) => c.latest > 0 ? `v${c.latest}` : '–' },
							{ head: t('common.service'), th: 'p2', td: 'mono p2', cell: (c) => c.service ?? '–' },
							{ head: t('common.driver'), th: 'p2', td: 'mono p2', cell: (c) => c.driver ?? '–' },
							{ head: t('configs.usedBy'), th: 'r', td: 'r num', cell: (c) => c.used_by },
							{ head: t('common.description'), th: 'p2', td: 'p2 dim clip wide-cell', cell: (c) => c.description ?? '' },
							{ head: t('common.created'), th: 'p2 r', td: 'p2 r dim', cell: (c) => <When at={c.created_at} /> },
						]}
					/>
				</Panel>
				<VariablesPanel base="/variables" own="project" />
			</div>
			{creating && <NewConfig onClose={() => setCreating(false)} />}
		</>
	);
}
