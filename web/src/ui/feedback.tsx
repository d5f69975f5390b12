/* SPDX-License-Identifier: Apache-2.0 */
import type { ReactNode } from 'react';
import { useI18n, useT } from '../i18n';
import type { Problem } from '../api/client';
import { Btn } from './button';
import { CopyBtn } from './copy';
import { Glyph } from './icon';

/** A problem of the API: title, detail, the fields it names, the request id to give to support. */
export function ProblemBox({ problem, retry }: { problem: Problem; retry?: () => void }) {
	const { t, say } = useI18n();
	const title = problem.status === 0 ? t('error.unreachable') : problem.title ? say(problem.title) : t('error.broken');
	const detail = problem.status === 0 ? t('error.unreachableDetail') : say(problem.detail ?? problem.message);
	return (
		<div className="banner crit" role="alert">
			<Glyph id="fail" tone="crit" />
			<div className="grow stack-1">
				<b>{title}</b>
				{detail && detail !== title && <span className="dim">{detail}</span>}
				{(problem.fields ?? []).map((f, i) => (
					<span key={i} className="t12">
						{f.field && <code>{f.field}</code>} {f.detail === problem.detail ? '' : f.detail}
					</span>
				))}
				<span className="row wrap">
					{problem.requestId && (
						<span className="t12 dimmer">
							{t('error.request')} <code>{problem.requestId}</code>
						</span>
					)}
					{problem.requestId && <CopyBtn text={[title, detail, problem.requestId].join('\n')} small />}
					{retry && (
						<Btn small icon="restart" onClick={retry}>
							{t('action.tryAgain')}
						</Btn>
					)}
				</span>
			</div>
		</div>
	);
}

/** What stands in a panel that has nothing to list: what is missing and what to do. */
export function Empty({ title, children }: { title: ReactNode; children?: ReactNode }) {
	return (
		<div className="nothing">
			<b>{title}</b>
			{children && <div className="dim">{children}</div>}
		</div>
	);
}

export function Loading() {
	const t = useT();
	return (
		<div className="nothing dimmer" role="status">
			{t('common.loading')}
		</div>
	);
}

interface Loadable<T> { data: T | undefined; error: Problem | null; refetch: () => unknown }

/** Loading, problem or content of one query; a whole page names its title for the time before there is content. Old content stays in view while a refetch fails. */
export function Loaded<T>({ query, title, children }: { query: Loadable<T>; title?: ReactNode; children: (data: T) => ReactNode }) {
	if (query.data !== undefined) {
		return (
			<>
				{query.error && <ProblemBox problem={query.error} retry={() => void query.refetch()} />}
				{children(query.data)}
			</>
		);
	}
	return (
		<>
			{title !== undefined && <h1 className="loading-title">{title}</h1>}
			{query.error ? <ProblemBox problem={query.error} retry={() => void query.refetch()} /> : <Loading />}
		</>
	);
}
