/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A selection of nodes on its way to another page: few names travel in the URL, many would make it
 * too long and wait in the tab's storage under a short key.
 */
import { uuid } from './uuid';

const fits = 1500;

export function packNodes(names: string[]): string {
	const text = names.join(',');
	if (text.length <= fits) return text;
	const key = `sel:${uuid().slice(0, 8)}`;
	try {
		sessionStorage.setItem(key, text);
		return key;
	} catch {
		return text;
	}
}

export function unpackNodes(value: string | undefined): string[] {
	if (!value) return [];
	const text = value.startsWith('sel:') ? (sessionStorage.getItem(value) ?? '') : value;
	return text.split(',').filter(Boolean);
}
