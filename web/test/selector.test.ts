/* SPDX-License-Identifier: Apache-2.0 */
import { describe, expect, it } from 'vitest';
import { parseQuery, queryTerms, toggleStatus, withTerm, withoutTerm } from '../src/lib/selector';

describe('query of the nodes table', () => {
	it('tells labels, status and text apart', () => {
		expect(parseQuery('site=plant-3 status:offline weld')).toEqual({ selector: 'site=plant-3', status: ['offline'], text: 'weld' });
	});
	it('keeps set terms together', () => {
		expect(parseQuery('line in (1, 2) !spare').selector).toBe('line in (1, 2),!spare');
		expect(queryTerms('line notin (1) a=b')).toEqual(['line notin (1)', 'a=b']);
	});
	it('takes a selector pasted with commas', () => {
		expect(parseQuery('site=plant-3,line in (1,2)').selector).toBe('site=plant-3,line in (1,2)');
	});
	it('accepts several statuses in one term', () => {
		expect(parseQuery('status:offline,warning').status).toEqual(['offline', 'warning']);
	});
	it('keeps plain words as text', () => {
		expect(parseQuery('gw-1 10.0.0.7')).toEqual({ selector: '', status: [], text: 'gw-1 10.0.0.7' });
	});
	it('survives an open parenthesis', () => {
		expect(queryTerms('line in (1')).toEqual(['line in (1']);
	});
	it('adds a term once and removes it', () => {
		expect(withTerm('a=b', 'c=d')).toBe('a=b c=d');
		expect(withTerm('a=b', 'a=b')).toBe('a=b');
		expect(withoutTerm('a=b c=d', 'a=b')).toBe('c=d');
	});
	it('toggles the status facet', () => {
		expect(toggleStatus('a=b', 'offline')).toBe('a=b status:offline');
		expect(toggleStatus('a=b status:offline', 'offline')).toBe('a=b');
		expect(toggleStatus('status:offline', 'warning')).toBe('status:warning');
	});
});
