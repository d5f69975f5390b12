/* SPDX-License-Identifier: Apache-2.0 */
import { useRef } from 'react';
import type { KeyboardEvent } from 'react';
import { useT } from '../i18n';

/**
 * A plain text editor with line numbers. Tab indents (Escape then Tab leaves, as the hint says), Enter keeps
 * the indentation. Needs no code from elsewhere, so it works under the strictest policy.
 */
export function Editor({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
	const t = useT();
	const numbers = useRef<HTMLPreElement>(null);
	const leaving = useRef(false);
	const count = value.split('\n').length;

	const insert = (el: HTMLTextAreaElement, text: string) => {
		/* execCommand keeps the browser's undo history, which setting the value would throw away. */
		if (!document.execCommand('insertText', false, text)) {
			el.setRangeText(text, el.selectionStart, el.selectionEnd, 'end');
			onChange(el.value);
		}
	};
	const onKey = (e: KeyboardEvent<HTMLTextAreaElement>) => {
		if (e.nativeEvent.isComposing || e.keyCode === 229) return;
		const el = e.currentTarget;
		if (e.key === 'Escape') {
			leaving.current = true;
			return;
		}
		if (e.key === 'Tab' && !e.shiftKey && !leaving.current) {
			e.preventDefault();
			insert(el, '  ');
		} else if (e.key === 'Enter' && !e.ctrlKey && !e.metaKey) {
			const line = el.value.slice(el.value.lastIndexOf('\n', el.selectionStart - 1) + 1, el.selectionStart);
			const indent = /^[ \t]*/.exec(line)?.[0] ?? '';
			if (indent) {
				e.preventDefault();
				insert(el, '\n' + indent);
			}
		}
		if (e.key !== 'Tab') leaving.current = false;
	};

	return (
		<div className="editor">
			<pre ref={numbers} aria-hidden="true">
				{Array.from({ length: count }, (_, i) => i + 1).join('\n')}
			</pre>
			<textarea
				aria-label={label}
				title={t('configs.editorHint')}
				spellCheck={false}
				autoCapitalize="off"
				autoComplete="off"
				wrap="off"
				rows={Math.min(40, Math.max(14, count + 1))}
				value={value}
				onChange={(e) => onChange(e.target.value)}
				onKeyDown={onKey}
				onScroll={(e) => {
					if (numbers.current) numbers.current.scrollTop = e.currentTarget.scrollTop;
				}}
			/>
		</div>
	);
}
