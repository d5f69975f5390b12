/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { del } from '../api/client';
import { useAct, usePages } from '../api/hooks';
import type { PackageRelease } from '../api/types';
import { bytes } from '../lib/time';
import { useCan } from '../app/session';
import { Btn, IconBtn } from '../ui/button';
import { Command } from '../ui/copy';
import { FormDialog } from '../ui/dialog';
import { Empty, Loaded } from '../ui/feedback';
import { Icon } from '../ui/icon';
import { Head, Panel } from '../ui/panel';
import { When } from '../ui/when';

const upload = 'muster package upload mosquitto-2.0.21.tar.gz --manifest manifest.json --key release.key';

export function Packages() {
	const { t } = useI18n();
	const can = useCan('operator');
	const pages = usePages<PackageRelease>('/packages', { limit: 100 });
	const [dropping, setDropping] = useState<PackageRelease | null>(null);
	const drop = useAct((p: PackageRelease) => del(`/packages/${p.name}/${p.version}`), ['packages'], () => setDropping(null));
	return (
		<>
			<Head title={t('nav.packages')} why={t('packages.why')} />
			<div className="stack">
				<Panel
					title={t('packages.releases')}
					footer={
						pages.hasNextPage ? (
							<Btn small onClick={() => void pages.fetchNextPage()}>
								{t('common.more')}
							</Btn>
						) : undefined
					}
				>
					<Loaded query={pages}>
						{({ items }) =>
							items.length === 0 ? (
								<Empty title={t('packages.none')}>{t('packages.noneDetail')}</Empty>
							) : (
								<div className="tablewrap" tabIndex={0} role="region" aria-label={t('packages.releases')}>
									<table className="t">
										<thead>
											<tr>
												<th>{t('common.name')}</th>
												<th>{t('common.version')}</th>
												<th className="p2">{t('node.platform')}</th>
												<th className="p2 r">{t('packages.size')}</th>
												<th className="p2">SHA-256</th>
												<th className="p2 r">{t('nav.nodes')}</th>
												<th className="p2">{t('packages.key')}</th>
												<th className="p2 r">{t('packages.uploaded')}</th>
												<th>
													<span className="sr">{t('common.actions')}</span>
												</th>
											</tr>
										</thead>
										<tbody>
											{items.map((p) => (
												<tr key={p.sha256 + p.platform}>
													<td className="name-cell">
														<span className="name">{p.name}</span>
														<span className="sub">{[p.platform, bytes(p.size)].join(' · ')}</span>
													</td>
													<td className="mono">{p.version}</td>
													<td className="p2 mono">{p.platform}</td>
													<td className="p2 r num">{bytes(p.size)}</td>
													<td className="p2 mono dim" title={p.sha256}>
														{p.sha256.slice(0, 12)}
													</td>
													<td className="p2 r num">{p.nodes}</td>
													<td className="p2 mono dim">{p.key_id ?? '–'}</td>
													<td className="p2 r dim">
														<When at={p.uploaded_at} />
													</td>
													<td className="r">
														<span className="row gap1 end">
															<Link className="btn sm quiet" to="/rollouts/new" search={{ package: `${p.name}@${p.version}` }}>
																<Icon id="rollouts" />
																<span>{t('nodes.rollOut')}</span>
															</Link>
															<IconBtn small kind="quiet" icon="x" label={t('packages.drop', { name: `${p.name} ${p.version}` })} aria-disabled={!can || p.nodes > 0 || undefined} onClick={() => setDropping(p)} />
														</span>
													</td>
												</tr>
											))}
										</tbody>
									</table>
								</div>
							)
						}
					</Loaded>
				</Panel>
				<Panel title={t('packages.how')}>
					<div className="body stack-2">
						<p className="dim">{t('packages.howDetail')}</p>
						<Command text={upload} />
					</div>
				</Panel>
			</div>
			{dropping && (
				<FormDialog danger title={t('packages.drop', { name: `${dropping.name} ${dropping.version}` })} submit={t('action.delete')} onClose={() => setDropping(null)} onSubmit={() => drop.mutate(dropping)} busy={drop.isPending} problem={drop.error}>
					<p className="dim">{t('packages.dropWhy')}</p>
				</FormDialog>
			)}
		</>
	);
}
