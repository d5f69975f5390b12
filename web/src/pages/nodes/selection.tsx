/* SPDX-License-Identifier: Apache-2.0 */
import { useState } from 'react';
import { useNavigate } from '@tanstack/react-router';
import { useI18n } from '../../i18n';
import { num } from '../../i18n/format';
import { get, patch, post } from '../../api/client';
import type { Problem, Query } from '../../api/client';
import { useAct } from '../../api/hooks';
import type { Node, Page, Selection } from '../../api/types';
import { useCan } from '../../app/session';
import { parseQuery } from '../../lib/selector';
import { Btn } from '../../ui/button';
import { FormDialog } from '../../ui/dialog';
import { ProblemBox } from '../../ui/feedback';
import { Field } from '../../ui/field';
import { parseLabels } from '../enrol';

interface Props { q: string; query: Query; total: number; bound: boolean; selected: Set<string>; setSelected: (ids: Set<string>) => void }

/* A selection of everything that matches is frozen to ids, page by page, up to this many. */
const freezeLimit = 10_000;

async function allMatching(query: Query): Promise<Set<string>> {
	const ids = new Set<string>();
	let cursor: string | null | undefined;
	do {
		const page: Page<Node> = await get<Page<Node>>('/nodes', { ...query, limit: 500, cursor });
		for (const node of page.items) ids.add(node.id);
		cursor = page.next_cursor;
	} while (cursor && ids.size < freezeLimit);
	return ids;
}

export function SelectionBar({ q, query, total, bound, selected, setSelected }: Props) {
	const { t } = useI18n();
	const navigate = useNavigate();
	const can = useCan('operator');
	const [dialog, setDialog] = useState<'' | 'labels' | 'restart'>('');
	const freeze = useAct(() => allMatching(query), [], setSelected);
	const parsed = parseQuery(q);
	const words = [parsed.selector, parsed.status.length > 0 ? `${t('nodes.status')} ${parsed.status.join(', ')}` : '', parsed.text && `“${parsed.text}”`].filter(Boolean).join(', ');
	/* Where counting stopped, nothing that was selected one by one is everything. */
	const everything = !bound && selected.size === total;
	/* What was chosen is frozen and counted by the server, so that what is previewed is what is meant. */
	const select = useAct((ids: string[]) => post<Selection>('/selections', { nodes: ids }), [], (s) => void navigate({ to: '/rollouts/new', search: { selection: s.id } }));
	const rollOut = () => {
		/* All of a pure label query stays a selector, so that the rollout says what was meant. */
		const selector = everything && parsed.selector && !parsed.text && parsed.status.length === 0 ? parsed.selector : undefined;
		if (selector) void navigate({ to: '/rollouts/new', search: { selector } });
		else select.mutate([...selected]);
	};
	const needsRole = can ? undefined : t('error.needsRole', { role: t('role.operator') });
	return (
		<div className="selbar" role="status">
			<span>
				{t(bound ? 'nodes.selectedOfMore' : 'nodes.selected', { n: selected.size, total })} {words ? t('nodes.matching', { words }) : t('nodes.ofAll')}
			</span>
			{!everything && !(bound && selected.size >= freezeLimit) && (
				<button type="button" className="link" onClick={() => freeze.mutate(undefined)} disabled={freeze.isPending}>
					{bound ? t('nodes.selectFirst', { n: freezeLimit }) : t('nodes.selectAll', { n: total })}
				</button>
			)}
			<button type="button" className="link" onClick={() => setSelected(new Set())}>
				{t('nodes.clear')}
			</button>
			<span className="actions">
				<Btn small kind="primary" icon="rollouts" busy={select.isPending} onClick={rollOut} aria-disabled={!can || undefined} title={needsRole}>
					{t('nodes.rollOut')}
				</Btn>
				<Btn small icon="tag" onClick={() => setDialog('labels')} aria-disabled={!can || undefined} title={needsRole}>
					{t('nodes.label')}
				</Btn>
				<Btn small icon="restart" onClick={() => setDialog('restart')} aria-disabled={!can || undefined} title={needsRole}>
					{t('nodes.restart')}
				</Btn>
				{needsRole && <span className="t12 dimmer">{needsRole}</span>}
			</span>
			{select.error && <ProblemBox problem={select.error} />}
			{freeze.error && <ProblemBox problem={freeze.error} />}
			{dialog === 'labels' && <BulkLabels ids={[...selected]} onClose={() => setDialog('')} />}
			{dialog === 'restart' && <BulkRestart ids={[...selected]} onClose={() => setDialog('')} />}
		</div>
	);
}

interface Outcome { done: number; failed: { id: string; problem: Problem }[] }

/* One request per node, four at a time, with an honest count of what failed. */
function useEach(work: (id: string) => Promise<unknown>, onClose: () => void) {
	const [progress, setProgress] = useState<Outcome>({ done: 0, failed: [] });
	const act = useAct(
		async (ids: string[]) => {
			const queue = [...ids];
			const out: Outcome = { done: 0, failed: [] };
			const lane = async () => {
				for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
					try {
						await work(id);
						out.done += 1;
					} catch (error) {
						out.failed.push({ id, problem: error as Problem });
					}
					setProgress({ ...out });
				}
			};
			await Promise.all([lane(), lane(), lane(), lane()]);
			return out;
		},
		['nodes', 'overview'],
		(out) => out.failed.length === 0 && onClose(),
	);
	return { act, progress };
}

function Progress({ total, progress }: { total: number; progress: Outcome }) {
	const { t } = useI18n();
	if (progress.done + progress.failed.length === 0) return null;
	return (
		<>
			<p role="status" className="num">
				{t('nodes.bulkProgress', { done: progress.done, failed: progress.failed.length, total })}
			</p>
			{progress.failed[0] && <ProblemBox problem={progress.failed[0].problem} />}
		</>
	);
}

function BulkLabels({ ids, onClose }: { ids: string[]; onClose: () => void }) {
	const { t } = useI18n();
	const [text, setText] = useState('');
	const [drop, setDrop] = useState('');
	const set = parseLabels(text);
	const { act, progress } = useEach(async (id) => {
		const node = await get<Node>(`/nodes/${id}`);
		const labels = { ...node.labels, ...set };
		for (const key of drop.split(/[,\s]+/).filter(Boolean)) delete labels[key];
		await patch(`/nodes/${id}`, { labels }, node.revision);
	}, onClose);
	return (
		<FormDialog title={t('nodes.labelTitle', { n: ids.length })} submit={t('action.apply')} onClose={onClose} onSubmit={() => act.mutate(ids)} busy={act.isPending} blocked={set === null || (text.trim() === '' && drop.trim() === '')}>
			<Field label={t('nodes.labelSet')} value={text} onChange={(e) => setText(e.target.value)} placeholder="site=plant-3, line=2" hint={set === null ? t('enrol.labelsBad') : undefined} />
			<Field label={t('nodes.labelDrop')} value={drop} onChange={(e) => setDrop(e.target.value)} placeholder="spare" />
			<Progress total={ids.length} progress={progress} />
		</FormDialog>
	);
}

function BulkRestart({ ids, onClose }: { ids: string[]; onClose: () => void }) {
	const { t } = useI18n();
	const [service, setService] = useState('');
	const [typed, setTyped] = useState('');
	const { act, progress } = useEach((id) => post(`/nodes/${id}/commands`, { kind: 'restart', service }), onClose);
	const phrase = `${ids.length} ${service}`;
	const many = ids.length > 10;
	return (
		<FormDialog danger title={t('nodes.restartTitle', { n: ids.length })} submit={t('nodes.restartGo')} onClose={onClose} onSubmit={() => act.mutate(ids)} busy={act.isPending} blocked={!service || (many && typed !== phrase)}>
			<p className="dim">{t('nodes.restartWhy', { n: num(ids.length) })}</p>
			<Field label={t('common.service')} value={service} onChange={(e) => setService(e.target.value)} placeholder="broker" required />
			{many && service && (
				<Field
					label={
						<>
							{t('nodes.typeToConfirm')} <code>{phrase}</code>
						</>
					}
					value={typed}
					onChange={(e) => setTyped(e.target.value)}
				/>
			)}
			<Progress total={ids.length} progress={progress} />
		</FormDialog>
	);
}
