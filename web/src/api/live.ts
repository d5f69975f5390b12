/* SPDX-License-Identifier: Apache-2.0 */
import { useEffect, useSyncExternalStore } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import { apiUrl } from './client';
import workerUrl from './events.worker.ts?sharedworker&url';
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

/* Without a live stream pages ask again by themselves. */
const pollEvery = 10_000;
export function pollInterval(): number | false {
	return snapshot.state === 'live' ? false : pollEvery;
}

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

/*
 * The server tells a burst once or twice a second and says "many" when a list is better read again as a whole. Then
 * (and always for the overview, which reads the whole fleet) a key is read at most once in calmMany, and each
 * dashboard at a moment of its own, so that a thousand of them do not ask at once.
 */
const calm = 250;
const calmOverview = 1_500;
const calmMany = 3_000;
const spread = 1_000;

function batcher(client: QueryClient) {
	const timers = new Map<string, ReturnType<typeof setTimeout>>();
	const read = new Map<string, number>();
	const flush = (key: string) => {
		timers.delete(key);
		read.set(key, Date.now());
		void client.invalidateQueries({ queryKey: [key] });
	};
	return {
		add(kind: string, many: boolean) {
			for (const key of touched[kind] ?? [kind]) {
				if (timers.has(key)) continue;
				const least = key === 'overview' ? calmOverview : calm;
				const rest = (read.get(key) ?? 0) + calmMany - Date.now();
				const wait = many ? Math.max(least, rest) + Math.random() * spread : least;
				timers.set(key, setTimeout(() => flush(key), wait));
			}
		},
		stop() {
			for (const timer of timers.values()) clearTimeout(timer);
			timers.clear();
		},
	};
}

/*
 * The policy of the server demands trusted types, and the address of a worker is a script address.
 * Ours is fixed at build time, which is all that this policy vouches for.
 */
interface TrustedTypes { createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): { createScriptURL: (url: string) => unknown } }

let scriptUrl: string | undefined;

/* A policy name can be taken only once. */
function trustedWorkerUrl(): string {
	if (scriptUrl === undefined) {
		const types = (window as unknown as { trustedTypes?: TrustedTypes }).trustedTypes;
		const policy = types?.createPolicy('muster-worker', { createScriptURL: (url) => (url === workerUrl ? url : '') });
		scriptUrl = (policy ? policy.createScriptURL(workerUrl) : workerUrl) as string;
	}
	return scriptUrl;
}

const workers = new Map<string, SharedWorker | null>();

/* One worker per project, which all tabs share; kept over sign-out. */
function sharedWorker(url: string): SharedWorker | null {
	let worker = workers.get(url);
	if (worker === undefined) {
		try {
			worker = typeof SharedWorker === 'function' ? new SharedWorker(trustedWorkerUrl(), { type: 'module', name: `muster-events ${url}` }) : null;
		} catch {
			worker = null;
		}
		workers.set(url, worker);
	}
	return worker;
}

function connect(url: string, emit: (message: LiveMessage) => void): () => void {
	const shared = sharedWorker(url);
	if (!shared) return openStream(url, emit);
	let fallback: (() => void) | null = null;
	const port = shared.port;
	shared.onerror = () => {
		fallback ??= openStream(url, emit);
	};
	port.onmessage = (event: MessageEvent<LiveMessage>) => emit(event.data);
	port.start();
	const hello = () => port.postMessage({ type: 'hello', url });
	const bye = () => port.postMessage({ type: 'bye' });
	/* A page that comes back from the back-forward cache has said goodbye before. */
	const onShow = (event: PageTransitionEvent) => event.persisted && hello();
	const alive = setInterval(() => port.postMessage({ type: 'alive' }), 20_000);
	hello();
	window.addEventListener('pagehide', bye);
	window.addEventListener('pageshow', onShow);
	return () => {
		clearInterval(alive);
		window.removeEventListener('pagehide', bye);
		window.removeEventListener('pageshow', onShow);
		port.onmessage = null;
		bye();
		fallback?.();
	};
}

/** Keeps one stream of the project open while somebody is signed in. */
export function useEventStream(project: string): void {
	const client = useQueryClient();
	useEffect(() => {
		const batch = batcher(client);
		const stop = connect(apiUrl('/events', { project, topics: Object.keys(touched).join(',') }), (message) => {
			if (message.type === 'state') {
				if (message.state !== snapshot.state) set({ state: message.state, since: message.at });
			} else if (message.type === 'change') {
				set({ lastEvent: message.at });
				batch.add(message.change.kind, message.change.many);
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
