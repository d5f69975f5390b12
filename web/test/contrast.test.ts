/* SPDX-License-Identifier: Apache-2.0 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');

function block(start: string): Map<string, string> {
	const at = css.indexOf(start);
	expect(at, start).toBeGreaterThanOrEqual(0);
	const open = css.indexOf('{', at);
	const body = css.slice(open + 1, css.indexOf('}', open));
	return new Map([...body.matchAll(/--([\w-]+):\s*([^;]+);/g)].map((m) => [m[1], m[2].trim()]));
}

const light = block(':root {');
const darkSystem = block(':root:not([data-theme="light"])');
const darkChosen = block(':root[data-theme="dark"]');

function luminance(hex: string): number {
	const [r, g, b] = [1, 3, 5].map((i) => {
		const v = parseInt(hex.slice(i, i + 2), 16) / 255;
		return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
	const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
	return (x + 0.05) / (y + 0.05);
}

const grounds = ['canvas', 'surface', 'sunken', 'raised', 'hover', 'selected'];
const texts = ['text', 'text-2', 'text-3', 'accent', 'ok', 'warn', 'crit', 'off', 'drift', 'prog'];
const badges = ['ok', 'warn', 'crit', 'off', 'drift', 'prog'];

describe.each([['light', light], ['dark', darkChosen]] as const)('%s theme', (_name, theme) => {
	it('keeps every text readable on every ground (4.5:1)', () => {
		for (const ground of grounds) {
			for (const text of texts) expect(contrast(theme.get(text)!, theme.get(ground)!), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5);
		}
	});
	it('keeps badges and diffs readable', () => {
		for (const b of badges) expect(contrast(theme.get(b)!, theme.get(`${b}-soft`)!), b).toBeGreaterThanOrEqual(4.5);
		for (const ground of ['add', 'add-strong', 'del', 'del-strong']) expect(contrast(theme.get('text')!, theme.get(ground)!), ground).toBeGreaterThanOrEqual(4.5);
		expect(contrast(theme.get('on-accent')!, theme.get('accent-fill')!)).toBeGreaterThanOrEqual(4.5);
	});
	it('keeps marks visible on a plate (3:1; the light amber has shape and word beside it)', () => {
		for (const b of badges) {
			const least = b === 'warn' ? 2.7 : 3;
			expect(contrast(theme.get(`${b}-mark`)!, theme.get('surface')!), b).toBeGreaterThanOrEqual(least);
		}
		expect(contrast(theme.get('control')!, theme.get('surface')!)).toBeGreaterThanOrEqual(3);
	});
});

it('has the same values in both dark blocks', () => {
	expect([...darkSystem].sort()).toEqual([...darkChosen].sort());
});

it('keeps raw colours out of the component sheets', () => {
	for (const sheet of ['app.css', 'more.css']) {
		const text = readFileSync(new URL(`../src/styles/${sheet}`, import.meta.url), 'utf8');
		expect([...text.matchAll(/#[0-9a-f]{3,8}\b/gi)].map((m) => m[0]), sheet).toEqual([]);
	}
});
