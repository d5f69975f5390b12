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
import { Empty, Loaded, ProblemBox } from '../../ui/feedback';
import { Field, Select } from '../../ui/field';
import { Icon } from '../../ui/icon';
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
			<Loaded query={tokens}>
				{({ items }) =>
					items.length === 0 ? (
						<Empty title={t('tokens.none')}>{t('tokens.noneDetail')}</Empty>
					) : (
						<div className="tablewrap" tabIndex={0} role="region" aria-label={t('settings.tab.tokens')}>
							<table className="t">
								<thead>
									<tr>
										<th>{t('common.name')}</th>
										<th>{t('users.role')}</th>
										<th className="p2">{t('tokens.scopes')}</th>
										<th className="p2 r">{t('tokens.expires')}</th>
										<th className="p2 r">{t('tokens.used')}</th>
										<th>
											<span className="sr">{t('common.actions')}</span>
										</th>
									</tr>
								</thead>
								<tbody>
									{items.map((x) => (
										<tr key={x.id}>
											<td className="name-cell">
												<span className="name">{x.name}</span>
												<span className="sub">{(x.scopes ?? []).join(', ')}</span>
											</td>
											<td>{t(`role.${x.role}`)}</td>
											<td className="p2 mono dim">{(x.scopes ?? []).join(', ') || '*'}</td>
											<td className="p2 r dim">
												<When at={x.expires_at} />
											</td>
											<td className="p2 r dim">
												<When at={x.last_used_at} />
											</td>
											<td className="r">
												<Btn small kind="quiet" onClick={() => revoke.mutate(x.id)} aria-disabled={!!x.revoked_at || undefined}>
													{x.revoked_at ? t('tokens.revoked') : t('tokens.revoke')}
												</Btn>
											</td>
										</tr>
									))}
								</tbody>
							</table>
						</div>
					)
				}
			</Loaded>
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
			<Loaded query={tokens}>
				{({ items }) =>
					items.length === 0 ? (
						<Empty title={t('tokens.noEnrol')} />
					) : (
						<div className="tablewrap" tabIndex={0} role="region" aria-label={t('settings.tab.enrol')}>
							<table className="t">
								<thead>
									<tr>
										<th>{t('common.name')}</th>
										<th>{t('node.labels')}</th>
										<th className="r">{t('tokens.usesLeft')}</th>
										<th className="p2 r">{t('tokens.expires')}</th>
										<th>
											<span className="sr">{t('common.actions')}</span>
										</th>
									</tr>
								</thead>
								<tbody>
									{items.map((x) => (
										<tr key={x.id}>
											<td className="name-cell">{x.name || <span className="mono dim">{x.id}</span>}</td>
											<td>
												<span className="row gap1">
													{Object.entries(x.labels ?? {}).map(([k, v]) => (
														<span key={k} className="tag">
															{k}={v}
														</span>
													))}
												</span>
											</td>
											<td className="r num">{x.uses_left ?? x.uses ?? '–'}</td>
											<td className="p2 r dim">
												<When at={x.expires_at} />
											</td>
											<td className="r">
												<Btn small kind="quiet" onClick={() => revoke.mutate(x.id)} aria-disabled={!!x.revoked_at || undefined}>
													{x.revoked_at ? t('tokens.revoked') : t('tokens.revoke')}
												</Btn>
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
	);
}
