/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useMemo, useState } from 'react';
import { getRouteApi, useBlocker, useNavigate } from '@tanstack/react-router';
import { useI18n } from '../i18n';
import { request } from '../api/client';
import { useAct, useGet } from '../api/hooks';
import type { Config, ConfigFile, ConfigVersion } from '../api/types';
import { useCan } from '../app/session';
import { Btn, IconBtn, Seg } from '../ui/button';
import { Empty, Loaded, Loading, ProblemBox } from '../ui/feedback';
import { Field } from '../ui/field';
import { Head } from '../ui/panel';
import { TextDiff } from '../ui/diff';
import { Editor } from '../ui/editor';

const route = getRouteApi('/app/configs/$name/edit');

interface Draft { path: string; mode: string; content: string; binary?: string }

const toDraft = (f: ConfigFile): Draft => ({ path: f.path, mode: f.mode, content: f.content ?? '', binary: f.content === null || f.content === undefined ? (f.content_base64 ?? undefined) : undefined });

/* Syntax that the browser can check by itself; the server stays the judge. */
function syntaxProblem(file: Draft): string | null {
	if (!/\.json$/.test(file.path) || file.binary !== undefined) return null;
	try {
		JSON.parse(file.content.replace(/\$\{[^}]*\}/g, '0'));
		return null;
	} catch (error) {
		return (error as Error).message;
	}
}

function EditForm({ config, base }: { config: Config; base: ConfigVersion | null }) {
	const { t } = useI18n();
	const navigate = useNavigate();
	const can = useCan('operator');
	const start = useMemo(() => (base ? base.files.map(toDraft) : []), [base]);
	const [files, setFiles] = useState<Draft[]>(start.length > 0 ? start : [{ path: 'main.conf', mode: '0644', content: '' }]);
	const [at, setAt] = useState(0);
	const [message, setMessage] = useState('');
	const [view, setView] = useState<'edit' | 'changes'>('edit');
	const [saved, setSaved] = useState(false);
	const current = files[Math.min(at, files.length - 1)];
	const dirty = JSON.stringify(files) !== JSON.stringify(start) && !saved;
	const duplicate = new Set(files.map((f) => f.path)).size !== files.length;
	useBlocker({ shouldBlockFn: () => dirty && !window.confirm(t('configs.leave')), enableBeforeUnload: () => dirty });

	const save = useAct(
		() =>
			request<ConfigVersion>('POST', `/configs/${config.name}/versions`, {
				body: { message: message || undefined, files: files.map((f) => (f.binary !== undefined ? { path: f.path, mode: f.mode, content_base64: f.binary } : { path: f.path, mode: f.mode, content: f.content })) },
				ifMatch: base?.no ?? 0,
			}),
		['configs'],
		() => setSaved(true),
	);
	useEffect(() => {
		if (saved) void navigate({ to: '/configs/$name', params: { name: config.name } });
	}, [saved, navigate, config.name]);

	const change = (next: Partial<Draft>) => setFiles(files.map((f, i) => (i === files.indexOf(current) ? { ...f, ...next } : f)));
	const add = () => {
		setFiles([...files, { path: `file-${files.length + 1}.conf`, mode: '0644', content: '' }]);
		setAt(files.length);
	};
	const problem = current ? syntaxProblem(current) : null;
	const paths = [...new Set([...start.map((f) => f.path), ...files.map((f) => f.path)])];
	return (
		<>
			<Head
				crumbs={[{ label: t('nav.configs'), to: '/configs' }, { label: config.name, to: `/configs/${config.name}` }, { label: t('configs.newVersion') }]}
				title={base ? t('configs.editTitle', { name: config.name, no: base.no + 1 }) : t('configs.firstTitle', { name: config.name })}
				why={t('configs.editWhy')}
			/>
			<div className="stack">
				<section className="panel">
					<header>
						<div className="filetabs grow" role="group" aria-label={t('configs.file')}>
							{files.map((f, i) => (
								<button key={i} type="button" aria-pressed={f === current} onClick={() => setAt(i)}>
									<span className="mono">{f.path}</span>
								</button>
							))}
							<Btn small kind="quiet" icon="plus" onClick={add}>
								{t('configs.addFile')}
							</Btn>
						</div>
						<Seg label={t('configs.editor')} value={view} onChange={setView} options={[{ value: 'edit', label: t('configs.editor') }, { value: 'changes', label: t('configs.changes') }]} />
					</header>
					{view === 'changes' ? (
						<div className="diffs">
							{dirty ? (
								paths.map((path) => <TextDiff key={path} path={path} before={start.find((f) => f.path === path)?.content ?? ''} after={files.find((f) => f.path === path)?.content ?? ''} mode="side" />)
							) : (
								<Empty title={t('diff.none')} />
							)}
						</div>
					) : current ? (
						<div className="body stack-2">
							<div className="form-row">
								<Field label={t('configs.path')} value={current.path} onChange={(e) => change({ path: e.target.value })} />
								<Field label={t('configs.mode')} value={current.mode} onChange={(e) => change({ mode: e.target.value })} pattern="0[0-7]{3}" />
								<span className="field end">
									<IconBtn icon="x" kind="quiet" label={t('configs.removeFile', { path: current.path })} onClick={() => setFiles(files.filter((f) => f !== current))} aria-disabled={files.length < 2 || undefined} />
								</span>
							</div>
							{current.binary !== undefined ? <p className="dim">{t('configs.binary')}</p> : <Editor label={current.path} value={current.content} onChange={(content) => change({ content })} />}
							{problem && <p className="t12 bad">{t('configs.jsonBad', { why: problem })}</p>}
							{duplicate && <p className="t12 bad">{t('configs.duplicate')}</p>}
						</div>
					) : null}
				</section>
				<section className="panel">
					<div className="body stack-2">
						<Field label={t('configs.message')} value={message} onChange={(e) => setMessage(e.target.value)} placeholder={t('configs.messageHint')} maxLength={500} />
						{save.error && <ProblemBox problem={save.error} />}
						<div className="row wrap">
							<Btn kind="primary" icon="check" busy={save.isPending} onClick={() => save.mutate(undefined)} aria-disabled={!can || !dirty || duplicate || undefined}>
								{t('configs.save', { no: (base?.no ?? 0) + 1 })}
							</Btn>
							<span className="t12 dimmer">{!can ? t('error.needsRole', { role: t('role.operator') }) : dirty ? t('configs.saveWhy') : t('diff.none')}</span>
						</div>
					</div>
				</section>
			</div>
		</>
	);
}

export function ConfigEdit() {
	const { name } = route.useParams();
	const config = useGet<Config>(`/configs/${name}`);
	const latest = config.data?.latest ?? 0;
	const base = useGet<ConfigVersion>(`/configs/${name}/versions/${latest}`, undefined, { enabled: latest > 0 });
	/* What is being edited must not be replaced under the cursor by a newer version: freeze the first. */
	const [frozen, setFrozen] = useState<ConfigVersion | null>(null);
	useEffect(() => {
		if (base.data && !frozen) setFrozen(base.data);
	}, [base.data, frozen]);
	return (
		<Loaded query={config} title={name}>
			{(c) => {
				if (c.latest === 0 && !frozen) return <EditForm config={c} base={null} />;
				if (base.error && !frozen) return <ProblemBox problem={base.error} retry={() => void base.refetch()} />;
				return frozen ? <EditForm config={c} base={frozen} /> : <Loading />;
			}}
		</Loaded>
	);
}
