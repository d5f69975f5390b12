/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the size of the dashboard to its budget (gzip, kB of 1000 bytes): what the first route
 * loads, and everything. Also proves that nothing names another host, since plants are offline.
 */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = new URL('../dist/', import.meta.url).pathname;
const firstLimit = 180;
const totalLimit = 450;

function walk(dir) {
	return readdirSync(dir).flatMap((name) => {
		const path = join(dir, name);
		return statSync(path).isDirectory() ? walk(path) : [path];
	});
}

const size = (path) => gzipSync(readFileSync(path), { level: 9 }).length / 1000;
const files = walk(dist);
const byName = new Map(files.map((f) => [relative(dist, f), f]));

/* Static imports of a chunk are loaded with it; the words of one language and one page come on top. */
function closure(names) {
	const seen = new Set();
	const queue = [...names];
	for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
		if (seen.has(name) || !byName.has(name)) continue;
		seen.add(name);
		if (!name.endsWith('.js')) continue;
		const text = readFileSync(byName.get(name), 'utf8');
		for (const m of text.matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) queue.push(`assets/${m[1]}`);
	}
	return seen;
}

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const entry = [...html.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((m) => m[1]);
const lazy = [...byName.keys()].filter((n) => /^assets\/(overview|sprite)-[\w-]+\.(js|css|svg)$/.test(n));
const words = [...byName.keys()].filter((n) => /^assets\/zh-[\w-]+\.js$/.test(n));
const first = [...closure([...entry, ...lazy, ...words])].reduce((sum, n) => sum + size(byName.get(n)), size(join(dist, 'index.html')));
const total = files.reduce((sum, f) => sum + size(f), 0);

let failed = false;
for (const [name, value, limit] of [['first route', first, firstLimit], ['total', total, totalLimit]]) {
	console.log(`${name}: ${value.toFixed(1)} kB gz of ${limit}`);
	if (value > limit) failed = true;
}

/* Namespaces and the links of error texts inside libraries are names, not requests. */
const harmless = /^https?:\/\/(www\.w3\.org\/|react\.dev\/|tanstack\.com\/|rfc-editor\.org\/|localhost)/;
for (const file of files.filter((f) => /\.(js|css|html|svg)$/.test(f))) {
	for (const m of readFileSync(file, 'utf8').matchAll(/https?:\/\/[\w.-]+\/?[^\s"'`)]*/g)) {
		if (!harmless.test(m[0])) {
			console.error(`${relative(dist, file)} names another host: ${m[0].slice(0, 100)}`);
			failed = true;
		}
	}
}
process.exit(failed ? 1 : 0);
