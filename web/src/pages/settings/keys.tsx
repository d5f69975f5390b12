/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useI18n } from '../../i18n';
import { del, post } from '../../api/client';
import { useAct, useGet } from '../../api/hooks';
import type { Page, ReleaseKey } from '../../api/types';
import { Btn } from '../../ui/button';
import { FormDialog } from '../../ui/dialog';
import { Empty, ProblemBox } from '../../ui/feedback';
import { Field } from '../../ui/field';
import { List } from '../../ui/list';
import { Panel } from '../../ui/panel';
import { When } from '../../ui/when';

export function ReleaseKeys() {
	const { t } = useI18n();
	const keys = useGet<Page<ReleaseKey>>('/release-keys');
	const [form, setForm] = useState<{ name: string; public_key: string } | null>(null);
	const add = useAct((body: { name: string; public_key: string }) => post('/release-keys', body), ['release-keys'], () => setForm(null));
	const drop = useAct((id: string) => del(`/release-keys/${id}`), ['release-keys']);
	return (
		<Panel
			title={t('settings.tab.keys')}
			actions={
				<Btn small kind="primary" icon="plus" onClick={() => setForm({ name: '', public_key: '' })}>
					{t('keys.new')}
				</Btn>
			}
			footer={<span>{t('keys.note')}</span>}
		>
			{drop.error && <ProblemBox problem={drop.error} />}
			<List
				query={keys}
				label={t('settings.tab.keys')}
				empty={<Empty title={t('keys.none')}>{t('keys.noneDetail')}</Empty>}
				keyOf={(k) => k.id}
				columns={[
					{
						head: t('common.name'),
						td: 'name-cell',
						cell: (k) => (
							<>
								<span className="name">{k.name}</span>
								<span className="sub">{k.key_id}</span>
							</>
						),
					},
					{ head: t('keys.id'), th: 'p2', td: 'p2 mono', cell: (k) => k.key_id },
					{ head: t('common.created'), th: 'p2 r', td: 'p2 r dim', cell: (k) => <When at={k.created_at} /> },
					{
						td: 'r',
						cell: (k) => (
							<Btn small kind="quiet" onClick={() => drop.mutate(k.id)}>
								{t('tokens.revoke')}
							</Btn>
						),
					},
				]}
			/>
			{form && (
				<FormDialog title={t('keys.new')} submit={t('action.save')} onClose={() => setForm(null)} onSubmit={() => add.mutate(form)} busy={add.isPending} problem={add.error} blocked={!form.name || !form.public_key}>
					<Field label={t('common.name')} value={form.name} onChange={(e) => setForm({ ...form, name: e.target.value })} required />
					<Field label={t('keys.public')} className="input mono" value={form.public_key} onChange={(e) => setForm({ ...form, public_key: e.target.value })} hint={t('keys.publicHint')} required />
				</FormDialog>
			)}
		</Panel>
	);
}
