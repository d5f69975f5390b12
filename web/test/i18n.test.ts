/* SPDX-License-Identifier: Apache-2.0 */
import { describe, expect, it } from 'vitest';
import en from '../src/i18n/en';
import zh from '../src/i18n/zh';
import { fill, num } from '../src/i18n/format';
import { say } from '../src/i18n/sentences';
import { sentences } from '../src/i18n/zh';

const names = (text: string) => new Set([...text.matchAll(/\{(\w+)(?:\|[^}]*)?\}/g)].map((m) => m[1]));
const keys = Object.keys(en) as (keyof typeof en)[];

describe('dictionaries', () => {
	it('have the same keys in both languages', () => {
		expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
	});

	it('use the same parameters in both languages', () => {
		/* A plural form needs its number in English only, so Chinese may name fewer, never others. */
		for (const key of keys) {
			const known = names(en[key]);
			for (const name of names(zh[key])) expect(known, `${key} {${name}}`).toContain(name);
			const shown = [...known].filter((n) => en[key].includes(`{${n}}`));
			for (const name of shown) expect(names(zh[key]), `${key} {${name}}`).toContain(name);
		}
	});

	it('have no empty words', () => {
		for (const key of keys) {
			expect(en[key].trim(), key).not.toBe('');
			expect(zh[key].trim(), key).not.toBe('');
		}
	});
});

describe('fill', () => {
	it('fills names, keeps unknown ones visible', () => {
		expect(fill('{a} and {b}', { a: 'x' })).toBe('x and {b}');
	});
	it('picks the word by the number', () => {
		expect(fill('{n} {n|node|nodes}', { n: 1 })).toBe('1 node');
		expect(fill('{n} {n|node|nodes}', { n: 0 })).toBe('0 nodes');
	});
	it('groups thousands by narrow spaces', () => {
		expect(num(1234567)).toBe('1\u202f234\u202f567');
		expect(num(999)).toBe('999');
		expect(num(1234.56, 1)).toBe('1\u202f234.6');
		expect(num(NaN)).toBe('–');
	});
});

describe('sentences of the server in Chinese', () => {
	it('translates a known form with its parts', () => {
		expect(say(sentences, 'Rollout 2 is paused: wave 1: 1 of 1 failed, 0 allowed')).toBe('R-2 已暂停：批次 1：1 个中失败 1 个，允许 0 个');
		expect(say(sentences, 'Rollout 3 is paused: by admin')).toBe('R-3 已暂停：由 admin 操作');
	});
	it('leaves what it does not know as it came', () => {
		expect(say(sentences, 'a new kind of sentence')).toBe('a new kind of sentence');
		expect(say([], 'it is paused')).toBe('it is paused');
	});
	it('uses only groups that its form has', () => {
		for (const [form, words] of sentences) {
			const groups = new RegExp(form.source + '|').exec('')!.length - 1;
			for (const m of words.matchAll(/\$(\d)/g)) expect(Number(m[1]), form.source).toBeLessThanOrEqual(groups);
		}
	});
});
