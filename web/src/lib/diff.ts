/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line diff for the compare views: common head and tail are cut off, the middle is compared by
 * Myers' algorithm with a bound on the work; beyond it the middle counts as replaced, which is
 * still a true diff, only a longer one.
 */
export type Op = 'same' | 'add' | 'del';
export interface Line { op: Op; a: number; b: number; text: string }

const maxCost = 2000;

export function splitLines(text: string): string[] {
	if (text === '') return [];
	const lines = text.split('\n');
	if (lines[lines.length - 1] === '') lines.pop();
	return lines;
}

function middle(a: string[], b: string[]): Op[] {
	const n = a.length;
	const m = b.length;
	const replaced = () => [...Array<Op>(n).fill('del'), ...Array<Op>(m).fill('add')];
	if (n === 0 || m === 0) return replaced();
	const max = Math.min(n + m, maxCost);
	const size = 2 * max + 1;
	const v = new Int32Array(size + 1);
	const trace: Int32Array[] = [];
	for (let d = 0; d <= max; d += 1) {
		trace.push(v.slice());
		for (let k = -d; k <= d; k += 2) {
			const down = k === -d || (k !== d && v[max + k - 1] < v[max + k + 1]);
			let x = down ? v[max + k + 1] : v[max + k - 1] + 1;
			let y = x - k;
			while (x < n && y < m && a[x] === b[y]) {
				x += 1;
				y += 1;
			}
			v[max + k] = x;
			if (x >= n && y >= m) return walkBack(trace, n, m, max);
		}
	}
	return replaced();
}

/* trace[d] is the furthest reach before round d, so each round's edit can be read off backwards. */
function walkBack(trace: Int32Array[], n: number, m: number, max: number): Op[] {
	const ops: Op[] = [];
	let x = n;
	let y = m;
	for (let d = trace.length - 1; d > 0; d -= 1) {
		const v = trace[d];
		const k = x - y;
		const down = k === -d || (k !== d && v[max + k - 1] < v[max + k + 1]);
		const px = down ? v[max + k + 1] : v[max + k - 1];
		const py = px - (down ? k + 1 : k - 1);
		while (x > px && y > py) {
			ops.push('same');
			x -= 1;
			y -= 1;
		}
		ops.push(down ? 'add' : 'del');
		x = px;
		y = py;
	}
	for (; x > 0; x -= 1) ops.push('same');
	return ops.reverse();
}

export function diffLines(before: string, after: string): Line[] {
	const a = splitLines(before);
	const b = splitLines(after);
	let head = 0;
	while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
	let tail = 0;
	while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
	const ops: Op[] = [
		...Array<Op>(head).fill('same'),
		...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
		...Array<Op>(tail).fill('same'),
	];
	let i = 0;
	let j = 0;
	return ops.map((op) => {
		const text = op === 'add' ? b[j] : a[i];
		if (op !== 'add') i += 1;
		if (op !== 'del') j += 1;
		return { op, a: i, b: j, text };
	});
}

export interface Hunk { skipped: number; lines: Line[] }

/** Groups lines into hunks with `context` equal lines around each change. */
export function hunks(lines: Line[], context = 3): { hunks: Hunk[]; rest: number } {
	const keep = new Array<boolean>(lines.length).fill(false);
	lines.forEach((line, i) => {
		if (line.op === 'same') return;
		for (let k = Math.max(0, i - context); k <= Math.min(lines.length - 1, i + context); k += 1) keep[k] = true;
	});
	const out: Hunk[] = [];
	let skipped = 0;
	let open: Hunk | null = null;
	lines.forEach((line, i) => {
		if (!keep[i]) {
			skipped += 1;
			open = null;
			return;
		}
		if (!open) {
			open = { skipped, lines: [] };
			skipped = 0;
			out.push(open);
		}
		open.lines.push(line);
	});
	return { hunks: out, rest: skipped };
}

export interface Pair { left: Line | null; right: Line | null }

/** Puts deletions and additions of one block beside each other. */
export function pairs(lines: Line[]): Pair[] {
	const out: Pair[] = [];
	for (let i = 0; i < lines.length; ) {
		if (lines[i].op === 'same') {
			out.push({ left: lines[i], right: lines[i] });
			i += 1;
			continue;
		}
		const dels: Line[] = [];
		const adds: Line[] = [];
		while (i < lines.length && lines[i].op !== 'same') {
			(lines[i].op === 'del' ? dels : adds).push(lines[i]);
			i += 1;
		}
		for (let k = 0; k < Math.max(dels.length, adds.length); k += 1) out.push({ left: dels[k] ?? null, right: adds[k] ?? null });
	}
	return out;
}

/** The changed middle of two lines, as [head, changed, tail] of each. */
export function intraline(a: string, b: string): { a: [string, string, string]; b: [string, string, string] } {
	let head = 0;
	while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
	let tail = 0;
	while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
	const cut = (s: string): [string, string, string] => [s.slice(0, head), s.slice(head, s.length - tail), s.slice(s.length - tail)];
	return { a: cut(a), b: cut(b) };
}

/** The hunks of a unified diff without a head, as plans have them. */
export function parseUnified(text: string): { old_start: number; old_count: number; new_start: number; new_count: number; lines: { op: ' ' | '+' | '-'; text: string }[] }[] {
	const out: ReturnType<typeof parseUnified> = [];
	for (const line of splitLines(text)) {
		const head = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
		if (head) out.push({ old_start: Number(head[1]), old_count: Number(head[2] ?? 1), new_start: Number(head[3]), new_count: Number(head[4] ?? 1), lines: [] });
		else if (out.length > 0 && (line[0] === ' ' || line[0] === '+' || line[0] === '-')) out[out.length - 1].lines.push({ op: line[0], text: line.slice(1) });
	}
	return out;
}
