import { useEffect, useSyncExternalStore } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import { apiUrl } from './client';
import { openStream } from './stream';
import type { LiveMessage, LiveState } from './stream';

export interface Live { state: LiveState; since: number; lastEvent: number }

/* Which query keys a kind of change makes old; the overview counts everything. */
const touched: Record<string, string[]> = {
	node: ['nodes', 'overview', 'logs'],
	rollout: ['rollouts', 'overview', 'nodes'],
	alert: ['alerts', 'overview'],
	config: ['configs'],
	package: ['packages'],
	webhook: ['webhooks', 'deliveries'],
	token: ['tokens', 'enroll-tokens'],
	audit: ['audit', 'overview'],
};

let snapshot: Live = { state: 'connecting', since: Date.now(), lastEvent: 0 };
const listeners = new Set<() => void>();

function set(next: Partial<Live>) {
	snapshot = { ...snapshot, ...next };
	for (const listener of listeners) listener();
}

export function useLive(): Live {
	return useSyncExternalStore(
		(listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		() => snapshot,
	);
}

/* Bursts (a wave of a thousand nodes) become one refetch per key and quarter of a second. */
function batcher(client: QueryClient) {
	const waiting = new Set<string>();
	let timer: ReturnType<typeof setTimeout> | undefined;
	const flush = () => {
		timer = undefined;
		for (const key of waiting) void client.invalidateQueries({ queryKey: [key] });
		waiting.clear();
	};
	return {
		add(kind: string) {
			for (const key of touched[kind] ?? [kind]) waiting.add(key);
			timer ??= setTimeout(flush, 250);
		},
		stop: () => clearTimeout(timer),
	};
}

function connect(url: string, emit: (message: LiveMessage) => void): () => void {
	if (typeof SharedWorker !== 'function') return openStream(url, emit);
	let fallback: (() => void) | null = null;
	const worker = new SharedWorker(new URL('./events.worker.ts', import.meta.url), { type: 'module', name: url });
	worker.onerror = () => {
		fallback ??= openStream(url, emit);
	};
	worker.port.onmessage = (event: MessageEvent<LiveMessage>) => emit(event.data);
	worker.port.start();
	worker.port.postMessage({ type: 'hello', url });
	const alive = setInterval(() => worker.port.postMessage({ type: 'alive' }), 20_000);
	const bye = () => worker.port.postMessage({ type: 'bye' });
	window.addEventListener('pagehide', bye);
	return () => {
		clearInterval(alive);
		window.removeEventListener('pagehide', bye);
		bye();
		worker.port.close();
		fallback?.();
	};
}

/** Keeps one stream open while somebody is signed in. */
export function useEventStream(project: string): void {
	const client = useQueryClient();
	useEffect(() => {
		const batch = batcher(client);
		const stop = connect(apiUrl('/events', { topics: Object.keys(touched).join(',') }), (message) => {
			if (message.type === 'state') {
				if (message.state !== snapshot.state) set({ state: message.state, since: message.at });
			} else if (message.type === 'change') {
				set({ lastEvent: message.at });
				batch.add(message.change.kind);
			} else {
				void client.invalidateQueries();
			}
		});
		return () => {
			stop();
			batch.stop();
		};
	}, [client, project]);
}
