/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link, getRouteApi, useNavigate } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { del } from '../api/client';
import { useAct, useGet, usePages } from '../api/hooks';
import type { Config, ConfigVersion } from '../api/types';
import { useCan } from '../app/session';
import { Btn } from '../ui/button';
import { FormDialog } from '../ui/dialog';
import { Empty, Loaded } from '../ui/feedback';
import { Field } from '../ui/field';
import { Icon } from '../ui/icon';
import { Head, Panel } from '../ui/panel';
import { When } from '../ui/when';
import { Compare } from './config/compare';
import { VersionFiles } from './config/files';
import { RenderPreview } from './config/render';

const route = getRouteApi('/app/configs/$name');

interface VersionsProps { name: string; versions: ConfigVersion[]; chosen: number[]; onToggle: (no: number) => void; onView: (no: number) => void; viewed: number | undefined; more?: () => void }

function Versions(p: VersionsProps) {
	const { t } = useI18n();
	return (
		<Panel
			title={t('configs.versions')}
			actions={
				<Link className="btn sm quiet" to="/configs/$name/edit" params={{ name: p.name }}>
					<Icon id="plus" />
					<span>{t('configs.newVersion')}</span>
				</Link>
			}
			footer={
				<>
					{p.more && (
						<Btn small onClick={p.more}>
							{t('common.more')}
						</Btn>
					)}
					<span>{t('configs.immutable')}</span>
				</>
			}
		>
			{p.versions.length === 0 ? (
				<Empty title={t('configs.noVersions')}>
					<Link to="/configs/$name/edit" params={{ name: p.name }}>
						{t('configs.firstVersion')}
					</Link>
				</Empty>
			) : (
				<ul className="vers" data-testid="versions">
					{p.versions.map((v) => (
						<li key={v.no} className={p.chosen.includes(v.no) || p.viewed === v.no ? 'on' : undefined}>
							<input type="checkbox" className="check" aria-label={t('configs.compareVersion', { no: v.no })} checked={p.chosen.includes(v.no)} onChange={() => p.onToggle(v.no)} />
							<span className="v">v{v.no}</span>
							<div>
								<button type="button" className="linkish text" onClick={() => p.onView(v.no)}>
									{v.message || t('configs.noMessage')}
								</button>
								<div className="t12 dimmer row wrap gap1">
									<span>{v.author ?? '–'}</span>·<When at={v.created_at} />
									{v.nodes !== undefined && <>·<span className="num">{t('configs.nodes', { n: v.nodes })}</span></>}
								</div>
							</div>
						</li>
					))}
				</ul>
			)}
		</Panel>
	);
}

function DeleteConfig({ config, onClose }: { config: Config; onClose: () => void }) {
	const { t } = useI18n();
	const navigate = useNavigate();
	const [typed, setTyped] = useState('');
	const drop = useAct(() => del(`/configs/${config.name}`), ['configs'], () => void navigate({ to: '/configs' }));
	return (
		<FormDialog danger title={t('configs.deleteTitle', { name: config.name })} submit={t('action.delete')} onClose={onClose} onSubmit={() => drop.mutate(undefined)} busy={drop.isPending} problem={drop.error} blocked={typed !== config.name}>
			<p className="dim">{t('configs.deleteWhy')}</p>
			<Field
				label={
					<>
						{t('nodes.typeToConfirm')} <code>{config.name}</code>
					</>
				}
				value={typed}
				onChange={(e) => setTyped(e.target.value)}
			/>
		</FormDialog>
	);
}

export function ConfigPage() {
	const { t } = useI18n();
	const { name } = route.useParams();
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const can = useCan('operator');
	const config = useGet<Config>(`/configs/${name}`);
	const versions = usePages<ConfigVersion>(`/configs/${name}/versions`, { limit: 50 });
	const [dropping, setDropping] = useState(false);
	const list = versions.data?.items ?? [];
	const latest = list[0]?.no ?? 0;
	const viewed = search.view ? Number(search.view) : undefined;
	const to = Number(search.to ?? latest);
	const from = Number(search.from ?? Math.max(1, to - 1));
	const comparing = viewed === undefined && latest > 1;

	/* Ticking a third version replaces the older of the two. */
	const toggle = (no: number) => {
		const now = comparing ? [from, to] : [latest];
		const next = now.includes(no) ? now.filter((x) => x !== no) : [now[now.length - 1], no];
		const [a, b] = next.sort((x, y) => x - y);
		void navigate({ search: b === undefined ? { view: String(a) } : { from: String(a), to: String(b), mode: search.mode }, replace: true });
	};

	return (
		<Loaded query={config} title={name}>
			{(c) => (
				<>
					<Head
						crumbs={[{ label: t('nav.configs'), to: '/configs' }, { label: <span className="mono">{c.name}</span> }]}
						title={c.name}
						why={[c.service, c.driver, t('configs.usedByNodes', { n: c.used_by }), c.description].filter(Boolean).join(' · ')}
						actions={
							<>
								<Btn kind="quiet" className="danger" onClick={() => setDropping(true)} aria-disabled={!can || c.used_by > 0 || undefined} title={c.used_by > 0 ? t('configs.inUse') : undefined}>
									{t('action.delete')}
								</Btn>
								<Link className="btn" to="/configs/$name/edit" params={{ name }}>
									<Icon id="configs" />
									<span>{latest > 0 ? t('configs.edit', { no: latest }) : t('configs.firstVersion')}</span>
								</Link>
								{latest > 0 && (
									<Link className="btn primary" to="/rollouts/new" search={{ service: c.service ?? undefined, config: c.name, version: String(latest) }}>
										<Icon id="rollouts" />
										<span>{t('configs.rollOut', { no: latest })}</span>
									</Link>
								)}
							</>
						}
					/>
					<div className="cfg">
						<Versions
							name={name}
							versions={list}
							chosen={comparing ? [from, to] : []}
							viewed={viewed}
							onToggle={toggle}
							onView={(no) => void navigate({ search: { view: String(no) } })}
							more={versions.hasNextPage ? () => void versions.fetchNextPage() : undefined}
						/>
						<div className="stack">
							{comparing && <Compare name={name} from={from} to={to} versions={list} mode={search.mode === 'unified' ? 'unified' : 'side'} onChange={(next) => void navigate({ search: (s) => ({ ...s, ...next }), replace: true })} />}
							{!comparing && latest > 0 && <VersionFiles name={name} no={viewed ?? latest} />}
							{latest > 0 && <RenderPreview name={name} no={viewed ?? to} />}
						</div>
					</div>
					{dropping && <DeleteConfig config={c} onClose={() => setDropping(false)} />}
				</>
			)}
		</Loaded>
	);
}
