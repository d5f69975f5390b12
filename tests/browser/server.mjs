/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real plant for the browser: musterd standalone and a few real agents, each in a short temporary
 * folder on free ports. Programs come from $MUSTER_BIN, or from the dev preset.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
function request(base, ca, method, path, { token, body, raw, headers: more } = {}) {
	return new Promise((resolve, reject) => {
		const data = raw ?? (body === undefined ? undefined : Buffer.from(JSON.stringify(body)));
		const headers = { Accept: 'application/json' };
		if (token) headers.Authorization = `Bearer ${token}`;
		if (data !== undefined) Object.assign(headers, { 'Content-Type': 'application/json', 'Content-Length': data.length });
		Object.assign(headers, more);
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

/* Ed25519 keys in node come wrapped as DER; the raw key is its last 32 bytes. */
async function releaseKey(plant) {
	const { publicKey, privateKey } = generateKeyPairSync('ed25519');
	const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
	const { key_id: id } = await plant.api('POST', '/release-keys', { name: 'browser-test', public_key: raw.toString('base64') });
	return { id, privateKey };
}

const manifestType = 'application/vnd.muster.package+json';

/* One shell script as a package: archive, manifest, envelope, upload. */
async function publish(plant, key, version, script) {
	const folder = mkdtempSync('/tmp/mb-');
	mkdirSync(join(folder, 'bin'));
	writeFileSync(join(folder, 'bin/heartbeat'), script, { mode: 0o755 });
	await run('tar', ['-C', folder, '--owner=0', '--group=0', '-czf', join(folder, 'archive.tar.gz'), 'bin']);
	const archive = readFileSync(join(folder, 'archive.tar.gz'));
	rmSync(folder, { recursive: true });
	const manifest = Buffer.from(
		JSON.stringify({
			v: 1,
			name: 'heartbeat',
			version,
			platform: 'any',
			archive: { sha256: createHash('sha256').update(archive).digest('hex'), size: archive.length, format: 'tar.gz' },
			service: { driver: 'generic', command: ['${muster.package}/bin/heartbeat', '${muster.config}/line.conf'], probes: [{ kind: 'process', interval_ms: 200 }] },
		}),
	);
	const signed = Buffer.concat([Buffer.from(`DSSEv1 ${manifestType.length} ${manifestType} ${manifest.length} `), manifest]);
	const envelope = { payloadType: manifestType, payload: manifest.toString('base64'), signatures: [{ keyid: key.id, sig: sign(null, signed, key.privateKey).toString('base64') }] };
	const answer = await request(plant.url, plant.ca, 'POST', '/api/v1/packages', {
		token: plant.token,
		raw: archive,
		headers: { 'Content-Type': 'application/octet-stream', 'Muster-Manifest': Buffer.from(JSON.stringify(envelope)).toString('base64') },
	});
	if (answer.status !== 201) throw new Error(`package ${version}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

export class Plant {
	static async start() {
		const plant = new Plant();
		plant.folder = temporaryFolder();
		plant.data = join(plant.folder, 'd');
		plant.agents = [];
		plant.url = `https://127.0.0.1:${await freePort()}`;
		try {
			await plant.serve();
			await plant.#token();
		} catch (error) {
			error.message += `\n${plant.server.tail()}`;
			await plant.stop();
			throw error;
		}
		return plant;
	}

	/** Starts the server, at first or again. */
	async serve() {
		this.server = new Child(
			[program('musterd'), 'standalone', '--data', this.data, '--listen', this.url.slice('https://'.length), '--mqtt-listen', '127.0.0.1:0', '--webhook-allow', '127.0.0.0/8', '--health-interval', '2s'],
			join(this.folder, 'server.log'),
		);
		await this.#ready();
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

const line = (seconds) => `interval=${seconds}
node=\${node.name}
`;

export const lineConfig = 'line-heartbeat';

/** What the service of the tests is: a release of the heartbeat program with a version of its config. */
export const heartbeat = (release, version) => ({
	service: 'collector',
	driver: 'generic',
	run: true,
	package: { name: 'heartbeat', version: release },
	config: { name: lineConfig, version },
});

/** Two releases, of which 2.0.0 ends at once, and a config whose first version runs on the gateways. */
export async function furnish(plant, names) {
	const key = await releaseKey(plant);
	await publish(plant, key, '1.0.0', '#!/bin/sh\n. "$1"\nwhile :; do\n\techo "reading taken at $node"\n\tsleep "$interval"\ndone\n');
	await publish(plant, key, '2.0.0', '#!/bin/sh\necho "cannot read $1: no such register" >&2\nexit 3\n');
	await plant.api('POST', '/configs', { name: lineConfig, service: 'collector', driver: 'generic', description: 'Heartbeat of a line' });
	await plant.api('POST', `/configs/${lineConfig}/versions`, { message: 'Every 2 s', files: [{ path: 'line.conf', mode: '0644', content: line(2) }] });
	await plant.rollOut({ name: 'First heartbeat', changes: [heartbeat('1.0.0', 1)], targets: { nodes: names }, strategy: { health_gate_ms: 200 } });
	await plant.api('POST', `/configs/${lineConfig}/versions`, { message: 'Every second', files: [{ path: 'line.conf', mode: '0644', content: line(1) }] });
}
