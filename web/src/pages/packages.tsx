/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { Link } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { del } from '../api/client';
import { useAct, usePages } from '../api/hooks';
import type { PackageRelease } from '../api/types';
import { bytes } from '../lib/time';
import { useCan } from '../app/session';
import { IconBtn } from '../ui/button';
import { Command } from '../ui/copy';
import { FormDialog } from '../ui/dialog';
import { Empty } from '../ui/feedback';
import { List, More } from '../ui/list';
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
					footer={pages.hasNextPage && <More pages={pages} />}
				>
					<List
						query={pages}
						label={t('packages.releases')}
						empty={<Empty title={t('packages.none')}>{t('packages.noneDetail')}</Empty>}
						keyOf={(p) => p.sha256 + p.platform}
						columns={[
							{
								head: t('common.name'),
								td: 'name-cell',
								cell: (p) => (
									<>
										<span className="name">{p.name}</span>
										<span className="sub">{[p.platform, bytes(p.size)].join(' · ')}</span>
									</>
								),
							},
							{ head: t('common.version'), td: 'mono', cell: (p) => p.version },
							{ head: t('node.platform'), th: 'p2', td: 'p2 mono', cell: (p) => p.platform },
							{ head: t('packages.size'), th: 'p2 r', td: 'p2 r num', cell: (p) => bytes(p.size) },
							{ head: 'SHA-256', th: 'p2', td: 'p2 mono dim', hover: (p) => p.sha256, cell: (p) => p.sha256.slice(0, 12) },
							{ head: t('nav.nodes'), th: 'p2 r', td: 'p2 r num', cell: (p) => p.nodes },
							{ head: t('packages.key'), th: 'p2', td: 'p2 mono dim', cell: (p) => p.key_id ?? '–' },
							{ head: t('packages.uploaded'), th: 'p2 r', td: 'p2 r dim', cell: (p) => <When at={p.uploaded_at} /> },
							{
								td: 'r',
								cell: (p) => (
									<span className="row gap1 end">
										<Link className="btn sm quiet" to="/rollouts/new" search={{ package: `${p.name}@${p.version}` }}>
											<Icon id="rollouts" />
											<span>{t('nodes.rollOut')}</span>
										</Link>
										<IconBtn small kind="quiet" icon="x" label={t('packages.drop', { name: `${p.name} ${p.version}` })} aria-disabled={!can || p.nodes > 0 || undefined} onClick={() => setDropping(p)} />
									</span>
								),
							},
						]}
					/>
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
