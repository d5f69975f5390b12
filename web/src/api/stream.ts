/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream itself; runs in the shared worker, or in the tab where there is none. */

export type LiveState = 'connecting' | 'live' | 'reconnecting';
/* What one kind of thing has changed: some ids, or many more than those. */
export interface ChangeEvent { kind: string; ids: string[]; many: boolean; at?: string }
export type LiveMessage =
	| { type: 'state'; state: LiveState; at: number }
	| { type: 'change'; change: ChangeEvent; at: number }
	| { type: 'resync'; at: number };

const retryFirst = 1_000;
const retryMost = 15_000;

/**
 * Opens the stream and keeps it open: the browser reconnects by itself after a cut, and we do after
 * an answer that is not a stream (server restarting), with back-off. Returns a function that ends it.
 */
export function openStream(url: string, emit: (message: LiveMessage) => void): () => void {
	let source: EventSource | null = null;
	let timer: ReturnType<typeof setTimeout> | undefined;
	let wait = retryFirst;
	let lost = false;
	let ended = false;

	const state = (value: LiveState) => emit({ type: 'state', state: value, at: Date.now() });

	const connect = () => {
		source = new EventSource(url);
		source.onopen = () => {
			wait = retryFirst;
			state('live');
			/* A stream that we opened anew has no Last-Event-ID: what happened meanwhile is unknown. */
			if (lost) emit({ type: 'resync', at: Date.now() });
			lost = false;
		};
		source.addEventListener('change', (event) => {
			try {
				emit({ type: 'change', change: JSON.parse((event as MessageEvent<string>).data) as ChangeEvent, at: Date.now() });
			} catch {
				emit({ type: 'resync', at: Date.now() });
			}
		});
		source.addEventListener('resync', () => emit({ type: 'resync', at: Date.now() }));
		source.addEventListener('logout', () => end());
		source.onerror = () => {
			if (ended) return;
			state('reconnecting');
			if (source?.readyState !== 2) return;
			lost = true;
			source.close();
			timer = setTimeout(connect, wait);
			wait = Math.min(wait * 2, retryMost);
		};
	};

	const end = () => {
		ended = true;
		clearTimeout(timer);
		source?.close();
		state('reconnecting');
	};

	connect();
	return end;
}
