/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useI18n } from '../../i18n';
import { useGet } from '../../api/hooks';
import type { ConfigVersion } from '../../api/types';
import { bytes } from '../../lib/time';
import { Empty, Loaded } from '../../ui/feedback';
import { Panel } from '../../ui/panel';

/** The files of one version, read only. */
export function VersionFiles({ name, no }: { name: string; no: number }) {
	const { t } = useI18n();
	const version = useGet<ConfigVersion>(`/configs/${name}/versions/${no}`);
	const [open, setOpen] = useState('');
	return (
		<Panel title={t('configs.filesOf', { no })}>
			<Loaded query={version}>
				{(v) => {
					const file = v.files.find((f) => f.path === open) ?? v.files[0];
					if (!file) return <Empty title={t('configs.noFiles')} />;
					return (
						<>
							<div className="filetabs" role="group" aria-label={t('configs.file')}>
								{v.files.map((f) => (
									<button key={f.path} type="button" aria-pressed={f.path === file.path} onClick={() => setOpen(f.path)}>
										<span className="mono">{f.path}</span> <span className="t12 dimmer num">{bytes(f.size)}</span>
									</button>
								))}
							</div>
							<pre className="code" tabIndex={0}>
								{file.content ?? t('configs.binary')}
							</pre>
						</>
					);
				}}
			</Loaded>
		</Panel>
	);
}
