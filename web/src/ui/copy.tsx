/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useT } from '../i18n';
import { copyText } from '../lib/clipboard';
import { Btn } from './button';
import type { IconId } from './icon';

export function CopyBtn(props: { text: string; label?: string; icon?: IconId; small?: boolean; kind?: 'quiet' }) {
	const t = useT();
	const [state, setState] = useState<'' | 'done' | 'failed'>('');
	const copy = async () => {
		setState((await copyText(props.text)) ? 'done' : 'failed');
		setTimeout(() => setState(''), 2000);
	};
	const words = { '': props.label ?? t('action.copy'), done: t('action.copied'), failed: t('action.copyFailed') }[state];
	return (
		<Btn icon={state === 'done' ? 'check' : (props.icon ?? 'copy')} small={props.small} kind={props.kind} onClick={() => void copy()}>
			<span aria-live="polite">{words}</span>
		</Btn>
	);
}

/** A command or secret that is meant to be copied. */
export function Command({ text }: { text: string }) {
	return (
		<div className="cmd">
			<pre>{text}</pre>
			<CopyBtn text={text} small />
		</div>
	);
}
