/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { useAct, useGet } from '../api/hooks';
import { post } from '../api/client';
import type { NewEnrollToken, Node, Page } from '../api/types';
import { useCan, useSession } from '../app/session';
import { parseTime } from '../lib/time';
import { Btn } from '../ui/button';
import { Command } from '../ui/copy';
import { ProblemBox } from '../ui/feedback';
import { Field } from '../ui/field';
import { Glyph } from '../ui/icon';
import { useTitle } from '../ui/panel';
import { Since, When } from '../ui/when';

/** `site=plant-3, line=2` to an object; null where a term is not key=value. */
export function parseLabels(text: string): Record<string, string> | null {
	const out: Record<string, string> = {};
	for (const term of text.split(/[,\s]+/).filter(Boolean)) {
		const at = term.indexOf('=');
		if (at < 1) return null;
		out[term.slice(0, at)] = term.slice(at + 1);
	}
	return out;
}

interface Made { token: NewEnrollToken; at: string; labels: Record<string, string>; uses: number }

function Waiting({ since }: { since: string }) {
	const { t } = useI18n();
	const nodes = useGet<Page<Node>>('/nodes', { limit: 200 }, { refetchInterval: 10_000 });
	const start = parseTime(since)?.getTime() ?? 0;
	const fresh = (nodes.data?.items ?? []).filter((n) => (parseTime(n.enrolled_at)?.getTime() ?? 0) >= start - 60_000);
	if (fresh.length > 0) {
		return (
			<div className="stack-2" data-testid="arrived">
				<b>{t('enrol.arrived', { n: fresh.length })}</b>
				<span className="row wrap">
					{fresh.slice(0, 12).map((n) => (
						<Link key={n.id} className="btn sm" to="/nodes/$id" params={{ id: n.name }}>
							{n.name}
						</Link>
					))}
				</span>
			</div>
		);
	}
	return (
		<div className="stack-2">
			<div className="wait">
				<span className="pulse" aria-hidden="true" />
				<b>{t('enrol.waiting')}</b>
				<span className="grow" />
				<span className="num dimmer">
					<Since at={since} />
				</span>
			</div>
			<span className="dim">{t('enrol.waitingDetail')}</span>
		</div>
	);
}

function Steps() {
	const { t } = useI18n();
	const can = useCan('operator');
	const [made, setMade] = useState<Made | null>(null);
	const [labels, setLabels] = useState('site=plant-1');
	const [uses, setUses] = useState('10');
	const [hours, setHours] = useState('24');
	const parsed = parseLabels(labels);
	const create = useAct(
		() => post<NewEnrollToken>('/enroll-tokens', { labels: parsed ?? {}, uses: Number(uses) || 1, expires_in_s: (Number(hours) || 24) * 3600 }),
		['enroll-tokens'],
		(token) => setMade({ token, at: new Date().toISOString(), labels: parsed ?? {}, uses: Number(uses) || 1 }),
	);
	return (
		<section className="panel">
			<ol className="steps">
				<li>
					<span className={made ? 'k done' : 'k'}>{made ? <Glyph id="done" /> : 1}</span>
					{made ? (
						<div className="stack-2">
							<b>{t('enrol.ready')}</b>
							<span className="dim">
								{t('enrol.gives', { n: made.uses })} <When at={made.token.expires_at} style="full" />{' '}
								{Object.entries(made.labels).map(([k, v]) => (
									<span className="tag" key={k}>
										{k}={v}
									</span>
								))}{' '}
								<button type="button" className="linkish" onClick={() => setMade(null)}>
									{t('action.change')}
								</button>
							</span>
						</div>
					) : (
						<form
							className="stack-2"
							onSubmit={(e) => {
								e.preventDefault();
								if (parsed && can && !create.isPending) create.mutate(undefined);
							}}
						>
							<b>{t('enrol.make')}</b>
							<div className="form-row">
								<Field label={t('enrol.labels')} value={labels} onChange={(e) => setLabels(e.target.value)} hint={parsed ? t('enrol.labelsHint') : t('enrol.labelsBad')} aria-invalid={parsed === null} />
								<Field label={t('enrol.uses')} type="number" min={1} max={100000} value={uses} onChange={(e) => setUses(e.target.value)} />
								<Field label={t('enrol.hours')} type="number" min={1} max={8760} value={hours} onChange={(e) => setHours(e.target.value)} />
							</div>
							<div className="row wrap">
								<Btn type="submit" kind="primary" icon="plus" busy={create.isPending} aria-disabled={!can || !parsed || undefined}>
									{t('enrol.create')}
								</Btn>
								{!can && <span className="t12 dimmer">{t('error.needsRole', { role: t('role.operator') })}</span>}
							</div>
							{create.error && <ProblemBox problem={create.error} />}
						</form>
					)}
				</li>
				<li>
					<span className="k">2</span>
					<div className="stack-2">
						<b>{t('enrol.run')}</b>
						{made?.token.install_command && (
							<>
								<Command text={made.token.install_command} />
								<span className="dim">{t('enrol.installed')}</span>
							</>
						)}
						{made ? <Command text={made.token.command} /> : <span className="dim">{t('enrol.runLater')}</span>}
						<span className="t12 dimmer">{t('enrol.once')}</span>
					</div>
				</li>
				<li>
					<span className="k">3</span>
					{made ? <Waiting since={made.at} /> : <b>{t('enrol.appears')}</b>}
				</li>
			</ol>
		</section>
	);
}

export function FirstRun() {
	const { t } = useI18n();
	useTitle(t('enrol.firstTitle'));
	const session = useSession();
	return (
		<div className="first" data-testid="first-run">
			<div>
				<h1>{t('enrol.firstTitle')}</h1>
				<p className="why">{t('enrol.firstWhy', { project: session?.project.name ?? '' })}</p>
			</div>
			<Steps />
			<p className="t12 dimmer">{t('enrol.demo')}</p>
		</div>
	);
}

export function Enrol() {
	const { t } = useI18n();
	useTitle(t('nodes.enrol'));
	return (
		<div className="first">
			<div>
				<h1>{t('nodes.enrol')}</h1>
				<p className="why">{t('enrol.why')}</p>
			</div>
			<Steps />
		</div>
	);
}
