/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useRef, useState } from 'react';
import { useT } from '../i18n';
import { queryTerms, withoutTerm } from '../lib/selector';
import { Icon } from './icon';
import type { IconId } from './icon';

/**
 * Terms as chips, one text field for the next. Enter adds, Backspace in the empty field takes the
 * last one back into it. Composing (pinyin) never submits.
 */
export function QueryBar(props: { value: string; onChange: (value: string) => void; label: string; placeholder: string; icon?: IconId }) {
	const t = useT();
	const ref = useRef<HTMLInputElement>(null);
	const [draft, setDraft] = useState('');
	const terms = queryTerms(props.value);

	useEffect(() => {
		const onKey = (e: KeyboardEvent) => {
			const target = e.target as HTMLElement;
			if (e.key !== '/' || e.ctrlKey || e.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
			e.preventDefault();
			ref.current?.focus();
		};
		window.addEventListener('keydown', onKey);
		return () => window.removeEventListener('keydown', onKey);
	}, []);

	const add = () => {
		const text = draft.trim();
		if (!text) return;
		setDraft('');
		props.onChange([props.value, text].filter(Boolean).join(' '));
	};

	return (
		<div className="query" role="search">
			<Icon id={props.icon ?? 'filter'} />
			{terms.map((term, i) => {
				const colon = /^[a-z]+:/.exec(term)?.[0] ?? '';
				return (
					<span className="chip" key={`${term}${i}`}>
						{colon}
						<b>{term.slice(colon.length)}</b>
						<button type="button" aria-label={t('query.remove', { term })} onClick={() => props.onChange(withoutTerm(props.value, term))}>
							<Icon id="x" />
						</button>
					</span>
				);
			})}
			<input
				ref={ref}
				type="text"
				aria-label={props.label}
				placeholder={terms.length === 0 ? props.placeholder : t('query.add')}
				value={draft}
				onChange={(e) => setDraft(e.target.value)}
				onBlur={add}
				onKeyDown={(e) => {
					if (e.nativeEvent.isComposing || e.keyCode === 229) return;
					if (e.key === 'Enter') add();
					else if (e.key === 'Backspace' && draft === '' && terms.length > 0) {
						setDraft(terms[terms.length - 1]);
						props.onChange(terms.slice(0, -1).join(' '));
						e.preventDefault();
					}
				}}
			/>
			<span className="kbd only-wide">/</span>
		</div>
	);
}
