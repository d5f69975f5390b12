/* SPDX-License-Identifier: Apache-2.0 */
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import type { Node } from '../../api/types';
import { lookup, nodeLooks, serviceLook } from '../../lib/states';
import { IconBtn } from '../../ui/button';
import { Icon } from '../../ui/icon';
import { Badge, St } from '../../ui/status';
import { Since, When } from '../../ui/when';

/** The chosen node beside the list, so that the list keeps its place. */
export function Peek({ node, onClose }: { node: Node; onClose: () => void }) {
	const { t, say } = useI18n();
	return (
		<aside className="panel peek" aria-label={node.name}>
			<header>
				<h2 className="mono clip">{node.name}</h2>
				<IconBtn icon="x" small kind="quiet" label={t('action.close')} onClick={onClose} />
			</header>
			<section>
				<span>
					<Badge look={lookup(nodeLooks, node.status)} />
				</span>
				{node.reason && <p>{say(node.reason)}</p>}
			</section>
			<section>
				<h3>{t('node.services')}</h3>
				{node.services.length === 0 && <span className="dimmer">{t('node.noServices')}</span>}
				{node.services.map((s) => (
					<div key={s.name} className="svc">
						<span>
							<b className="mono">{s.name}</b> <span className="mono dimmer">{s.package?.version ?? ''}</span>
						</span>
						<St look={serviceLook(s, node.status)} />
						<span className="t12 dimmer">
							{s.since && s.pid ? (
								<>
									{t('node.up')} <Since at={s.since} />
								</>
							) : (
								s.reason
							)}
						</span>
					</div>
				))}
			</section>
			<section>
				<dl className="kv">
					<dt>{t('node.lastContact')}</dt>
					<dd className="mono">
						<When at={node.last_seen_at} style="full" />
					</dd>
					<dt>{t('node.platform')}</dt>
					<dd>{node.platform ?? '–'}</dd>
					<dt>{t('node.generation')}</dt>
					<dd className="num">{node.desired_generation ? `${node.reported_generation ?? 0} / ${node.desired_generation}` : '–'}</dd>
					<dt>{t('node.labels')}</dt>
					<dd>
						<span className="row wrap gap1">
							{Object.entries(node.labels ?? {}).map(([k, v]) => (
								<span key={k} className="tag">
									{k}={v}
								</span>
							))}
						</span>
					</dd>
				</dl>
			</section>
			<footer>
				<Link className="btn sm primary" to="/nodes/$id" params={{ id: node.name }}>
					{t('action.open')}
				</Link>
				<Link className="btn sm" to="/logs" search={{ node: node.name }}>
					<Icon id="logs" />
					<span>{t('nav.logs')}</span>
				</Link>
			</footer>
		</aside>
	);
}
