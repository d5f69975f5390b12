/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { del, post } from '../../api/client';
import { useAct, useGet } from '../../api/hooks';
import type { ApiToken, EnrollToken, Page, Role } from '../../api/types';
import { Btn } from '../../ui/button';
import { Command } from '../../ui/copy';
import { Dialog, FormDialog } from '../../ui/dialog';
import { Empty, ProblemBox } from '../../ui/feedback';
import { Field, Select } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { List } from '../../ui/list';
import { Panel } from '../../ui/panel';
import { When } from '../../ui/when';

const roles: Role[] = ['viewer', 'operator', 'approver', 'admin'];

function NewToken({ onClose, onMade }: { onClose: () => void; onMade: (t: ApiToken) => void }) {
	const { t } = useI18n();
	const [name, setName] = useState('');
	const [role, setRole] = useState<Role>('operator');
	const [days, setDays] = useState('90');
	const make = useAct(
		() => post<ApiToken>('/tokens', { name, role, expires_in_s: Number(days) > 0 ? Number(days) * 86400 : undefined }),
		['tokens'],
		(token) => {
			onClose();
			onMade(token);
		},
	);
	return (
		<FormDialog title={t('tokens.new')} submit={t('action.create')} onClose={onClose} onSubmit={() => make.mutate(undefined)} busy={make.isPending} problem={make.error} blocked={!name}>
			<Field label={t('common.name')} value={name} onChange={(e) => setName(e.target.value)} placeholder="ci" required />
			<Select label={t('users.role')} value={role} onChange={(e) => setRole(e.target.value as Role)}>
				{roles.map((r) => (
					<option key={r} value={r}>
						{t(`role.${r}`)}
					</option>
				))}
			</Select>
			<Field label={t('tokens.days')} type="number" min={0} max={3650} value={days} onChange={(e) => setDays(e.target.value)} hint={t('tokens.daysHint')} />
		</FormDialog>
	);
}

export function Tokens() {
	const { t } = useI18n();
	const tokens = useGet<Page<ApiToken>>('/tokens');
	const [making, setMaking] = useState(false);
	const [made, setMade] = useState<ApiToken | null>(null);
	const revoke = useAct((id: string) => del(`/tokens/${id}`), ['tokens']);
	return (
		<Panel
			title={t('settings.tab.tokens')}
			actions={
				<Btn small kind="primary" icon="plus" onClick={() => setMaking(true)}>
					{t('tokens.new')}
				</Btn>
			}
			footer={<span>{t('tokens.note')}</span>}
		>
			{revoke.error && <ProblemBox problem={revoke.error} />}
			<List
				query={tokens}
				label={t('settings.tab.tokens')}
				empty={<Empty title={t('tokens.none')}>{t('tokens.noneDetail')}</Empty>}
				keyOf={(x) => x.id}
				columns={[
					{
						head: t('common.name'),
						td: 'name-cell',
						cell: (x) => (
							<>
								<span className="name">{x.name}</span>
								<span className="sub">{(x.scopes ?? []).join(', ')}</span>
							</>
						),
					},
					{ head: t('users.role'), cell: (x) => t(`role.${x.role}`) },
					{ head: t('tokens.scopes'), th: 'p2', td: 'p2 mono dim', cell: (x) => (x.scopes ?? []).join(', ') || '*' },
					{ head: t('tokens.expires'), th: 'p2 r', td: 'p2 r dim', cell: (x) => <When at={x.expires_at} /> },
					{ head: t('tokens.used'), th: 'p2 r', td: 'p2 r dim', cell: (x) => <When at={x.last_used_at} /> },
					{
						td: 'r',
						cell: (x) => (
							<Btn small kind="quiet" onClick={() => revoke.mutate(x.id)} aria-disabled={!!x.revoked_at || undefined}>
								{x.revoked_at ? t('tokens.revoked') : t('tokens.revoke')}
							</Btn>
						),
					},
				]}
			/>
			{making && <NewToken onClose={() => setMaking(false)} onMade={setMade} />}
			{made && (
				<Dialog
					title={t('tokens.madeTitle', { name: made.name })}
					onClose={() => setMade(null)}
					footer={
						<>
							<span className="grow" />
							<Btn kind="primary" onClick={() => setMade(null)}>
								{t('action.stored')}
							</Btn>
						</>
					}
				>
					<p className="dim">{t('tokens.once')}</p>
					<Command text={made.token ?? ''} />
				</Dialog>
			)}
		</Panel>
	);
}

export function EnrollTokens() {
	const { t } = useI18n();
	const tokens = useGet<Page<EnrollToken>>('/enroll-tokens');
	const revoke = useAct((id: string) => del(`/enroll-tokens/${id}`), ['enroll-tokens']);
	return (
		<Panel
			title={t('settings.tab.enrol')}
			actions={
				<Link className="btn sm primary" to="/enrol">
					<Icon id="plus" />
					<span>{t('nodes.enrol')}</span>
				</Link>
			}
		>
			{revoke.error && <ProblemBox problem={revoke.error} />}
			<List
				query={tokens}
				label={t('settings.tab.enrol')}
				empty={<Empty title={t('tokens.noEnrol')} />}
				keyOf={(x) => x.id}
				columns={[
					{ head: t('common.name'), td: 'name-cell', cell: (x) => x.name || <span className="mono dim">{x.id}</span> },
					{
						head: t('node.labels'),
						cell: (x) => (
							<span className="row gap1">
								{Object.entries(x.labels ?? {}).map(([k, v]) => (
									<span key={k} className="tag">
										{k}={v}
									</span>
								))}
							</span>
						),
					},
					{ head: t('tokens.usesLeft'), th: 'r', td: 'r num', cell: (x) => x.uses_left ?? x.uses ?? '–' },
					{ head: t('tokens.expires'), th: 'p2 r', td: 'p2 r dim', cell: (x) => <When at={x.expires_at} /> },
					{
						td: 'r',
						cell: (x) => (
							<Btn small kind="quiet" onClick={() => revoke.mutate(x.id)} aria-disabled={!!x.revoked_at || undefined}>
								{x.revoked_at ? t('tokens.revoked') : t('tokens.revoke')}
							</Btn>
						),
					},
				]}
			/>
		</Panel>
	);
}
