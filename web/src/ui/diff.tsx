/* SPDX-License-Identifier: Apache-2.0 */
import { useMemo } from 'react';
import type { ReactNode } from 'react';
import { useT } from '../i18n';
import type { DiffFile } from '../api/types';
import { diffLines, hunks, intraline, pairs } from '../lib/diff';
import type { Hunk, Line } from '../lib/diff';
import { Empty } from './feedback';

export type DiffMode = 'side' | 'unified';

/** Hunks of the API to the ones that we draw; `skipped` becomes the fold line between them. */
export function fromApi(file: DiffFile): { hunks: Hunk[]; rest: number } {
	let old = 0;
	return {
		rest: 0,
		hunks: file.hunks.map((h) => {
			let a = h.old_start - 1 + (h.old_count === 0 ? 1 : 0);
			let b = h.new_start - 1 + (h.new_count === 0 ? 1 : 0);
			const skipped = Math.max(0, a - old);
			const lines = h.lines.map((l): Line => {
				if (l.op !== '+') a += 1;
				if (l.op !== '-') b += 1;
				return { op: l.op === '+' ? 'add' : l.op === '-' ? 'del' : 'same', a, b, text: l.text };
			});
			old = a;
			return { skipped, lines };
		}),
	};
}

function Changed({ parts, tag }: { parts: [string, string, string]; tag: 'ins' | 'del' }) {
	const Tag = tag;
	return (
		<>
			{parts[0]}
			{parts[1] && <Tag>{parts[1]}</Tag>}
			{parts[2]}
		</>
	);
}

/* Words are marked inside a line only where most of it stayed; otherwise the line is the change. */
function marked(left: Line | null, right: Line | null): { left: ReactNode; right: ReactNode } {
	if (!left || !right || left.op === 'same') return { left: left?.text, right: right?.text };
	const { a, b } = intraline(left.text, right.text);
	const kept = a[0].trim().length + a[2].trim().length;
	if (kept === 0) return { left: left.text, right: right.text };
	return { left: <Changed parts={a} tag="del" />, right: <Changed parts={b} tag="ins" /> };
}

function SideRows({ lines }: { lines: Line[] }) {
	return (
		<>
			{pairs(lines).map((p, i) => {
				const text = marked(p.left, p.right);
				const changed = p.left?.op !== 'same';
				return (
					<tr key={i}>
						<td className="ln">{p.left?.a}</td>
						<td className={p.left ? (changed ? 'd' : undefined) : 'e'}>
							{p.left && (changed ? '− ' : '  ')}
							{text.left}
						</td>
						<td className="ln mid">{p.right?.b}</td>
						<td className={p.right ? (changed ? 'a' : undefined) : 'e'}>
							{p.right && (changed ? '+ ' : '  ')}
							{text.right}
						</td>
					</tr>
				);
			})}
		</>
	);
}

function UnifiedRows({ lines }: { lines: Line[] }) {
	return (
		<>
			{lines.map((l, i) => (
				<tr key={i}>
					<td className="ln">{l.op !== 'add' && l.a}</td>
					<td className="ln">{l.op !== 'del' && l.b}</td>
					<td className={l.op === 'add' ? 'a' : l.op === 'del' ? 'd' : undefined}>
						{l.op === 'add' ? '+ ' : l.op === 'del' ? '− ' : '  '}
						{l.text}
					</td>
				</tr>
			))}
		</>
	);
}

function Fold({ n, span }: { n: number; span: number }) {
	const t = useT();
	if (n === 0) return null;
	return (
		<tr className="fold">
			<td colSpan={span}>{t('diff.equal', { n })}</td>
		</tr>
	);
}

function FileDiff({ path, note, body, mode }: { path: string; note: string; body: { hunks: Hunk[]; rest: number }; mode: DiffMode }) {
	const table = (side: boolean) => (
		<table className={side ? 'diff side' : mode === 'side' ? 'diff uni' : 'diff'} aria-label={path}>
			<colgroup>
				<col className="ln" />
				<col className={side ? undefined : 'ln'} />
				{side && <col className="ln" />}
				<col />
			</colgroup>
			<tbody>
				<tr className="hunk">
					<td colSpan={side ? 4 : 3}>
						<b>{path}</b> {note}
					</td>
				</tr>
				{body.hunks.map((h, i) => (
					<HunkRows key={i} hunk={h} side={side} />
				))}
				<Fold n={body.rest} span={side ? 4 : 3} />
			</tbody>
		</table>
	);
	/* Narrow screens show the unified form of a side-by-side diff; CSS picks. */
	return (
		<>
			{mode === 'side' && table(true)}
			{table(false)}
		</>
	);
}

function HunkRows({ hunk, side }: { hunk: Hunk; side: boolean }) {
	return (
		<>
			<Fold n={hunk.skipped} span={side ? 4 : 3} />
			{side ? <SideRows lines={hunk.lines} /> : <UnifiedRows lines={hunk.lines} />}
		</>
	);
}

/** A diff as the server computed it, one table per file. */
export function ApiDiff({ files, mode }: { files: DiffFile[]; mode: DiffMode }) {
	const t = useT();
	const changed = files.filter((f) => f.change !== 'same');
	if (changed.length === 0) return <Empty title={t('diff.none')} />;
	return (
		<div className="diffs">
			{changed.map((f) => (
				<FileDiff key={f.path} path={f.path} note={t(`diff.${f.change}`)} body={fromApi(f)} mode={mode} />
			))}
		</div>
	);
}

/** A diff of two texts in the browser: a draft against the version that it began from. */
export function TextDiff({ path, before, after, mode }: { path: string; before: string; after: string; mode: DiffMode }) {
	const t = useT();
	const body = useMemo(() => hunks(diffLines(before, after)), [before, after]);
	if (body.hunks.length === 0) return null;
	return <FileDiff path={path} note={before === '' ? t('diff.added') : after === '' ? t('diff.removed') : t('diff.modified')} body={body} mode={mode} />;
}
