/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { post } from '../api/client';
import type { Problem } from '../api/client';
import { useAct, useGet } from '../api/hooks';
import type { Change, Node, Page, Plan, Rollout, RolloutSpec, Selection, Strategy, Targets } from '../api/types';
import { useCan } from '../app/session';
import { useDebounced } from '../lib/debounce';
import { unpackNodes } from '../lib/handoff';
import { Btn } from '../ui/button';
import { Loaded, ProblemBox } from '../ui/feedback';
import { Field } from '../ui/field';
import { Head } from '../ui/panel';
import { When } from '../ui/when';
import { ChangeRows, emptyRow, rowProblem, toChange } from './rollout/changes';
import type { ChangeRow } from './rollout/changes';
import { PlanMoved, PlanPreview } from './rollout/plan';
import { StrategyForm, defaultStrategy, strategyProblem, toStrategy } from './rollout/strategy';
import type { StrategyState } from './rollout/strategy';

const route = getRouteApi('/app/rollouts/new');

function toTargets(kind: string, selector: string, nodes: string, selection: string): Targets {
	if (kind === 'selection') return { selection };
	return kind === 'nodes' ? { nodes: nodes.split(/[,\s]+/).filter(Boolean) } : { selector: kind === 'all' ? '*' : selector.trim() };
}

/* A selection is what somebody counted; when the fleet has moved since, it says so before the server refuses. */
function Chosen({ query }: { query: { data: Selection | undefined; error: Problem | null; refetch: () => unknown } }) {
	const { t } = useI18n();
	return (
		<Loaded query={query}>
			{(s) => (
				<div className="stack-1" data-testid="selection">
					<span>
						<b className="num">{t('configs.nodes', { n: s.count })}</b> {s.selector && <code>{s.selector}</code>} <span className="t12 dimmer">{t('plan.selectionUntil')} <When at={s.expires_at} /></span>
					</span>
					{s.now && s.now.added + s.now.gone > 0 && <span className="bad">{t('plan.selectionMoved', { added: s.now.added, gone: s.now.gone })}</span>}
				</div>
			)}
		</Loaded>
	);
}

/** Target, change, strategy, then a plan that shows what each node would do, and only then a rollout. */
export function RolloutNew() {
	const { t, say } = useI18n();
	const search = route.useSearch();
	const navigate = useNavigate();
	const can = useCan('operator');
	const given = unpackNodes(search.nodes);
	const [kind, setKind] = useState(search.selection ? 'selection' : given.length > 0 ? 'nodes' : search.selector === '*' ? 'all' : 'selector');
	const [selector, setSelector] = useState(search.selector ?? '');
	const [nodes, setNodes] = useState(given.join(', '));
	const [rows, setRows] = useState<ChangeRow[]>([{ ...emptyRow(), service: search.service ?? '', config: search.config ?? '', configVersion: search.version ?? '', pkg: search.package ?? '' }]);
	const [strategy, setStrategy] = useState<StrategyState>(defaultStrategy);
	const [name, setName] = useState('');
	const [typed, setTyped] = useState('');
	const [shown, setShown] = useState<{ key: string; plan: Plan } | null>(null);

	const asked = useDebounced(kind === 'selector' ? selector.trim() : '');
	const match = useGet<Page<Node>>('/nodes', { selector: asked, limit: 1 }, { enabled: asked !== '' });
	const matched = asked === '' ? t('plan.selectorHint') : match.error ? say(match.error.detail || match.error.title) : match.data ? t(match.data.total_is_bound ? 'plan.matchesMore' : 'plan.matches', { n: match.data.total ?? 0 }) : t('common.loading');

	const selection = useGet<Selection>(`/selections/${search.selection}`, undefined, { enabled: kind === 'selection' && !!search.selection });
	const targets = toTargets(kind, selector, nodes, search.selection ?? '');
	const hasTarget = kind === 'selection' ? selection.data !== undefined : kind === 'nodes' ? (targets.nodes?.length ?? 0) > 0 : !!targets.selector;
	const badStrategy = strategyProblem(strategy);
	const bad = rows.map(rowProblem).find((p) => p !== null) ?? null;
	const changes: Change[] = rows.map(toChange);
	const canFollow = kind === 'selector' || kind === 'all';
	const built: Strategy = toStrategy({ ...strategy, follow: strategy.follow && canFollow });
	const spec: RolloutSpec = { name: name || undefined, changes, targets, strategy: built };
	const key = JSON.stringify([changes, targets, built]);
	const missing = !hasTarget ? t('plan.needTarget') : bad ? t(bad) : badStrategy ? t(badStrategy) : null;

	const plan = useAct(() => post<Plan>('/rollouts/plan', { changes, targets, strategy: built }), [], (p) => {
		start.reset();
		setShown({ key, plan: p });
	});
	const current = shown?.key === key ? shown.plan : null;
	/* Everything there is takes a number that a person has typed, not one that we fill in. */
	const sent = current?.everything ? { ...targets, confirm_count: Number(typed) } : targets;
	const start = useAct(
		(draft: boolean) => post<Rollout>('/rollouts', { ...spec, targets: sent, plan_hash: current?.plan_hash, draft: draft || undefined }),
		['rollouts', 'overview', 'nodes'],
		(r) => void navigate({ to: '/rollouts/$id', params: { id: String(r.number) } }),
	);
	const blocked = !can ? t('error.needsRole', { role: t('role.operator') }) : !current ? t('plan.first') : current.counts.nodes === 0 ? t('plan.noNodes') : current.counts.change === 0 ? t('plan.nothing') : current.everything && typed.trim() !== String(current.counts.nodes) ? t('plan.confirmFirst') : null;
	const moved = start.error?.status === 409 ? (start.error.body.plan as Plan | undefined) : undefined;

	return (
		<>
			<Head crumbs={[{ label: t('nav.rollouts'), to: '/rollouts' }, { label: t('rollouts.new') }]} title={t('rollouts.new')} why={t('plan.why')} />
			<form
				className="stack"
				onSubmit={(e) => {
					e.preventDefault();
					if (!missing) plan.mutate(undefined);
				}}
			>
				<section className="panel">
					<ol className="steps">
						<li>
							<span className="k">1</span>
							<div className="stack-2">
								<b>{t('plan.target')}</b>
								<fieldset className="radios">
									<legend className="sr">{t('plan.target')}</legend>
									{(search.selection ? (['selection', 'selector', 'nodes', 'all'] as const) : (['selector', 'nodes', 'all'] as const)).map((k) => (
										<label key={k} className="row gap1">
											<input type="radio" name="kind" checked={kind === k} onChange={() => setKind(k)} /> {t(`plan.by.${k}`)}
										</label>
									))}
								</fieldset>
								{kind === 'selector' && <Field label={t('plan.selector')} className="input mono" value={selector} onChange={(e) => setSelector(e.target.value)} placeholder="site=plant-3,line in (1,2)" hint={matched} aria-invalid={match.error !== null && asked !== ''} />}
								{kind === 'nodes' && <Field label={t('plan.nodes')} className="input mono" value={nodes} onChange={(e) => setNodes(e.target.value)} placeholder="gw-1, gw-2" />}
								{kind === 'selection' && <Chosen query={selection} />}
								{kind === 'all' && <p className="dim">{t('plan.allHint')}</p>}
							</div>
						</li>
						<li>
							<span className="k">2</span>
							<div className="stack-2">
								<b>{t('plan.change')}</b>
								<ChangeRows rows={rows} onChange={setRows} />
							</div>
						</li>
						<li>
							<span className="k">3</span>
							<div className="stack-2">
								<b>{t('plan.strategy')}</b>
								<StrategyForm value={strategy} onChange={setStrategy} canFollow={canFollow} />
							</div>
						</li>
						<li>
							<span className="k">4</span>
							<div className="stack-2">
								<b>{t('plan.preview')}</b>
								<div className="row wrap">
									<Btn type="submit" icon="info" busy={plan.isPending} aria-disabled={missing !== null || undefined} kind={current ? undefined : 'primary'} data-testid="plan">
										{current ? t('plan.again') : t('plan.make')}
									</Btn>
									<span className="t12 dimmer">{missing ?? (current ? t('plan.fresh') : shown ? t('plan.stale') : t('plan.nothingSent'))}</span>
								</div>
								{plan.error && <ProblemBox problem={plan.error} />}
							</div>
						</li>
					</ol>
				</section>
				{current && <PlanPreview plan={current} />}
			</form>
			{current && (
				<section className="panel startbar">
					<div className="body stack-2">
						<Field label={t('plan.name')} value={name} onChange={(e) => setName(e.target.value)} maxLength={120} />
						{current.everything && <Field label={t('plan.confirm', { n: current.counts.nodes })} className="input mono slim" inputMode="numeric" autoComplete="off" value={typed} onChange={(e) => setTyped(e.target.value)} data-testid="confirm" />}
						{moved && (
							<PlanMoved
								before={current}
								now={moved}
								onAccept={() => {
									start.reset();
									setTyped('');
									setShown({ key, plan: moved });
								}}
							/>
						)}
						{start.error && !moved && <ProblemBox problem={start.error} retry={start.error.status === 409 ? () => plan.mutate(undefined) : undefined} />}
						<div className="row wrap">
							<Btn kind="primary" icon="play" busy={start.isPending} aria-disabled={blocked !== null || !!moved || undefined} onClick={() => start.mutate(false)} data-testid="start">
								{strategy.approval ? t('plan.submit') : t('plan.start', { n: current.counts.change })}
							</Btn>
							<Btn aria-disabled={blocked !== null || !!moved || undefined} onClick={() => start.mutate(true)}>
								{t('plan.draft')}
							</Btn>
							{blocked && <span className="t12 dimmer">{blocked}</span>}
						</div>
					</div>
				</section>
			)}
		</>
	);
}
