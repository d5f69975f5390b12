/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useState } from 'react';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { Problem } from '../api/client';
import { signIn, useSession } from '../app/session';
import { currentTheme, nextTheme, setTheme } from '../lib/theme';
import { Btn, IconBtn } from '../ui/button';
import { Field } from '../ui/field';
import { ProblemBox } from '../ui/feedback';
import { Glyph, Mark } from '../ui/icon';

const route = getRouteApi('/signin');

/* A link from elsewhere may carry any address: only paths of this site are followed. */
function inside(next: string | undefined): string {
	return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/signin') ? next : '/';
}

export function SignIn() {
	const { t, lang, setLang } = useI18n();
	const { next } = route.useSearch();
	const router = useRouter();
	const session = useSession();
	const [login, setLogin] = useState('');
	const [password, setPassword] = useState('');
	const [busy, setBusy] = useState(false);
	const [problem, setProblem] = useState<Problem | null>(null);
	const [ready, setReady] = useState<boolean | null>(null);

	useEffect(() => {
		document.title = `${t('signin.submit')} · Muster`;
		fetch('/readyz').then((r) => setReady(r.ok), () => setReady(false));
	}, [t]);

	const go = () => router.history.push(inside(next));
	useEffect(() => {
		if (session) go();
		// eslint-disable-next-line react-hooks/exhaustive-deps
	}, [session]);

	const submit = async () => {
		setBusy(true);
		setProblem(null);
		try {
			await signIn(login, password);
			go();
		} catch (error) {
			const refused = error as Problem;
			if (refused.status === 401) refused.title = t('signin.refused');
			setProblem(refused);
		}
		setBusy(false);
	};

	return (
		<div className="gatehouse">
			<header>
				{ready !== null && (
					<span className="live">
						<Glyph id={ready ? 'ok' : 'warn'} tone={ready ? 'ok' : 'warn'} />
						<span>{ready ? t('signin.ready') : t('signin.notReady')}</span>
					</span>
				)}
				<span className="grow" />
				<button type="button" className="btn quiet sm" onClick={() => setLang(lang === 'zh' ? 'en' : 'zh')} lang={lang === 'zh' ? 'en' : 'zh-CN'}>
					{lang === 'zh' ? 'English' : '中文'}
				</button>
				<IconBtn icon="sun" small kind="quiet" label={t('theme.switch')} onClick={() => setTheme(nextTheme(currentTheme()))} />
			</header>
			<main id="main">
				<form
					className="signin"
					onSubmit={(e) => {
						e.preventDefault();
						if (!busy) void submit();
					}}
				>
					<div className="stack-2">
						<span className="brand">
							<Mark />
							Muster
						</span>
						<h1 className="sr">{t('signin.title')}</h1>
						<p className="dim">
							{t('signin.to')} <span className="mono">{location.host}</span>
						</p>
					</div>
					<div className="stack-2">
						<Field label={t('signin.login')} name="login" autoComplete="username" autoCapitalize="none" required autoFocus value={login} onChange={(e) => setLogin(e.target.value)} />
						<Field label={t('signin.password')} name="password" type="password" autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.target.value)} />
					</div>
					{problem && <ProblemBox problem={problem} />}
					<Btn type="submit" kind="primary" busy={busy}>
						{t('signin.submit')}
					</Btn>
					<p className="t12 dimmer">{t('signin.forgot')}</p>
				</form>
			</main>
			<footer>
				<span>Muster</span>
				<span className="grow" />
			</footer>
		</div>
	);
}
