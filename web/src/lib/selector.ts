/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The query of the nodes table lives in the URL as one string: label terms in selector grammar
 * (`site=plant-3,line in (1,2),!spare`), `status:offline` and free text, separated by spaces.
 * The server gets them as three parameters.
 */
export interface NodeQuery {
	selector: string;
	status: string[];
	text: string;
}

/** Splits at blanks that stand outside parentheses. */
function words(input: string): string[] {
	const out: string[] = [];
	let depth = 0;
	let word = '';
	for (const ch of input.trim()) {
		if (ch === '(') depth += 1;
		if (ch === ')') depth = Math.max(0, depth - 1);
		if (/\s/.test(ch) && depth === 0) {
			if (word) out.push(word);
			word = '';
		} else {
			word += ch;
		}
	}
	if (word) out.push(word);
	return out;
}

/** Joins `line in (1,2)` and `line notin (1)` back into one term each. */
function terms(input: string): string[] {
	const out: string[] = [];
	const list = words(input);
	for (let i = 0; i < list.length; i += 1) {
		const op = list[i + 1];
		if ((op === 'in' || op === 'notin') && list[i + 2]?.startsWith('(')) {
			out.push(`${list[i]} ${op} ${list[i + 2]}`);
			i += 2;
		} else {
			out.push(list[i]);
		}
	}
	return out;
}

const isSelector = (term: string) => /^!?[\w./-]+$/.test(term) ? term.startsWith('!') : /[=]|\s(in|notin)\s/.test(term);

export function parseQuery(input: string): NodeQuery {
	const query: NodeQuery = { selector: '', status: [], text: '' };
	const selector: string[] = [];
	const text: string[] = [];
	for (const raw of terms(input)) {
		const term = raw.replace(/,+$/, '');
		if (!term) continue;
		if (term.startsWith('status:')) query.status.push(...term.slice(7).split(',').filter(Boolean));
		else if (isSelector(term)) selector.push(term);
		else text.push(term);
	}
	query.selector = selector.join(',');
	query.text = text.join(' ');
	return query;
}

export function queryTerms(input: string): string[] {
	return terms(input).map((t) => t.replace(/,+$/, '')).filter(Boolean);
}

export function withTerm(input: string, term: string): string {
	const list = queryTerms(input);
	return list.includes(term) ? list.join(' ') : [...list, term].join(' ');
}

export function withoutTerm(input: string, term: string): string {
	return queryTerms(input).filter((t) => t !== term).join(' ');
}

/** One status at a time from a facet; the same one again takes it away. */
export function toggleStatus(input: string, status: string): string {
	const rest = queryTerms(input).filter((t) => !t.startsWith('status:'));
	const had = parseQuery(input).status;
	return (had.length === 1 && had[0] === status ? rest : [...rest, `status:${status}`]).join(' ');
}
