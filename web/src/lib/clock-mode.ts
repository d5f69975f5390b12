/* SPDX-License-Identifier: Apache-2.0 */
import { useSyncExternalStore } from 'react';
import type { TimeZoneMode } from './time';

let mode: TimeZoneMode = 'local';
try {
	if (localStorage.getItem('muster.clock') === 'utc') mode = 'utc';
} catch {
	/* Local time is the default. */
}
const listeners = new Set<() => void>();

export function setClockMode(next: TimeZoneMode): void {
	mode = next;
	try {
		localStorage.setItem('muster.clock', next);
	} catch {
		/* The choice then lasts as long as the page. */
	}
	for (const listener of listeners) listener();
}

export function useClockMode(): TimeZoneMode {
	return useSyncExternalStore(
		(listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		() => mode,
	);
}
