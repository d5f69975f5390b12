/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import { num } from '../../i18n/format';
import type { Node } from '../../api/types';
import { bytes, duration } from '../../lib/time';
import { Panel } from '../../ui/panel';
import { When } from '../../ui/when';

export function Identity({ node }: { node: Node }) {
	const { t } = useI18n();
	const host = node.health?.host;
	const skew = node.health?.clock_offset_ms;
	return (
		<Panel title={t('node.identity')}>
			<div className="body">
				<dl className="kv">
					<dt>ID</dt>
					<dd className="mono">{node.id}</dd>
					<dt>{t('node.hostname')}</dt>
					<dd className="mono">{node.hostname ?? '–'}</dd>
					<dt>{t('node.platform')}</dt>
					<dd>{[node.platform, node.agent_version && `muster-agent ${node.agent_version}`].filter(Boolean).join(' · ') || '–'}</dd>
					<dt>{t('node.lastContact')}</dt>
					<dd className="mono">
						<When at={node.last_seen_at} style="full" />
					</dd>
					<dt>{t('node.enrolled')}</dt>
					<dd className="mono">
						<When at={node.enrolled_at} style="full" />
					</dd>
					{node.health?.uptime_s !== undefined && (
						<>
							<dt>{t('node.hostUp')}</dt>
							<dd className="num">{duration(node.health.uptime_s)}</dd>
						</>
					)}
					{host && (
						<>
							<dt>CPU</dt>
							<dd className="num">
								{num(host.cpu_percent ?? NaN, 0)} % · load {num(host.load1 ?? NaN, 2)}
							</dd>
							<dt>{t('node.memory')}</dt>
							<dd className="num">{t('node.freeOf', { free: bytes(host.mem_available ?? NaN), total: bytes(host.mem_total ?? NaN) })}</dd>
							<dt>{t('node.disk')}</dt>
							<dd className="num">{t('node.freeOf', { free: bytes(host.disk_free ?? NaN), total: bytes(host.disk_total ?? NaN) })}</dd>
						</>
					)}
					{skew !== undefined && (
						<>
							<dt>{t('node.skew')}</dt>
							<dd className="num">{`${skew >= 0 ? '+' : '−'}${(Math.abs(skew) / 1000).toFixed(2)} s`}</dd>
						</>
					)}
					{node.cert_not_after && (
						<>
							<dt>{t('node.certificate')}</dt>
							<dd className="num">
								{t('node.validTo')} <When at={node.cert_not_after} style="full" />
							</dd>
						</>
					)}
					<dt>{t('node.labels')}</dt>
					<dd>
						<span className="row wrap gap1">
							{Object.entries(node.labels ?? {}).map(([k, v]) => (
								<span key={k} className="tag">
									{k}={v}
								</span>
							))}
							{Object.keys(node.labels ?? {}).length === 0 && '–'}
						</span>
					</dd>
				</dl>
			</div>
		</Panel>
	);
}
