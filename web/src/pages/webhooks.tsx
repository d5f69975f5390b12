/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { del, patch, post } from '../api/client';
import { useAct, useGet } from '../api/hooks';
import type { Page, Webhook } from '../api/types';
import { useCan } from '../app/session';
import { Btn } from '../ui/button';
import { Command } from '../ui/copy';
import { Dialog, FormDialog } from '../ui/dialog';
import { Empty, Loaded, ProblemBox } from '../ui/feedback';
import { Check, Field } from '../ui/field';
import { Head, Panel } from '../ui/panel';
import { Deliveries } from './webhooks/deliveries';

const route = getRouteApi('/app/webhooks');
const eventTypes = ['alert.firing', 'alert.resolved', 'rollout.*', 'node.enrolled', 'node.offline', 'node.online', 'node.copied'];

function WebhookForm({ start, onClose, onMade }: { start: Webhook | null; onClose: () => void; onMade: (w: Webhook) => void }) {
	const { t } = useI18n();
	const [name, setName] = useState(start?.name ?? '');
	const [url, setUrl] = useState(start?.url ?? 'https://');
	const [events, setEvents] = useState<string[]>(start?.events ?? ['alert.firing', 'alert.resolved']);
	const [enabled, setEnabled] = useState(start?.enabled ?? true);
	const known = [...new Set([...eventTypes, ...events])];
	const save = useAct(
		() => (start ? patch<Webhook>(`/webhooks/${start.id}`, { name, url, events, enabled }, start.revision) : post<Webhook>('/webhooks', { name, url, events })),
		['webhooks'],
		(w) => {
			onClose();
			if (w?.secret) onMade(w);
		},
	);
	return (
		<FormDialog title={start ? t('webhooks.edit') : t('webhooks.new')} submit={t('action.save')} onClose={onClose} onSubmit={() => save.mutate(undefined)} busy={save.isPending} problem={save.error} blocked={!name || events.length === 0 || !/^https?:\/\/./.test(url)}>
			<Field label={t('common.name')} value={name} onChange={(e) => setName(e.target.value)} required />
			<Field label={t('webhooks.url')} type="url" value={url} onChange={(e) => setUrl(e.target.value)} hint={t('webhooks.urlHint')} required />
			<fieldset className="boxes">
				<legend>{t('webhooks.events')}</legend>
				{known.map((type) => (
					<Check key={type} label={<span className="mono">{type}</span>} checked={events.includes(type)} onChange={(e) => setEvents(e.target.checked ? [...events, type] : events.filter((x) => x !== type))} />
				))}
			</fieldset>
			{start && <Check label={t('common.enabled')} checked={enabled} onChange={(e) => setEnabled(e.target.checked)} />}
		</FormDialog>
	);
}

function Secret({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
	const { t } = useI18n();
	return (
		<Dialog
			title={t('webhooks.secretTitle', { name: webhook.name })}
			onClose={onClose}
			footer={
				<>
					<span className="grow" />
					<Btn kind="primary" onClick={onClose}>
						{t('action.stored')}
					</Btn>
				</>
			}
		>
			<p className="dim">{t('webhooks.secretWhy')}</p>
			<Command text={webhook.secret ?? ''} />
		</Dialog>
	);
}

export function Webhooks() {
	const { t } = useI18n();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const can = useCan('admin');
	const hooks = useGet<Page<Webhook>>('/webhooks', undefined, { enabled: can });
	const [form, setForm] = useState<'new' | Webhook | null>(null);
	const [made, setMade] = useState<Webhook | null>(null);
	const [dropping, setDropping] = useState<Webhook | null>(null);
	const test = useAct((id: string) => post(`/webhooks/${id}/test`), ['webhooks', 'deliveries']);
	const drop = useAct((id: string) => del(`/webhooks/${id}`), ['webhooks'], () => setDropping(null));
	const list = hooks.data?.items ?? [];
	const chosen = list.find((w) => w.id === search.id) ?? list[0];
	return (
		<>
			<Head
				title={t('nav.webhooks')}
				why={t('webhooks.why')}
				actions={
					<Btn kind="primary" icon="plus" aria-disabled={!can || undefined} title={can ? undefined : t('error.needsRole', { role: t('role.admin') })} onClick={() => setForm('new')}>
						{t('webhooks.new')}
					</Btn>
				}
			/>
			<div className="stack">
				{test.error && <ProblemBox problem={test.error} />}
				<section className="panel" aria-label={t('nav.webhooks')}>
					{!can ? (
						<Empty title={t('error.needsRole', { role: t('role.admin') })} />
					) : (
						<Loaded query={hooks}>
							{({ items }) =>
								items.length === 0 ? (
									<Empty title={t('webhooks.none')}>{t('webhooks.noneDetail')}</Empty>
								) : (
									<ul className="list hooks">
										{items.map((w) => (
											<li key={w.id} className={w.id === chosen?.id ? 'on' : undefined}>
												<span />
												<button type="button" className="linkish text what" onClick={() => void navigate({ search: { id: w.id }, replace: true })}>
													{w.name} {!w.enabled && <span className="dim">({t('common.disabled')})</span>}
												</button>
												<span className="sub">
													<span className="mono">{w.url}</span> · {w.events.join(', ')}
												</span>
												<span className="go row gap1 wrap">
													<Btn small icon="play" busy={test.isPending && test.variables === w.id} onClick={() => test.mutate(w.id)}>
														{t('webhooks.test')}
													</Btn>
													<Btn small kind="quiet" onClick={() => setForm(w)}>
														{t('action.edit')}
													</Btn>
													<Btn small kind="quiet" onClick={() => setDropping(w)}>
														{t('action.delete')}
													</Btn>
												</span>
											</li>
										))}
									</ul>
								)
							}
						</Loaded>
					)}
				</section>
				{chosen && (
					<Panel title={t('webhooks.deliveries', { name: chosen.name })} footer={<span>{t('webhooks.signed')}</span>}>
						<Deliveries webhook={chosen.id} />
					</Panel>
				)}
			</div>
			{form && <WebhookForm start={form === 'new' ? null : form} onClose={() => setForm(null)} onMade={setMade} />}
			{made && <Secret webhook={made} onClose={() => setMade(null)} />}
			{dropping && (
				<FormDialog danger title={t('webhooks.dropTitle', { name: dropping.name })} submit={t('action.delete')} onClose={() => setDropping(null)} onSubmit={() => drop.mutate(dropping.id)} busy={drop.isPending} problem={drop.error}>
					<p className="dim">{t('webhooks.dropWhy')}</p>
				</FormDialog>
			)}
		</>
	);
}
