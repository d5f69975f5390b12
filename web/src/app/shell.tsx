/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useRef, useState } from 'react';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { useGet } from '../api/hooks';
import { useEventStream } from '../api/live';
import type { Overview, ServerVersion } from '../api/types';
import { Icon, Mark } from '../ui/icon';
import { bottomNav, mainNav, moreNav } from './nav';
import type { NavItem } from './nav';
import { useSession } from './session';
import { TopBar } from './topbar';
import { Palette } from './palette';

function isHere(path: string, to: string): boolean {
	return to === '/' ? path === '/' : path === to || path.startsWith(to + '/');
}

/* A new page is a new place: the focus follows, so that screen readers and Tab begin there. */
function useFocusOnPage(path: string) {
	const before = useRef(path);
	useEffect(() => {
		if (before.current === path) return;
		before.current = path;
		document.getElementById('main')?.focus({ preventScroll: true });
	}, [path]);
}

function RailItem({ item, here, count, crit }: { item: NavItem; here: boolean; count?: number; crit?: boolean }) {
	const { t } = useI18n();
	return (
		<li>
			<Link to={item.to} className="nav" title={t(item.label)} aria-current={here ? 'page' : undefined} activeProps={{}}>
				<Icon id={item.icon} />
				<span className="label">{t(item.label)}</span>
				{count ? <span className={crit ? 'count crit' : 'count'}>{count}</span> : null}
			</Link>
		</li>
	);
}

export function Shell() {
	const { t } = useI18n();
	const session = useSession();
	const path = useRouterState({ select: (s) => s.location.pathname });
	const overview = useGet<Overview>('/overview', undefined, { enabled: session !== null });
	const version = useGet<ServerVersion>('/version', undefined, { enabled: session !== null });
	const [palette, setPalette] = useState(false);
	useEventStream(session?.project.id ?? '');
	useFocusOnPage(path);

	useEffect(() => {
		const onKey = (e: KeyboardEvent) => {
			if (e.isComposing || e.keyCode === 229) return;
			if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') {
				e.preventDefault();
				setPalette(true);
			}
		};
		window.addEventListener('keydown', onKey);
		return () => window.removeEventListener('keydown', onKey);
	}, []);

	const counts: Record<string, number | undefined> = {
		'/rollouts': overview.data ? overview.data.rollouts.running + overview.data.rollouts.paused : undefined,
		'/alerts': overview.data?.alerts.firing,
	};
	const more = moreNav.some((n) => isHere(path, n.to)) || isHere(path, '/configs') || isHere(path, '/logs');
	return (
		<>
			<a className="skip" href="#main">
				{t('app.skip')}
			</a>
			<div className="app">
				<nav className="rail" aria-label={t('app.mainNav')}>
					<Link className="brand" to="/" aria-label="Muster">
						<Mark />
						<span className="word">Muster</span>
					</Link>
					<ul>
						{mainNav.map((n) => (
							<RailItem key={n.to} item={n} here={isHere(path, n.to)} count={counts[n.to]} crit={n.to === '/alerts'} />
						))}
					</ul>
					<div className="sep" />
					<ul>
						{moreNav.map((n) => (
							<RailItem key={n.to} item={n} here={isHere(path, n.to)} />
						))}
					</ul>
					<div className="rail-foot">
						<span>{location.host}</span>
						<span className="num">{[version.data?.version, version.data?.build ?? version.data?.commit].filter(Boolean).join(' · ')}</span>
					</div>
				</nav>
				<TopBar onFind={() => setPalette(true)} overview={overview.data} />
				<main className="main" id="main" tabIndex={-1}>
					<Outlet />
				</main>
			</div>
			<nav className="bottom" aria-label={t('app.compactNav')}>
				{bottomNav.map((n) => (
					<Link key={n.to} to={n.to} aria-current={isHere(path, n.to) ? 'page' : undefined} activeProps={{}}>
						<Icon id={n.icon} />
						<span>{t(n.label)}</span>
						{counts[n.to] ? <span className="count">{counts[n.to]}</span> : null}
					</Link>
				))}
				<button type="button" onClick={() => setPalette(true)} aria-current={more ? 'page' : undefined}>
					<Icon id="menu" />
					<span>{t('nav.more')}</span>
				</button>
			</nav>
			{palette && <Palette onClose={() => setPalette(false)} />}
		</>
	);
}
