/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import { useGet } from '../../api/hooks';
import type { ConfigDiff, ConfigVersion } from '../../api/types';
import { Seg } from '../../ui/button';
import { ApiDiff } from '../../ui/diff';
import type { DiffMode } from '../../ui/diff';
import { Loaded } from '../../ui/feedback';
import { Icon } from '../../ui/icon';

interface Props { name: string; from: number; to: number; versions: ConfigVersion[]; mode: DiffMode; onChange: (next: { from?: string; to?: string; mode?: string }) => void }

export function Compare({ name, from, to, versions, mode, onChange }: Props) {
	const { t } = useI18n();
	const diff = useGet<ConfigDiff>(`/configs/${name}/diff`, { from, to }, { enabled: from > 0 && to > 0 });
	const pick = (label: string, value: number, set: (no: string) => void) => (
		<select className="pick mono" aria-label={label} value={value} onChange={(e) => set(e.target.value)}>
			{!versions.some((v) => v.no === value) && <option value={value}>{`v${value}`}</option>}
			{versions.map((v) => (
				<option key={v.no} value={v.no}>{`v${v.no}`}</option>
			))}
		</select>
	);
	const changed = diff.data?.files.filter((f) => f.change !== 'same') ?? [];
	return (
		<section className="panel" data-testid="compare">
			<header>
				<h2>{t('configs.compare')}</h2>
				{pick(t('configs.from'), from, (no) => onChange({ from: no }))}
				<Icon id="right" />
				{pick(t('configs.to'), to, (no) => onChange({ to: no }))}
				<span className="grow t12 dimmer r">{diff.data && t('diff.files', { n: changed.length })}</span>
				<span className="only-wide">
					<Seg label={t('diff.view')} value={mode} onChange={(m) => onChange({ mode: m })} options={[{ value: 'side', label: t('diff.side') }, { value: 'unified', label: t('diff.unified') }]} />
				</span>
			</header>
			<Loaded query={diff}>{(d) => <ApiDiff files={d.files} mode={mode} />}</Loaded>
		</section>
	);
}
