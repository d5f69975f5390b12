/* SPDX-License-Identifier: Apache-2.0 */
import { describe, expect, it } from 'vitest';
import { stripAnsi } from '../src/lib/ansi';
import { auditObject } from '../src/lib/audit';
import { holdOrder } from '../src/lib/held';
import { changeText, finalShare, parseWaves, sentence, targetText } from '../src/lib/rollout';
import { toBuckets } from '../src/lib/states';
import { bytes, duration, fullTime, parseTime } from '../src/lib/time';
import { uuidFrom } from '../src/lib/uuid';

describe('waves', () => {
	it('reads counts and percentages', () => {
		expect(parseWaves('1, 2, 100%')).toEqual([1, 2, '100%']);
		expect(parseWaves('10%')).toEqual(['10%']);
		expect(parseWaves('')).toEqual([]);
	});
	it('refuses what is neither', () => {
		for (const text of ['0', '-1', '101%', 'x', '1.5', '0%']) expect(parseWaves(text), text).toBeNull();
	});
});

describe('rollout words', () => {
	it('names a change', () => {
		expect(changeText({ service: 'broker', package: { name: 'mosquitto', version: '2.0.18' } })).toBe('broker mosquitto 2.0.18');
		expect(changeText({ service: 'collector', config: { name: 'line', version: 3 } })).toBe('collector line v3');
		expect(changeText({ service: 'x', run: false })).toBe('x stop');
	});
	it('names targets and cuts long lists', () => {
		expect(targetText({ selector: 'site=a' })).toBe('site=a');
		expect(targetText({ nodes: ['a', 'b', 'c', 'd', 'e'] })).toBe('a, b, c +2');
		expect(targetText(null)).toBe('');
		expect(targetText({ selector: '*' }, 'all nodes')).toBe('all nodes');
	});
	it('closes sentences once', () => {
		expect(sentence('It runs')).toBe('It runs.');
		expect(sentence('It runs.')).toBe('It runs.');
		expect(sentence('已暂停')).toBe('已暂停。');
		expect(sentence('')).toBe('');
	});
	it('sums states into buckets and the final share', () => {
		expect(toBuckets({ succeeded: 2, rolled_back: 1, verifying: 3, queued: 4, odd: 9 })).toEqual({ succeeded: 2, failed: 1, in_progress: 3, offline: 0, pending: 4, skipped: 0, superseded: 0, window: 0 });
		expect(finalShare({ succeeded: 1, pending: 3 })).toBe(25);
		expect(finalShare({})).toBeNull();
	});
});

describe('times and sizes', () => {
	it('writes durations', () => {
		expect(duration(251)).toBe('04:11');
		expect(duration(3661)).toBe('01:01:01');
		expect(duration(41 * 86400 + 22320)).toBe('41 d 06:12');
		expect(duration(-1)).toBe('–');
	});
	it('writes absolute times in UTC on request', () => {
		expect(fullTime(new Date('2026-11-22T10:47:31Z'), 'utc')).toBe('2026-11-22 10:47:31 Z');
	});
	it('takes no nonsense for a time', () => {
		expect(parseTime('')).toBeNull();
		expect(parseTime('soon')).toBeNull();
		expect(parseTime(null)).toBeNull();
	});
	it('writes sizes', () => {
		expect(bytes(999)).toBe('999 B');
		expect(bytes(1500)).toBe('1.5 kB');
		expect(bytes(256_000_000)).toBe('256 MB');
	});
});

describe('held order', () => {
	const id = (x: { id: string }) => x.id;
	it('keeps rows where they are, with fresh fields', () => {
		const out = holdOrder(['a', 'b'], [{ id: 'b', v: 2 }, { id: 'a', v: 1 }], id);
		expect(out.items.map((x) => x.v)).toEqual([1, 2]);
		expect(out.waiting).toBe(2);
	});
	it('counts new rows and drops gone ones', () => {
		const out = holdOrder(['a', 'b'], [{ id: 'a' }, { id: 'c' }], id);
		expect(out.items.map(id)).toEqual(['a']);
		expect(out.waiting).toBe(1);
	});
});

it('makes version 4 identifiers without crypto.randomUUID', () => {
	expect(uuidFrom(new Uint8Array(16).fill(255))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
});

it('strips colours and progress from log lines', () => {
	expect(stripAnsi('\u001b[31mred\u001b[0m plain')).toBe('red plain');
	expect(stripAnsi('10%\r50%\r100%')).toBe('100%');
	expect(stripAnsi('crlf\r')).toBe('crlf');
});

describe('audit entries', () => {
	const row = { id: 1, at: '', actor_kind: 'user', actor_id: 'u', actor_name: 'admin', action: 'x', object_kind: 'node', object_id: 'n62y5iw42ug5ehl6pp7k5' };
	it('name what they are about', () => {
		expect(auditObject({ ...row, object_name: 'gw-1' })).toBe('gw-1');
		expect(auditObject({ ...row, detail: { number: 17, name: 'Upgrade' } })).toBe('R-17 Upgrade');
		expect(auditObject({ ...row, detail: { login: 'ops' } })).toBe('ops');
	});
	it('never show a bare id', () => {
		expect(auditObject(row)).toBe('');
		expect(auditObject({ ...row, object_id: 'line-telemetry' })).toBe('line-telemetry');
	});
});
