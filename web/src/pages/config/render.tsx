/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useI18n } from '../../i18n';
import { useGet } from '../../api/hooks';
import type { Node, Page, Rendered } from '../../api/types';
import { Loaded } from '../../ui/feedback';
import { Panel } from '../../ui/panel';

/** What one node would get: the text with its variables filled in, and where each value comes from. */
export function RenderPreview({ name, no }: { name: string; no: number }) {
	const { t } = useI18n();
	const nodes = useGet<Page<Node>>('/nodes', { limit: 100, sort: 'name' });
	const [node, setNode] = useState('');
	const rendered = useGet<Rendered>(`/configs/${name}/versions/${no}/render`, { node }, { enabled: node !== '' });
	return (
		<Panel
			title={t('configs.preview', { no })}
			actions={
				<select className="pick" aria-label={t('configs.previewNode')} value={node} onChange={(e) => setNode(e.target.value)}>
					<option value="">{t('configs.previewPick')}</option>
					{(nodes.data?.items ?? []).map((n) => (
						<option key={n.id} value={n.name}>
							{n.name}
						</option>
					))}
				</select>
			}
		>
			{node === '' ? (
				<p className="body dim">{t('configs.previewWhy')}</p>
			) : (
				<Loaded query={rendered}>
					{(r) => (
						<>
							{r.variables.length > 0 && (
								<div className="body row wrap gap1">
									{r.variables.map((v) => (
										<span key={v.name} className="tag" title={v.level}>{`${v.name} = ${v.value} (${v.level})`}</span>
									))}
								</div>
							)}
							{r.files.map((f) => (
								<div key={f.path}>
									<div className="filehead mono">{f.path}</div>
									<pre className="code" tabIndex={0}>
										{f.content}
									</pre>
								</div>
							))}
						</>
					)}
				</Loaded>
			)}
		</Panel>
	);
}
