/* SPDX-License-Identifier: Apache-2.0 */
import { describe, expect, it } from 'vitest';
import { diffLines, hunks, intraline, pairs, splitLines } from '../src/lib/diff';
import type { Line } from '../src/lib/diff';

/* A diff is right if its two sides read back as the two texts. */
const left = (lines: Line[]) => lines.filter((l) => l.op !== 'add').map((l) => l.text);
const right = (lines: Line[]) => lines.filter((l) => l.op !== 'del').map((l) => l.text);

function check(a: string, b: string): Line[] {
	const lines = diffLines(a, b);
	expect(left(lines)).toEqual(splitLines(a));
	expect(right(lines)).toEqual(splitLines(b));
	return lines;
}

describe('diffLines', () => {
	it('finds a changed line between equal ones', () => {
		const lines = check('a\nb\nc\n', 'a\nB\nc\n');
		expect(lines.map((l) => l.op)).toEqual(['same', 'del', 'add', 'same']);
		expect(lines.map((l) => [l.a, l.b])).toEqual([[1, 1], [2, 1], [2, 2], [3, 3]]);
	});
	it('handles empty sides', () => {
		expect(check('', '')).toEqual([]);
		expect(check('', 'a\nb').every((l) => l.op === 'add')).toBe(true);
		expect(check('a\nb', '').every((l) => l.op === 'del')).toBe(true);
	});
	it('is shortest on small texts', () => {
		const lines = check('a\nb\nc\na\nb\nb\na\n', 'c\nb\na\nb\na\nc\n');
		expect(lines.filter((l) => l.op !== 'same')).toHaveLength(5);
	});
	it('reads back on many shuffled texts', () => {
		let seed = 7;
		const next = (n: number) => {
			seed = (seed * 1103515245 + 12345) & 0x7fffffff;
			return seed % n;
		};
		for (let round = 0; round < 200; round += 1) {
			const text = () => Array.from({ length: next(12) }, () => 'abcd'[next(4)]).join('\n');
			check(text(), text());
		}
	});
	it('gives up on the minimum, not on the truth, when texts share nothing', () => {
		const a = Array.from({ length: 3000 }, (_, i) => `a${i}`).join('\n');
		const b = Array.from({ length: 3000 }, (_, i) => `b${i}`).join('\n');
		check(a, b);
	});
});

describe('hunks and pairs', () => {
	it('folds equal lines and counts them', () => {
		const a = Array.from({ length: 30 }, (_, i) => `line ${i}`);
		const b = [...a];
		b[15] = 'changed';
		const out = hunks(diffLines(a.join('\n'), b.join('\n')));
		expect(out.hunks).toHaveLength(1);
		expect(out.hunks[0].skipped).toBe(12);
		expect(out.rest).toBe(11);
	});
	it('puts deletions beside additions', () => {
		const rows = pairs(diffLines('a\nb\nc', 'a\nx\ny\nz\nc'));
		expect(rows.map((r) => [r.left?.text ?? null, r.right?.text ?? null])).toEqual([['a', 'a'], ['b', 'x'], [null, 'y'], [null, 'z'], ['c', 'c']]);
	});
	it('marks only what changed inside a line', () => {
		expect(intraline('keepalive = 60', 'keepalive = 30').a).toEqual(['keepalive = ', '6', '0']);
	});
});
