/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useI18n } from '../../i18n';
import { del, patch, post } from '../../api/client';
import { useAct, useGet } from '../../api/hooks';
import type { Page, Role, User } from '../../api/types';
import { useSession } from '../../app/session';
import { Btn } from '../../ui/button';
import { FormDialog } from '../../ui/dialog';
import { Empty } from '../../ui/feedback';
import { Field, Select } from '../../ui/field';
import { List } from '../../ui/list';
import { Panel } from '../../ui/panel';

const roles: Role[] = ['viewer', 'operator', 'approver', 'admin'];
interface Form { id?: string; login: string; name: string; password: string; role: Role }

function UserForm({ start, onClose }: { start: Form; onClose: () => void }) {
	const { t } = useI18n();
	const [form, setForm] = useState(start);
	const set = (key: keyof Form) => (e: { target: { value: string } }) => setForm({ ...form, [key]: e.target.value });
	const save = useAct(
		() => {
			const body = { name: form.name || undefined, password: form.password || undefined, role: form.role };
			return form.id ? patch(`/users/${form.id}`, body) : post('/users', { ...body, login: form.login });
		},
		['users'],
		onClose,
	);
	return (
		<FormDialog title={form.id ? t('users.editTitle', { login: form.login }) : t('users.new')} submit={t('action.save')} onClose={onClose} onSubmit={() => save.mutate(undefined)} busy={save.isPending} problem={save.error} blocked={!form.login || (!form.id && !form.password)}>
			{!form.id && <Field label={t('signin.login')} value={form.login} onChange={set('login')} autoComplete="off" required />}
			<Field label={t('users.name')} value={form.name} onChange={set('name')} />
			<Field label={t('signin.password')} type="password" autoComplete="new-password" value={form.password} onChange={set('password')} hint={form.id ? t('users.passwordKeep') : t('users.passwordHint')} />
			<Select label={t('users.role')} value={form.role} onChange={set('role')}>
				{roles.map((r) => (
					<option key={r} value={r}>
						{t(`role.${r}`)}
					</option>
				))}
			</Select>
		</FormDialog>
	);
}

export function Users() {
	const { t } = useI18n();
	const session = useSession();
	const users = useGet<Page<User>>('/users');
	const [edit, setEdit] = useState<Form | null>(null);
	const [dropping, setDropping] = useState<User | null>(null);
	const drop = useAct((id: string) => del(`/users/${id}`), ['users'], () => setDropping(null));
	return (
		<Panel
			title={t('settings.tab.users')}
			actions={
				<Btn small kind="primary" icon="plus" onClick={() => setEdit({ login: '', name: '', password: '', role: 'operator' })}>
					{t('users.new')}
				</Btn>
			}
		>
			<List
				query={users}
				label={t('settings.tab.users')}
				empty={<Empty title={t('users.none')} />}
				keyOf={(u) => u.id}
				columns={[
					{
						head: t('signin.login'),
						td: 'name-cell',
						cell: (u) => (
							<>
								<span className="name">{u.login}</span>
								<span className="sub">{u.name}</span>
							</>
						),
					},
					{ head: t('users.name'), th: 'p2', td: 'p2', cell: (u) => u.name ?? '' },
					{ head: t('users.role'), cell: (u) => u.disabled_at ? t('common.disabled') : u.role ? t(`role.${u.role}`) : '–' },
					{
						td: 'r',
						cell: (u) => (
							<span className="row gap1 end">
								<Btn small kind="quiet" onClick={() => setEdit({ id: u.id, login: u.login, name: u.name ?? '', password: '', role: u.role ?? 'viewer' })}>
									{t('action.edit')}
								</Btn>
								<Btn small kind="quiet" aria-disabled={u.id === session?.user.id || undefined} title={u.id === session?.user.id ? t('users.self') : undefined} onClick={() => setDropping(u)}>
									{t('action.delete')}
								</Btn>
							</span>
						),
					},
				]}
			/>
			{edit && <UserForm start={edit} onClose={() => setEdit(null)} />}
			{dropping && (
				<FormDialog danger title={t('users.dropTitle', { login: dropping.login })} submit={t('action.delete')} onClose={() => setDropping(null)} onSubmit={() => drop.mutate(dropping.id)} busy={drop.isPending} problem={drop.error}>
					<p className="dim">{t('users.dropWhy')}</p>
				</FormDialog>
			)}
		</Panel>
	);
}
