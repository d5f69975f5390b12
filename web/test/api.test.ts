/* SPDX-License-Identifier: Apache-2.0 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;

function sources(dir: string): string[] {
	return readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? sources(join(dir, e.name)) : /\.tsx?$/.test(e.name) ? [join(dir, e.name)] : []));
}

/* `${...}` in a path and `{name}` in the description both stand for one segment. */
const shape = (path: string) => path.replace(/\$?\{[^}]*(?:\{[^}]*\}[^}]*)*\}/g, '*').replace(/\?.*$/, '');

const described = readFileSync(join(root, 'schema/openapi.yaml'), 'utf8');
const operations = new Map<string, Set<string>>();
let path = '';
for (const line of described.split('\n')) {
	const at = /^ {2}(\/api\/v1\/\S*):/.exec(line);
	if (/^ {2}\S/.test(line)) path = at ? shape(at[1].slice('/api/v1'.length)) : '';
	const method = /^ {4}(get|post|put|patch|delete):/.exec(line);
	if (path && method) operations.set(path, (operations.get(path) ?? new Set()).add(method[1]));
}

interface Call { method: string; path: string; file: string }

function calls(): Call[] {
	const verbs: Record<string, string> = { useGet: 'get', usePages: 'get', get: 'get', post: 'post', patch: 'patch', put: 'put', del: 'delete', apiUrl: 'get' };
	const form = /\b(useGet|usePages|get|post|patch|put|del|apiUrl)(?:<[^()]*>)?\(\s*([`'])(\/[^`']*)\2/g;
	return sources(join(root, 'web/src')).flatMap((file) => {
		const text = readFileSync(file, 'utf8');
		const found = [...text.matchAll(form)].map((m) => ({ method: verbs[m[1]], path: shape(m[3]), file }));
		for (const m of text.matchAll(/request<[^()]*>\('(\w+)',\s*([`'])(\/[^`']*)\2/g)) found.push({ method: m[1].toLowerCase(), path: shape(m[3]), file });
		return found;
	});
}

describe('the API that the dashboard calls', () => {
	it('is found in the sources and in the description', () => {
		expect(calls().length).toBeGreaterThan(40);
		expect(operations.size).toBeGreaterThan(30);
	});
	it.each(calls())('$method $path is described', ({ method, path: called }) => {
		/* The verbs of a rollout are one call with the verb as a segment. */
		const matches = [...operations].filter(([known]) => {
			const a = known.split('/');
			const b = called.split('/');
			return a.length === b.length && a.every((part, i) => part === b[i] || part === '*' || b[i] === '*');
		});
		expect(matches.some(([, methods]) => methods.has(method))).toBe(true);
	});
});
