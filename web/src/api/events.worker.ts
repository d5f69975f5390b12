/* SPDX-License-Identifier: Apache-2.0 */
/// <reference lib="webworker" />
/*
 * One event stream for all tabs: over HTTP/1.1 a browser opens at most six connections to a host,
 * so a stream per tab would hang the seventh. Ports that stop answering are forgotten.
 */
import { openStream } from './stream';
import type { LiveMessage } from './stream';

interface Peer { port: MessagePort; seen: number }

const peers = new Set<Peer>();
let close: (() => void) | null = null;
let last: LiveMessage = { type: 'state', state: 'connecting', at: Date.now() };

function broadcast(message: LiveMessage) {
	if (message.type === 'state') last = message;
	for (const peer of peers) peer.port.postMessage(message);
}

function sweep() {
	const limit = Date.now() - 60_000;
	for (const peer of peers) if (peer.seen < limit) peers.delete(peer);
	if (peers.size === 0) stop();
}

function stop() {
	close?.();
	close = null;
}

setInterval(sweep, 20_000);

(self as unknown as SharedWorkerGlobalScope).onconnect = (event) => {
	const peer: Peer = { port: event.ports[0], seen: Date.now() };
	peers.add(peer);
	peer.port.onmessage = (message: MessageEvent<{ type: 'hello' | 'alive' | 'bye'; url?: string }>) => {
		peer.seen = Date.now();
		peers.add(peer);
		if (message.data.type === 'bye') {
			peers.delete(peer);
			if (peers.size === 0) stop();
		} else if (message.data.type === 'hello') {
			peer.port.postMessage(last);
			if (!close && message.data.url) close = openStream(message.data.url, broadcast);
		}
	};
	peer.port.start();
};
