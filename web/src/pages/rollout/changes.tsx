/* SPDX-License-Identifier: Apache-2.0 */
import { useI18n } from '../../i18n';
import type { Key } from '../../i18n';
import { useGet } from '../../api/hooks';
import type { Change, Config, Overview, PackageRelease, Page } from '../../api/types';
import { Btn, IconBtn } from '../../ui/button';
import { Area, Field, Select } from '../../ui/field';

export interface ChangeRow { id: number; service: string; driver: string; pkg: string; config: string; configVersion: string; parameters: string; run: '' | 'run' | 'stop' | 'remove' }

let next = 1;
export const emptyRow = (): ChangeRow => ({ id: next++, service: '', driver: '', pkg: '', config: '', configVersion: '', parameters: '', run: '' });

/** Parameters of a service are one JSON object; null when the text is not one. */
export function parseParameters(text: string): Record<string, unknown> | null {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
	} catch {
		return null;
	}
}

export function rowProblem(row: ChangeRow): Key | null {
	if (!row.service) return 'plan.needService';
	if (row.parameters.trim() !== '' && parseParameters(row.parameters) === null) return 'plan.badParameters';
	if (!row.pkg && !row.config && !row.run && row.parameters.trim() === '') return 'plan.needChange';
	return null;
}

/** `name@version` in the form to the object that the API wants. */
export function toChange(row: ChangeRow): Change {
	const change: Change = { service: row.service };
	if (row.run === 'remove') return { ...change, remove: true };
	if (row.driver) change.driver = row.driver;
	if (row.pkg) {
		const at = row.pkg.lastIndexOf('@');
		change.package = { name: row.pkg.slice(0, at), version: row.pkg.slice(at + 1) };
	}
	if (row.config) change.config = { name: row.config, version: row.configVersion ? Number(row.configVersion) : 'latest' };
	if (row.run) change.run = row.run === 'run';
	const parameters = row.parameters.trim() === '' ? null : parseParameters(row.parameters);
	if (parameters) change.parameters = parameters;
	return change;
}

function Row({ row, set, drop, services }: { row: ChangeRow; set: (row: ChangeRow) => void; drop?: () => void; services: string[] }) {
	const { t } = useI18n();
	const packages = useGet<Page<PackageRelease>>('/packages', { limit: 500 });
	const configs = useGet<Page<Config>>('/configs', { limit: 500 });
	const config = configs.data?.items.find((c) => c.name === row.config);
	const versions = config ? Array.from({ length: Math.min(config.latest, 50) }, (_, i) => config.latest - i) : [];
	/* The same release exists per platform; the server picks the one that fits the node. */
	const releases = [...new Set((packages.data?.items ?? []).map((p) => `${p.name}@${p.version}`))];
	const gone = row.run === 'remove';
	return (
		<div className="change-row">
			<Field label={t('common.service')} value={row.service} onChange={(e) => set({ ...row, service: e.target.value })} list="services" placeholder="collector" required className="input mono" />
			<datalist id="services">
				{services.map((s) => (
					<option key={s} value={s} />
				))}
			</datalist>
			<Select label={t('plan.package')} value={gone ? '' : row.pkg} disabled={gone} onChange={(e) => set({ ...row, pkg: e.target.value })}>
				<option value="">{t('plan.keep')}</option>
				{row.pkg && !releases.includes(row.pkg) && <option value={row.pkg}>{row.pkg}</option>}
				{releases.map((r) => (
					<option key={r} value={r}>
						{r.replace(/@([^@]*)$/, ' $1')}
					</option>
				))}
			</Select>
			<Select
				label={t('plan.config')}
				value={gone ? '' : row.config}
				disabled={gone}
				onChange={(e) => {
					const c = configs.data?.items.find((x) => x.name === e.target.value);
					set({ ...row, config: e.target.value, configVersion: c ? String(c.latest) : '', service: row.service || (c?.service ?? '') });
				}}
			>
				<option value="">{t('plan.keep')}</option>
				{row.config && !config && <option value={row.config}>{row.config}</option>}
				{(configs.data?.items ?? [])
					.filter((c) => c.latest > 0)
					.map((c) => (
						<option key={c.id} value={c.name}>
							{c.name}
						</option>
					))}
			</Select>
			<Select label={t('common.version')} value={row.configVersion} disabled={gone || !row.config} onChange={(e) => set({ ...row, configVersion: e.target.value })}>
				{row.config && !versions.includes(Number(row.configVersion)) && <option value={row.configVersion}>{row.configVersion ? `v${row.configVersion}` : 'latest'}</option>}
				{!row.config && <option value="">–</option>}
				{versions.map((v) => (
					<option key={v} value={v}>{`v${v}`}</option>
				))}
			</Select>
			<Select label={t('plan.run')} value={row.run} onChange={(e) => set({ ...row, run: e.target.value as ChangeRow['run'] })}>
				<option value="">{t('plan.keep')}</option>
				<option value="run">{t('plan.run.run')}</option>
				<option value="stop">{t('plan.run.stop')}</option>
				<option value="remove">{t('plan.run.remove')}</option>
			</Select>
			<details className="whole">
				<summary>{t('plan.parameters')}</summary>
				<div className="form-row">
					<Select label={t('common.driver')} value={row.driver} disabled={gone} onChange={(e) => set({ ...row, driver: e.target.value })}>
						<option value="">{t('plan.keep')}</option>
						<option>generic</option>
						<option>mosquitto</option>
					</Select>
				</div>
				<Area label={t('plan.parametersJson')} rows={4} value={row.parameters} disabled={gone} onChange={(e) => set({ ...row, parameters: e.target.value })} className="input area mono" hint={t('plan.parametersHint')} />
			</details>
			<span className="field end">{drop && <IconBtn icon="x" kind="quiet" label={t('plan.dropChange')} onClick={drop} />}</span>
		</div>
	);
}

export function ChangeRows({ rows, onChange }: { rows: ChangeRow[]; onChange: (rows: ChangeRow[]) => void }) {
	const { t } = useI18n();
	const overview = useGet<Overview>('/overview');
	const services = [...new Set(['broker', 'collector', 'analytics', ...(overview.data?.versions ?? []).map((v) => v.package)])];
	return (
		<div className="stack-2">
			{rows.map((row) => (
				<Row key={row.id} row={row} services={services} set={(r) => onChange(rows.map((x) => (x.id === r.id ? r : x)))} drop={rows.length > 1 ? () => onChange(rows.filter((x) => x.id !== row.id)) : undefined} />
			))}
			<span>
				<Btn small kind="quiet" icon="plus" onClick={() => onChange([...rows, emptyRow()])}>
					{t('plan.addChange')}
				</Btn>
			</span>
		</div>
	);
}
