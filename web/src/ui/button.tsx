/* SPDX-License-Identifier: Apache-2.0 */
import { useId } from 'react';
import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Icon } from './icon';
import type { IconId } from './icon';

interface BtnProps extends ButtonHTMLAttributes<HTMLButtonElement> {
	icon?: IconId;
	kind?: 'primary' | 'quiet' | 'danger';
	small?: boolean;
	busy?: boolean;
	children?: ReactNode;
}

export function Btn({ icon, kind, small, busy, children, className, onClick, ...rest }: BtnProps) {
	const names = ['btn', kind, small && 'sm', children === undefined && 'icon', className].filter(Boolean).join(' ');
	const off = busy || rest['aria-disabled'] === true;
	return (
		<button type="button" {...rest} className={names} aria-busy={busy || undefined} onClick={off ? (e) => e.preventDefault() : onClick}>
			{icon && <Icon id={icon} />}
			{children !== undefined && <span>{children}</span>}
		</button>
	);
}

/** A button with words only for screen readers and a title for the pointer. */
export function IconBtn({ label, ...rest }: BtnProps & { label: string; icon: IconId }) {
	return <Btn {...rest} aria-label={label} title={label} />;
}

/** An action that is always there: when it cannot run it is dashed and says why below itself. */
export function Verb({ reason, hint, children, ...rest }: BtnProps & { reason?: string | null; hint?: string }) {
	const id = useId();
	const note = reason || hint;
	return (
		<div className="reasoned">
			<Btn {...rest} aria-disabled={reason ? true : undefined} aria-describedby={note ? id : undefined}>
				{children}
			</Btn>
			{note && (
				<span className="reason" id={id}>
					{note}
				</span>
			)}
		</div>
	);
}

export function Seg<T extends string>(props: { label: string; value: T; options: { value: T; label: ReactNode }[]; onChange: (value: T) => void }) {
	return (
		<span className="seg" role="group" aria-label={props.label}>
			{props.options.map((o) => (
				<button key={o.value} type="button" aria-pressed={o.value === props.value} onClick={() => props.onChange(o.value)}>
					{o.label}
				</button>
			))}
		</span>
	);
}
