/* SPDX-License-Identifier: Apache-2.0 */
import { useRef } from 'react';

/**
 * Keeps the order of a list while somebody works in it: fields stay fresh, rows neither move nor
 * appear; `waiting` counts what would change on release.
 */
export function holdOrder<T>(order: string[], fresh: T[], id: (item: T) => string): { items: T[]; waiting: number } {
	const byId = new Map(fresh.map((item) => [id(item), item]));
	const items = order.flatMap((key) => byId.get(key) ?? []);
	const known = new Set(order);
	let waiting = fresh.filter((item) => !known.has(id(item))).length;
	const kept = fresh.filter((item) => known.has(id(item)));
	waiting += kept.filter((item, i) => items[i] !== undefined && id(items[i]) !== id(item)).length;
	return { items, waiting };
}

export function useHeld<T>(fresh: T[], id: (item: T) => string, hold: boolean, scope: string): { items: T[]; waiting: number } {
	const order = useRef<{ scope: string; ids: string[] } | null>(null);
	if (!hold || order.current?.scope !== scope || fresh.length > (order.current?.ids.length ?? 0) + 1) {
		order.current = { scope, ids: fresh.map(id) };
		return { items: fresh, waiting: 0 };
	}
	return holdOrder(order.current.ids, fresh, id);
}
