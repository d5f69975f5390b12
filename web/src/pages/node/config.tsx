/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { useGet } from '../../api/hooks';
import type { ConfigDiff, Desired, Node, NodeService } from '../../api/types';
import { ApiDiff } from '../../ui/diff';
import { Empty, Loaded } from '../../ui/feedback';
import { Panel } from '../../ui/panel';
import { Glyph } from '../../ui/icon';

function Behind({ service }: { service: NodeService }) {
	const { t } = useI18n();
	const want = service.desired?.config;
	const have = service.config;
	const diff = useGet<ConfigDiff>(`/configs/${want?.name}/diff`, { from: Number(have?.version), to: Number(want?.version) });
	return (
		<Panel title={t('node.configBehind', { service: service.name, from: String(have?.version), to: String(want?.version) })}>
			<Loaded query={diff}>{(d) => <ApiDiff files={d.files} mode="side" />}</Loaded>
		</Panel>
	);
}

/** The files that the node is meant to have, as rendered for it, and where they differ. */
export function DesiredConfig({ node }: { node: Node }) {
	const { t } = useI18n();
	const desired = useGet<Desired>(`/nodes/${node.id}/desired`);
	const behind = node.services.filter((s) => s.desired?.config && s.config && s.desired.config.name === s.config.name && String(s.desired.config.version) !== String(s.config.version));
	const drifted = node.services.filter((s) => s.drift);
	return (
		<div className="stack">
			{drifted.map((s) => (
				<div key={s.name} className="banner drift">
					<Glyph id="drift" tone="drift" />
					<div>
						<b>{t('node.driftTitle', { service: s.name })}</b>
						<br />
						<span className="dim">
							{(s.drift_files ?? []).length > 0 ? t('node.driftFiles', { files: (s.drift_files ?? []).join(', ') }) : t('node.driftUnknown')}
						</span>
					</div>
				</div>
			))}
			{behind.map((s) => (
				<Behind key={s.name} service={s} />
			))}
			<Loaded query={desired}>
				{(d) => {
					const services = Object.entries(d.content?.services ?? {}).filter(([, s]) => (s.config?.files?.length ?? 0) > 0);
					if (services.length === 0) {
						return (
							<section className="panel">
								<Empty title={t('node.noConfig')}>
									<Link to="/configs">{t('nav.configs')}</Link>
								</Empty>
							</section>
						);
					}
					return services.map(([name, s]) => <Files key={name} service={name} config={s.config!} />);
				}}
			</Loaded>
		</div>
	);
}

function Files({ service, config }: { service: string; config: NonNullable<NonNullable<NonNullable<Desired['content']>['services']>[string]['config']> }) {
	const { t } = useI18n();
	const files = config.files ?? [];
	const [open, setOpen] = useState(files[0]?.path ?? '');
	const file = files.find((f) => f.path === open) ?? files[0];
	return (
		<Panel
			title={
				<>
					<span className="mono">{service}</span> · <Link to="/configs/$name" params={{ name: config.name }}>{`${config.name} v${config.version}`}</Link>
				</>
			}
			actions={
				files.length > 1 ? (
					<label className="row gap1">
						<span className="sr">{t('configs.file')}</span>
						<select className="pick" value={file?.path} onChange={(e) => setOpen(e.target.value)}>
							{files.map((f) => (
								<option key={f.path}>{f.path}</option>
							))}
						</select>
					</label>
				) : (
					<span className="mono t12 dimmer">{file?.path}</span>
				)
			}
			footer={<span>{t('node.rendered')}</span>}
		>
			<pre className="code" tabIndex={0}>
				{file?.content ?? t('configs.binary')}
			</pre>
		</Panel>
	);
}
