/* SPDX-License-Identifier: Apache-2.0 */
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import type { Key } from '../../i18n';
import { num } from '../../i18n/format';
import { useGet } from '../../api/hooks';
import type { Page, Rollout, Step, StepError } from '../../api/types';
import { toBuckets } from '../../lib/states';
import { Empty, Loaded } from '../../ui/feedback';
import { Icon } from '../../ui/icon';
import { Panel } from '../../ui/panel';

interface Cause { key: string; title: string; detail: string; error: StepError | null; nodes: string[] }

/** Failed steps by what they failed of: numbers in the text do not make a cause of their own. */
export function groupCauses(steps: Step[]): Cause[] {
	const out = new Map<string, Cause>();
	for (const s of steps) {
		const text = s.error?.text ?? s.reason ?? s.state;
		const key = `${s.error?.code ?? ''} ${text.replace(/\d+/g, '#')}`;
		const found = out.get(key);
		if (found) found.nodes.push(s.name);
		else out.set(key, { key, title: s.error?.code || s.state, detail: [s.error?.phase, s.error?.service, text].filter(Boolean).join(': '), error: s.error, nodes: [s.name] });
	}
	return [...out.values()].sort((a, b) => b.nodes.length - a.nodes.length);
}

/* What became of the node, and how the process ended: the text says it too, but not at a glance. */
function Facts({ error }: { error: StepError | null }) {
	const { t, has } = useI18n();
	const facts = [];
	if (error?.outcome && has(`outcome.${error.outcome}`)) facts.push(t(`outcome.${error.outcome}` as Key));
	if (error?.exit) facts.push(error.exit.signal > 0 ? t('cause.signal', { n: error.exit.signal }) : t('cause.exit', { n: error.exit.code }));
	if (error?.probe) facts.push(t('cause.probe', { kind: error.probe.kind }));
	return facts.length === 0 ? null : <div className="dimmer t12">{facts.join(' · ')}</div>;
}

export function Causes({ rollout }: { rollout: Rollout }) {
	const { t, say, has } = useI18n();
	const failed = toBuckets(rollout.counts).failed;
	const steps = useGet<Page<Step>>(`/rollouts/${rollout.id}/steps`, { state: 'failed,rolled_back,rollback_failed,timed_out', limit: 200 }, { enabled: failed > 0 });
	return (
		<Panel title={t('rollout.causes')} actions={failed > 0 ? <span className="count crit">{num(failed)}</span> : undefined}>
			{failed === 0 ? (
				<Empty title={t('rollout.noFailures')} />
			) : (
				<Loaded query={steps}>
					{({ items }) => (
						<>
							{groupCauses(items).map((c) => (
								<div key={c.key} className="cause" data-testid="cause">
									<span className="n">{c.nodes.length}</span>
									<div>
										<span className="strong">{has(`cause.${c.title}`) ? t(`cause.${c.title}` as Key) : c.title}</span> <span className="dimmer t12">{c.nodes.slice(0, 4).join(', ')}{c.nodes.length > 4 ? ` +${c.nodes.length - 4}` : ''}</span>
										<Facts error={c.error} />
										<pre>{[say(c.detail), c.error?.stderr?.trim()].filter(Boolean).join('\n')}</pre>
									</div>
									<span className="acts">
										<Link className="btn icon sm quiet" to="/logs" search={{ node: c.nodes[0] }} aria-label={t('rollout.openLogs', { node: c.nodes[0] })} title={t('rollout.openLogs', { node: c.nodes[0] })}>
											<Icon id="logs" />
										</Link>
									</span>
								</div>
							))}
						</>
					)}
				</Loaded>
			)}
		</Panel>
	);
}
