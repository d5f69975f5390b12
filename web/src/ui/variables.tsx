/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useI18n } from '../i18n';
import { del, put } from '../api/client';
import { useAct, useGet } from '../api/hooks';
import type { Page, Variable } from '../api/types';
import { useCan } from '../app/session';
import { Btn, IconBtn } from './button';
import { FormDialog } from './dialog';
import { Empty, ProblemBox } from './feedback';
import { Field } from './field';
import { List } from './list';
import { Panel } from './panel';
import { When } from './when';

/** Variables at one level: the project's, or a node's with what it inherits. */
export function VariablesPanel({ base, own }: { base: string; own: 'node' | 'project' }) {
	const { t } = useI18n();
	const can = useCan('operator');
	const list = useGet<Page<Variable>>(base);
	const [edit, setEdit] = useState<{ name: string; value: string; fresh: boolean } | null>(null);
	const save = useAct((v: { name: string; value: string }) => put(`${base}/${encodeURIComponent(v.name)}`, { value: v.value }), ['variables', 'nodes', 'configs'], () => setEdit(null));
	const drop = useAct((name: string) => del(`${base}/${encodeURIComponent(name)}`), ['variables', 'nodes', 'configs']);
	return (
		<Panel
			title={own === 'node' ? t('variables.node') : t('variables.project')}
			actions={
				<Btn small icon="plus" onClick={() => setEdit({ name: '', value: '', fresh: true })} aria-disabled={!can || undefined}>
					{t('variables.add')}
				</Btn>
			}
			footer={<span>{t('variables.note')}</span>}
		>
			{drop.error && <ProblemBox problem={drop.error} />}
			<List
				query={list}
				label={t('variables.project')}
				empty={<Empty title={t('variables.none')}>{t('variables.noneDetail')}</Empty>}
				keyOf={(v) => v.name + v.level}
				columns={[
					{ head: t('common.name'), td: 'mono', cell: (v) => v.name },
					{ head: t('variables.value'), td: 'mono clip', cell: (v) => v.value },
					{ head: t('variables.level'), th: 'p2', td: 'p2', cell: (v) => v.level },
					{ head: t('common.changed'), th: 'p2', td: 'p2 dim', cell: (v) => <When at={v.updated_at} /> },
					{
						td: 'r',
						cell: (v) => (
							<span className="row gap1 end">
								<Btn small kind="quiet" onClick={() => setEdit({ name: v.name, value: v.value, fresh: false })} aria-disabled={!can || undefined}>
									{v.level === own ? t('action.edit') : t('variables.override')}
								</Btn>
								{v.level === own && <IconBtn small kind="quiet" icon="x" label={t('variables.drop', { name: v.name })} onClick={() => drop.mutate(v.name)} aria-disabled={!can || undefined} />}
							</span>
						),
					},
				]}
			/>
			{edit && (
				<FormDialog title={edit.fresh ? t('variables.add') : t('variables.editTitle', { name: edit.name })} submit={t('action.save')} onClose={() => setEdit(null)} onSubmit={() => save.mutate(edit)} busy={save.isPending} problem={save.error} blocked={!edit.name}>
					{edit.fresh && <Field label={t('common.name')} value={edit.name} onChange={(e) => setEdit({ ...edit, name: e.target.value })} pattern="[A-Za-z_][A-Za-z0-9_.\-]*" required />}
					<Field label={t('variables.value')} value={edit.value} onChange={(e) => setEdit({ ...edit, value: e.target.value })} />
				</FormDialog>
			)}
		</Panel>
	);
}
