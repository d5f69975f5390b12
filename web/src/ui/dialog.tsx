/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useId, useRef } from 'react';
import type { ReactNode } from 'react';
import { useT } from '../i18n';
import type { Problem } from '../api/client';
import { Btn, IconBtn } from './button';
import { ProblemBox } from './feedback';

/** A native modal dialog; the first field has the focus, Esc and the cross close it, focus returns to where it was. */
export function Dialog(props: { title: ReactNode; onClose: () => void; children: ReactNode; footer?: ReactNode; wide?: boolean }) {
	const t = useT();
	const id = useId();
	const ref = useRef<HTMLDialogElement>(null);
	useEffect(() => {
		const dialog = ref.current;
		const before = document.activeElement;
		dialog?.showModal();
		/* showModal chooses the cross; people who open a form or the search want to type. */
		dialog?.querySelector<HTMLElement>('.body :is(input, select, textarea):not([disabled], [type=hidden])')?.focus();
		return () => {
			dialog?.close();
			if (before instanceof HTMLElement) before.focus();
		};
	}, []);
	return (
		<dialog
			ref={ref}
			className={props.wide ? 'dialog wide' : 'dialog'}
			aria-labelledby={id}
			onCancel={(e) => {
				e.preventDefault();
				props.onClose();
			}}
		>
			<header>
				<h2 id={id}>{props.title}</h2>
				<IconBtn label={t('action.close')} icon="x" small kind="quiet" onClick={props.onClose} />
			</header>
			<div className="body stack">{props.children}</div>
			{props.footer && <footer>{props.footer}</footer>}
		</dialog>
	);
}

/** A form in a dialog: cancel, submit, the problem of the last try. */
export function FormDialog(props: {
	title: ReactNode; submit: ReactNode; onClose: () => void; onSubmit: () => void; children: ReactNode;
	busy?: boolean; problem?: Problem | null; danger?: boolean; wide?: boolean; blocked?: boolean;
}) {
	const t = useT();
	const id = useId();
	return (
		<Dialog
			title={props.title}
			onClose={props.onClose}
			wide={props.wide}
			footer={
				<>
					<span className="grow" />
					<Btn onClick={props.onClose}>{t('action.cancel')}</Btn>
					<Btn kind="primary" className={props.danger ? 'crit-fill' : undefined} type="submit" form={id} busy={props.busy} aria-disabled={props.blocked || undefined}>
						{props.submit}
					</Btn>
				</>
			}
		>
			<form
				id={id}
				className="stack"
				onSubmit={(e) => {
					e.preventDefault();
					if (!props.busy && !props.blocked) props.onSubmit();
				}}
			>
				{props.children}
			</form>
			{props.problem && <ProblemBox problem={props.problem} />}
		</Dialog>
	);
}
