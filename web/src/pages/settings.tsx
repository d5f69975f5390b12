/* SPDX-License-Identifier: Apache-2.0 */
import { Link, getRouteApi } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { useGet } from '../api/hooks';
import type { ServerVersion } from '../api/types';
import { useCan } from '../app/session';
import { Empty } from '../ui/feedback';
import { Head, Panel } from '../ui/panel';
import { EnrollTokens, Tokens } from './settings/tokens';
import { ReleaseKeys } from './settings/keys';
import { Users } from './settings/users';

const route = getRouteApi('/app/settings');
const tabs = ['tokens', 'enrol', 'users', 'keys', 'system'] as const;

function System() {
	const { t } = useI18n();
	const version = useGet<ServerVersion>('/version');
	return (
		<Panel title={t('settings.tab.system')}>
			<div className="body">
				<dl className="kv">
					<dt>{t('settings.server')}</dt>
					<dd className="mono">{location.origin}</dd>
					{Object.entries(version.data ?? {}).map(([k, v]) => (
						<Pair key={k} name={k} value={String(v)} />
					))}
					<dt>API</dt>
					<dd>
						<a href="/api/v1/openapi.yaml">openapi.yaml</a>
					</dd>
				</dl>
			</div>
		</Panel>
	);
}

function Pair({ name, value }: { name: string; value: string }) {
	return (
		<>
			<dt>{name}</dt>
			<dd className="mono">{value}</dd>
		</>
	);
}

export function Settings() {
	const { t } = useI18n();
	const search = route.useSearch();
	const tab = tabs.find((x) => x === search.tab) ?? 'tokens';
	const admin = useCan('admin');
	const operator = useCan('operator');
	const allowed = tab === 'system' || (tab === 'enrol' ? operator : admin);
	return (
		<>
			<Head title={t('nav.settings')} />
			<nav className="tabs" aria-label={t('nav.settings')}>
				{tabs.map((x) => (
					<Link key={x} to="/settings" search={{ tab: x === 'tokens' ? undefined : x }} aria-current={x === tab ? 'page' : undefined} activeOptions={{ exact: true, includeSearch: true }} replace>
						{t(`settings.tab.${x}`)}
					</Link>
				))}
			</nav>
			{!allowed ? (
				<section className="panel">
					<Empty title={t('error.needsRole', { role: t(tab === 'enrol' ? 'role.operator' : 'role.admin') })} />
				</section>
			) : tab === 'tokens' ? (
				<Tokens />
			) : tab === 'enrol' ? (
				<EnrollTokens />
			) : tab === 'users' ? (
				<Users />
			) : tab === 'keys' ? (
				<ReleaseKeys />
			) : (
				<System />
			)}
		</>
	);
}
