/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message templates: `{name}` is a parameter, `{n|node|nodes}` picks a word by the number n.
 * Numbers are written with narrow no-break spaces between thousands, in both languages.
 */
export type Params = Record<string, string | number>;

const group = /\B(?=(\d{3})+(?!\d))/g;

export function num(value: number, digits = 0): string {
	if (!Number.isFinite(value)) return '–';
	const [whole, fraction] = Math.abs(value).toFixed(digits).split('.');
	const text = whole.replace(group, '\u202f') + (fraction ? '.' + fraction : '');
	return (value < 0 ? '−' : '') + text;
}

export function fill(template: string, params?: Params): string {
	if (!params) return template;
	return template.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name, one, other) => {
		const value = params[name];
		if (value === undefined) return whole;
		if (one !== undefined) return Number(value) === 1 ? one : other;
		return typeof value === 'number' ? num(value, Number.isInteger(value) ? 0 : 1) : value;
	});
}
