/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import type { Key } from '../../i18n';
import { num } from '../../i18n/format';
import { useGet } from '../../api/hooks';
import type { Failure, Page, Rollout, StepError } from '../../api/types';
import { toBuckets } from '../../lib/states';
import { Btn } from '../../ui/button';
import { Empty, Loaded } from '../../ui/feedback';
import { Icon } from '../../ui/icon';
import { Panel } from '../../ui/panel';
import { When } from '../../ui/when';
import { ActOnSteps, stepsObstacle } from './act';
import type { StepsAct } from './act';

/* What became of the node, and how the process ended: the text says it too, but not at a glance. */
function Facts({ error }: { error: StepError | null }) {
	const { t, has } = useI18n();
	const facts = [];
	if (error?.outcome && has(`outcome.${error.outcome}`)) facts.push(t(`outcome.${error.outcome}` as Key));
	if (error?.exit) facts.push(error.exit.signal > 0 ? t('cause.signal', { n: error.exit.signal }) : t('cause.exit', { n: error.exit.code }));
	if (error?.probe) facts.push(t('cause.probe', { kind: error.probe.kind }));
	return facts.length === 0 ? null : <div className="dimmer t12">{facts.join(' · ')}</div>;
}

function History({ failure: f }: { failure: Failure }) {
	const { t } = useI18n();
	return (
		<div className="dimmer t12">
			{f.new ? <b className="crit-text">{t('cause.new')}</b> : f.known_from ? t('cause.known', { n: f.known_from }) : null}
			{f.accepted && ` · ${t('cause.accepted')}`} · {t('cause.first')} <When at={f.first_seen_at} />
			{f.count > 1 && (
				<>
					{' '}
					· {t('cause.last')} <When at={f.last_seen_at} />
				</>
			)}
		</div>
	);
}

/** What failed, grouped by kind as the server tells them apart, each with its sample and what to do with all of it. */
export function Causes({ rollout, cause, onPick }: { rollout: Rollout; cause?: string; onPick: (fingerprint?: string) => void }) {
	const { t, say, has } = useI18n();
	const failed = toBuckets(rollout.counts).failed;
	const failures = useGet<Page<Failure>>(`/rollouts/${rollout.id}/failures`, undefined, { enabled: failed > 0 });
	const [asked, setAsked] = useState<StepsAct | null>(null);
	return (
		<Panel title={t('rollout.causes')} actions={failed > 0 ? <span className="count crit">{num(failed)}</span> : undefined}>
			{failed === 0 ? (
				<Empty title={t('rollout.noFailures')} />
			) : (
				<Loaded query={failures}>
					{({ items, total }) => (
						<>
							{items.map((f) => {
								const code = f.error?.code || f.state;
								const title = has(`cause.${code}`) ? t(`cause.${code}` as Key) : code;
								const text = [f.error?.phase, f.error?.service, f.error?.text ?? f.reason].filter(Boolean).join(': ');
								const ask = (action: StepsAct['action']) => setAsked({ action, cause: f.fingerprint, count: f.count, what: title });
								return (
									<div key={f.fingerprint} className="cause" data-testid="cause" data-fingerprint={f.fingerprint}>
										<span className="n">{num(f.count)}</span>
										<div>
											<span className="strong">{title}</span>{' '}
											<button type="button" className="link t12" aria-pressed={cause === f.fingerprint} onClick={() => onPick(cause === f.fingerprint ? undefined : f.fingerprint)}>
												{f.names.slice(0, 4).join(', ')}
												{f.count > Math.min(4, f.names.length) ? ` +${num(f.count - Math.min(4, f.names.length))}` : ''}
											</button>
											<History failure={f} />
											<Facts error={f.error} />
											<pre>{[say(text), f.error?.stderr?.trim()].filter(Boolean).join('\n')}</pre>
											<div className="row wrap gap1 cause-acts">
												<Btn small icon="restart" onClick={() => ask('retry')} aria-disabled={stepsObstacle(rollout, 'retry') !== null || undefined}>
													{t('cause.retry', { n: f.count })}
												</Btn>
												<Btn small onClick={() => ask('exclude')} aria-disabled={stepsObstacle(rollout, 'exclude') !== null || undefined}>
													{t('cause.exclude', { n: f.count })}
												</Btn>
												<Link className="btn icon sm quiet" to="/logs" search={{ node: f.example.name }} aria-label={t('rollout.openLogs', { node: f.example.name })} title={t('rollout.openLogs', { node: f.example.name })}>
													<Icon id="logs" />
												</Link>
											</div>
										</div>
									</div>
								);
							})}
							{(total ?? 0) > items.length && <p className="body t12 dimmer">{t('cause.more', { n: (total ?? 0) - items.length })}</p>}
						</>
					)}
				</Loaded>
			)}
			{asked && <ActOnSteps rollout={rollout} act={asked} onClose={() => setAsked(null)} />}
		</Panel>
	);
}
