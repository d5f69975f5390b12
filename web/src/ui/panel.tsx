/* SPDX-License-Identifier: Apache-2.0 */
import type { ReactNode } from 'react';
import { Fragment, useEffect } from 'react';
import { Link } from '@tanstack/react-router';
import { Icon } from './icon';

export function Panel(props: { title: ReactNode; actions?: ReactNode; footer?: ReactNode; children: ReactNode; className?: string }) {
	return (
		<section className={props.className ? `panel ${props.className}` : 'panel'}>
			<header>
				<h2>{props.title}</h2>
				{props.actions}
			</header>
			{props.children}
			{props.footer && <footer>{props.footer}</footer>}
		</section>
	);
}

/** The name of the page in the tab and in the history. */
export function useTitle(name: string): void {
	useEffect(() => {
		if (name) document.title = `${name} · Muster`;
	}, [name]);
}

export interface Crumb { label: ReactNode; to?: string }

/** Crumb, title with badges, why-sentence and actions: the head of every page. */
export function Head(props: { title: ReactNode; crumbs?: Crumb[]; badges?: ReactNode; why?: ReactNode; actions?: ReactNode }) {
	const name = typeof props.title === 'string' ? props.title : '';
	useTitle(name);
	return (
		<>
			{props.crumbs && (
				<nav className="crumb" aria-label="Breadcrumb">
					{props.crumbs.map((c, i) => (
						<Fragment key={i}>
							{i > 0 && <Icon id="right" />}
							{c.to ? <Link to={c.to}>{c.label}</Link> : <span>{c.label}</span>}
						</Fragment>
					))}
				</nav>
			)}
			<div className="head">
				<div className="grow">
					<div className="row wrap">
						<h1>{props.title}</h1>
						{props.badges}
					</div>
					{props.why && <p className="why">{props.why}</p>}
				</div>
				{props.actions && <div className="actions">{props.actions}</div>}
			</div>
		</>
	);
}
