/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useState } from 'react';
import { Link, useNavigate } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { useGet } from '../api/hooks';
import { useLive } from '../api/live';
import type { Overview, Page, Rollout } from '../api/types';
import { finalShare } from '../lib/rollout';
import { lookup, rolloutLooks } from '../lib/states';
import { currentTheme, nextTheme, setTheme } from '../lib/theme';
import { clock } from '../lib/time';
import { setClockMode, useClockMode } from '../lib/clock-mode';
import { Glyph, Icon, Mark } from '../ui/icon';
import { Btn, IconBtn } from '../ui/button';
import { useNow } from '../ui/when';
import { signOut, switchProject, useSession } from './session';

const staleAfter = 10_000;

function LiveDot() {
	const { t } = useI18n();
	const live = useLive();
	const now = useNow();
	const away = now - live.since;
	const state = live.state === 'live' ? 'live' : away > staleAfter ? 'stale' : 'reconnecting';
	useEffect(() => {
		document.documentElement.dataset.live = state;
	}, [state]);
	if (state === 'live') {
		return (
			<span className="live" title={t('live.connected')} data-testid="live">
				<Glyph id="ok" tone="ok" />
				<span>{t('live.live')}</span>
			</span>
		);
	}
	if (state === 'reconnecting') {
		return (
			<span className="live" data-testid="live">
				<Glyph id="prog" tone="prog" />
				<span className="num">{t('live.reconnecting', { s: Math.max(0, Math.floor(away / 1000)) })}</span>
			</span>
		);
	}
	return (
		<span className="live" data-testid="live">
			<Glyph id="off" tone="off" />
			<span className="num">{t('live.stale', { time: clock(new Date(live.since)) })}</span>
		</span>
	);
}

function RolloutPill({ overview }: { overview?: Overview }) {
	const { t } = useI18n();
	const busy = overview ? overview.rollouts.running + overview.rollouts.paused > 0 : false;
	const list = useGet<Page<Rollout>>('/rollouts', { limit: 10 }, { enabled: busy });
	const rollout = list.data?.items.find((r) => r.state === 'paused' || r.state === 'running' || r.state === 'rolling_back');
	if (!busy || !rollout) return null;
	const look = lookup(rolloutLooks, rollout.state);
	const share = finalShare(rollout.counts);
	return (
		<Link className="pill wide" to="/rollouts/$id" params={{ id: String(rollout.number) }}>
			<Glyph id={look.glyph} tone={look.tone} />
			<span>
				R-{rollout.number} {t(look.key)} {share !== null && <span className="num dim">{share}%</span>}
			</span>
		</Link>
	);
}

function ThemeBtn() {
	const { t } = useI18n();
	const [theme, set] = useState(currentTheme());
	const words = { system: t('theme.system'), light: t('theme.light'), dark: t('theme.dark') };
	return (
		<IconBtn
			icon="sun"
			kind="quiet"
			label={t('theme.label', { now: words[theme] })}
			onClick={() => {
				const next = nextTheme(theme);
				setTheme(next);
				set(next);
			}}
		/>
	);
}

function Account() {
	const { t, lang, setLang } = useI18n();
	const session = useSession();
	const navigate = useNavigate();
	const mode = useClockMode();
	if (!session) return null;
	const leave = async () => {
		await signOut();
		await navigate({ to: '/signin' });
	};
	const label = t('account.label', { login: session.user.login, role: t(`role.${session.project.role}`) });
	return (
		<>
			<button type="button" className="btn icon quiet" popoverTarget="account" aria-label={label} title={label}>
				<Icon id="user" />
			</button>
			<div id="account" popover="auto" className="menu">
				<div className="menu-head">
					<b>{session.user.name || session.user.login}</b>
					<span className="t12 dimmer">
						{session.project.name} · {t(`role.${session.project.role}`)}
					</span>
				</div>
				<Btn kind="quiet" onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')}>
					{lang === 'zh' ? 'English' : '中文'}
				</Btn>
				<Btn kind="quiet" onClick={() => setClockMode(mode === 'utc' ? 'local' : 'utc')}>
					{mode === 'utc' ? t('account.localTime') : t('account.utcTime')}
				</Btn>
				<Btn kind="quiet" onClick={() => void leave()}>
					{t('account.signOut')}
				</Btn>
			</div>
		</>
	);
}

export function TopBar({ onFind, overview }: { onFind: () => void; overview?: Overview }) {
	const { t, lang, setLang } = useI18n();
	const session = useSession();
	return (
		<header className="top">
			<Link className="brand only-narrow" to="/" aria-label="Muster">
				<Mark />
			</Link>
			{session && session.projects?.length > 1 ? (
				<label className="scope-pick">
					<span className="sr">{t('app.project')}</span>
					<select value={session.project.id} onChange={(e) => switchProject(session, e.target.value)}>
						{session.projects.map((p) => (
							<option key={p.id} value={p.id}>
								{p.name}
							</option>
						))}
					</select>
				</label>
			) : (
				<span className="row only-wide dim" title={t('app.project')}>
					<Icon id="site" />
					<span className="clip">{session?.project.name}</span>
				</span>
			)}
			<button type="button" className="find" onClick={onFind} aria-label={`${t('app.find')} Ctrl K`}>
				<Icon id="search" />
				<span className="clip">{t('app.find')}</span>
				<span className="kbd">Ctrl K</span>
			</button>
			<span className="grow only-wide" />
			<RolloutPill overview={overview} />
			<span className="push" />
			<LiveDot />
			<button type="button" className="btn quiet sm only-wide" onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')} lang={lang === 'zh' ? 'en' : 'zh-CN'}>
				{lang === 'zh' ? 'English' : '中文'}
			</button>
			<ThemeBtn />
			<Account />
		</header>
	);
}
