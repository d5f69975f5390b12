/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real plant for the browser: musterd standalone and a few real agents, each in a short temporary
 * folder on free ports. Programs come from $MUSTER_BIN, or from the dev preset.
 */
import { spawn, execFile } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));

export function program(name) {
	const path = join(process.env.MUSTER_BIN ?? join(root, 'build/dev/bin'), name);
	if (!existsSync(path)) throw new Error(`${path} has not been built`);
	return path;
}

function temporaryFolder() {
	const folder = mkdtempSync('/tmp/mb-');
	chmodSync(folder, 0o711);
	return folder;
}

function freePort() {
	return new Promise((resolve, reject) => {
		const server = net.createServer();
		server.once('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

/** Waits until a check gives something true; the limit only bounds a test that has failed. */
export async function waitFor(check, what, limit = 60_000) {
	const end = Date.now() + limit;
	let last;
	while (Date.now() < end) {
		try {
			const value = await check();
			if (value) return value;
		} catch (error) {
			last = error;
		}
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error(`no ${what} within ${limit} ms${last ? `: ${last.message}` : ''}`);
}

class Child {
	constructor(argv, log) {
		this.log = log;
		const out = openSync(log, 'a');
		this.process = spawn(argv[0], argv.slice(1), { stdio: ['ignore', out, out], detached: true });
		closeSync(out);
		this.ended = new Promise((resolve) => this.process.once('exit', resolve));
	}

	get running() {
		return this.process.exitCode === null && this.process.signalCode === null;
	}

	tail() {
		return existsSync(this.log) ? readFileSync(this.log, 'utf8').split('\n').slice(-25).join('\n') : '';
	}

	async stop(signal = 'SIGTERM') {
		if (this.running) this.process.kill(signal);
		const timer = setTimeout(() => this.process.kill('SIGKILL'), 30_000);
		await this.ended;
		clearTimeout(timer);
	}
}

/** One request with a bearer token or none; resolves to {status, headers, body}. */
function request(base, ca, method, path, { token, body } = {}) {
	return new Promise((resolve, reject) => {
		const data = body === undefined ? undefined : JSON.stringify(body);
		const headers = { Accept: 'application/json' };
		if (token) headers.Authorization = `Bearer ${token}`;
		if (data !== undefined) {
			headers['Content-Type'] = 'application/json';
			headers['Content-Length'] = Buffer.byteLength(data);
		}
		const req = https.request(base + path, { method, ca, headers }, (res) => {
			const parts = [];
			res.on('data', (part) => parts.push(part));
			res.on('end', () => {
				const text = Buffer.concat(parts).toString();
				const json = (res.headers['content-type'] ?? '').includes('json');
				resolve({ status: res.statusCode, headers: res.headers, body: json && text ? JSON.parse(text) : text });
			});
		});
		req.on('error', reject);
		req.end(data);
	});
}

export class Plant {
	static async start() {
		const plant = new Plant();
		plant.folder = temporaryFolder();
		plant.data = join(plant.folder, 'd');
		plant.agents = [];
		plant.url = `https://127.0.0.1:${await freePort()}`;
		plant.server = new Child(
			[program('musterd'), 'standalone', '--data', plant.data, '--listen', plant.url.slice('https://'.length), '--mqtt-listen', '127.0.0.1:0', '--webhook-allow', '127.0.0.0/8', '--health-interval', '2s'],
			join(plant.folder, 'server.log'),
		);
		try {
			await plant.#ready();
			await plant.#token();
		} catch (error) {
			error.message += `\n${plant.server.tail()}`;
			await plant.stop();
			throw error;
		}
		return plant;
	}

	async #ready() {
		await waitFor(async () => {
			if (!this.server.running) throw new Error('musterd has ended');
			if (!existsSync(join(this.data, 'first-login.txt'))) return false;
			this.ca ??= readFileSync(join(this.data, 'keys/ca.crt'));
			return (await request(this.url, this.ca, 'GET', '/readyz')).status === 200;
		}, 'ready server', 120_000);
		this.login = 'admin';
		this.password = /password: (\S+)/.exec(readFileSync(join(this.data, 'first-login.txt'), 'utf8'))[1];
	}

	/* The dashboard signs in with the password; preparing the plant goes by an API token. */
	async #token() {
		const { stdout } = await run(program('musterd'), ['token', 'create', '--data', this.data, '--project', 'default', '--user', 'admin', '--role', 'admin', '--name', 'browser-test']);
		this.token = /mst_[\w-]+/.exec(stdout)[0];
	}

	async api(method, path, body) {
		const answer = await request(this.url, this.ca, method, `/api/v1${path}`, { token: this.token, body });
		if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
		return answer.body;
	}

	/** Enrols and starts one gateway. */
	async gateway(name, labels) {
		const folder = temporaryFolder();
		const dir = join(folder, 'a');
		const made = await this.api('POST', '/enroll-tokens', { labels });
		await run(program('muster-agent'), ['enroll', '--server', this.url, '--token', made.token, '--ca-fingerprint', made.ca_fingerprint, '--dir', dir, '--name', name]);
		const agent = { name, folder, dir, child: new Child([program('muster-agent'), 'run', '--dir', dir], join(folder, 'agent.log')) };
		this.agents.push(agent);
		return agent;
	}

	async online(names) {
		await waitFor(async () => {
			const { items } = await this.api('GET', '/nodes?limit=100');
			return names.every((name) => items.some((n) => n.name === name && n.status === 'online'));
		}, `nodes ${names.join(', ')} online`);
	}

	/** Makes a rollout and waits for its end. */
	async rollOut(spec) {
		const { id } = await this.api('POST', '/rollouts', spec);
		return waitFor(async () => {
			const rollout = await this.api('GET', `/rollouts/${id}`);
			if (['failed', 'aborted', 'paused'].includes(rollout.state)) throw new Error(`rollout ${rollout.state}: ${rollout.reason}`);
			return rollout.state === 'succeeded' && rollout;
		}, 'succeeded rollout');
	}

	async stop() {
		for (const agent of this.agents) {
			await run(program('muster-agent'), ['shutdown', '--dir', agent.dir]).catch(() => undefined);
			await agent.child.stop();
			rmSync(agent.folder, { recursive: true, force: true });
		}
		await this.server.stop();
		if (!process.env.MUSTER_KEEP) rmSync(this.folder, { recursive: true, force: true });
	}
}

const script = (seconds) => `#!/bin/sh
# The heartbeat of a line, every ${seconds} s.
while :; do
	echo "reading taken at \${node.name}"
	sleep ${seconds}
done
`;

export const lineConfig = 'line-heartbeat';

/** What the service of the tests is: a shell script as configuration of the generic driver. */
export const heartbeat = (version) => ({
	service: 'collector',
	driver: 'generic',
	run: true,
	config: { name: lineConfig, version },
	parameters: { command: ['/bin/sh', '${muster.config}/run.sh'] },
});

/** A config in two versions, the first of which runs on the named gateways. */
export async function furnish(plant, names) {
	await plant.api('POST', '/configs', { name: lineConfig, service: 'collector', driver: 'generic', description: 'Heartbeat of a line' });
	await plant.api('POST', `/configs/${lineConfig}/versions`, { message: 'Every 2 s', files: [{ path: 'run.sh', mode: '0755', content: script(2) }] });
	await plant.rollOut({ name: 'First heartbeat', changes: [heartbeat(1)], targets: { nodes: names }, strategy: { health_gate_ms: 200 } });
	await plant.api('POST', `/configs/${lineConfig}/versions`, { message: 'Every second', files: [{ path: 'run.sh', mode: '0755', content: script(1) }] });
}
