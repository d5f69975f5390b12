/* SPDX-License-Identifier: Apache-2.0 */
/** A random UUID v4, also on plain http, where crypto.randomUUID does not exist. */
export function uuid(): string {
	if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
	return uuidFrom(crypto.getRandomValues(new Uint8Array(16)));
}

export function uuidFrom(bytes: Uint8Array): string {
	const b = Uint8Array.from(bytes);
	b[6] = (b[6] & 0x0f) | 0x40;
	b[8] = (b[8] & 0x3f) | 0x80;
	const hex = Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
	return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
