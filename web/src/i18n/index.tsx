/* SPDX-License-Identifier: Apache-2.0 */
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import type { ReactNode } from 'react';
import { fill } from './format';
import type { Params } from './format';
import { say } from './sentences';
import type { Sentence } from './sentences';
import type { Dictionary } from './en';

export type Lang = 'en' | 'zh';
export type Key = keyof Dictionary;
export type Translate = (key: Key, params?: Params) => string;

interface I18n {
	lang: Lang;
	t: Translate;
	/** Whether a key that comes from data (an event type, say) has words. */
	has: (key: string) => key is Key;
	/** A sentence of the server, translated if its form is known. */
	say: (text: string) => string;
	setLang: (lang: Lang) => void;
}

export interface Words { default: Dictionary; sentences: Sentence[] }

const loaders: Record<Lang, () => Promise<Words>> = {
	en: () => import('./en'),
	zh: () => import('./zh'),
};

const Context = createContext<I18n | null>(null);

export function initialLang(): Lang {
	return document.documentElement.lang.startsWith('zh') ? 'zh' : 'en';
}

export function loadLang(lang: Lang): Promise<Words> {
	return loaders[lang]();
}

export function I18nProvider(props: { lang: Lang; words: Words; children: ReactNode }) {
	const [state, setState] = useState({ lang: props.lang, words: props.words });

	useEffect(() => {
		document.documentElement.lang = state.lang === 'zh' ? 'zh-CN' : 'en';
	}, [state.lang]);

	const setLang = useCallback((lang: Lang) => {
		try {
			localStorage.setItem('muster.lang', lang);
		} catch {
			/* The choice then lasts as long as the page. */
		}
		void loadLang(lang).then((words) => setState({ lang, words }));
	}, []);

	const value = useMemo<I18n>(
		() => ({
			lang: state.lang,
			t: (key, params) => fill(state.words.default[key] ?? key, params),
			has: (key): key is Key => key in state.words.default,
			say: (text) => say(state.words.sentences, text),
			setLang,
		}),
		[state, setLang],
	);
	return <Context.Provider value={value}>{props.children}</Context.Provider>;
}

export function useI18n(): I18n {
	const value = useContext(Context);
	if (!value) throw new Error('useI18n outside I18nProvider');
	return value;
}

export function useT(): Translate {
	return useI18n().t;
}
