/* SPDX-License-Identifier: Apache-2.0 */
import { useId } from 'react';
import type { InputHTMLAttributes, ReactNode, SelectHTMLAttributes, TextareaHTMLAttributes } from 'react';

interface Common { label: ReactNode; hint?: ReactNode }

export function Field({ label, hint, ...rest }: Common & InputHTMLAttributes<HTMLInputElement>) {
	const id = useId();
	return (
		<div className="field">
			<label htmlFor={id}>{label}</label>
			<input className="input" id={id} aria-describedby={hint ? `${id}h` : undefined} {...rest} />
			{hint && (
				<span className="t12 dimmer" id={`${id}h`}>
					{hint}
				</span>
			)}
		</div>
	);
}

export function Area({ label, hint, ...rest }: Common & TextareaHTMLAttributes<HTMLTextAreaElement>) {
	const id = useId();
	return (
		<div className="field">
			<label htmlFor={id}>{label}</label>
			<textarea className="input area" id={id} spellCheck={false} aria-describedby={hint ? `${id}h` : undefined} {...rest} />
			{hint && (
				<span className="t12 dimmer" id={`${id}h`}>
					{hint}
				</span>
			)}
		</div>
	);
}

export function Select({ label, hint, children, ...rest }: Common & SelectHTMLAttributes<HTMLSelectElement>) {
	const id = useId();
	return (
		<div className="field">
			<label htmlFor={id}>{label}</label>
			<select className="input" id={id} {...rest}>
				{children}
			</select>
			{hint && <span className="t12 dimmer">{hint}</span>}
		</div>
	);
}

export function Check({ label, ...rest }: { label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
	return (
		<label className="row checkrow">
			<input type="checkbox" className="check" {...rest} />
			<span>{label}</span>
		</label>
	);
}
