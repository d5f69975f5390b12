/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard against a real server and real agents. Run with: node --test tests/browser/ */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { assertAccessible, assertFits, launch, open, signIn } from './browser.mjs';
import { Plant, furnish, lineConfig, waitFor } from './server.mjs';

const names = ['gw-1', 'gw-2', 'gw-3'];
let plant;
let browser;
let tab;

before(async () => {
	browser = await launch();
	plant = await Plant.start();
});

after(async () => {
	await browser?.close();
	await plant?.stop();
});

async function start(options) {
	tab = await open(browser, plant.url, options);
	await signIn(tab.page, plant.login, plant.password);
	return tab.page;
}

afterEach(async () => {
	if (!tab) return;
	const { wrong, context } = tab;
	tab = undefined;
	await context.close();
	assert.deepEqual(wrong, []);
});

test('a wrong password says so in words', async () => {
	tab = await open(browser, plant.url);
	const { page } = tab;
	await page.goto('/nodes');
	await page.waitForURL(/\/signin/);
	await assertAccessible(page, 'sign in');
	await page.fill('input[name=login]', plant.login);
	await page.fill('input[name=password]', 'not the password');
	await page.click('button[type=submit]');
	await page.waitForSelector('[role=alert]');
	/* The browser itself logs every 4xx answer; this one is the point of the test. */
	await waitFor(() => tab.wrong.length > 0, 'console line of the 401');
	tab.wrong = tab.wrong.filter((line) => !/status of 401/.test(line));
});

test('the first run teaches enrolment and shows the node that arrives', async () => {
	const page = await start();
	await page.waitForSelector('[data-testid=first-run]');
	await assertAccessible(page, 'first run');
	await page.goto('/enrol');
	await page.getByRole('button', { name: 'Create token' }).click();
	await page.waitForSelector('.cmd pre');
	assert.match(await page.locator('.cmd pre').innerText(), /muster-agent enroll/);
	await plant.gateway(names[0], { site: 'plant-1', line: '1' });
	await page.waitForSelector('[data-testid=arrived]');
	await plant.gateway(names[1], { site: 'plant-1', line: '2' });
	await plant.gateway(names[2], { site: 'plant-2', line: '1' });
	await plant.online(names);
	await furnish(plant, names);
});

test('the overview counts live and the nodes table filters by its URL', async () => {
	const page = await start();
	await waitFor(async () => (await page.locator('.gauge .big').first().innerText()) === '3', 'three healthy nodes');
	await waitFor(async () => (await page.getByTestId('live').innerText()) === 'Live', 'live stream');
	await assertAccessible(page, 'overview');
	await page.goto('/nodes?q=site%3Dplant-1');
	await waitFor(async () => (await page.getByTestId('nodes').locator('tbody tr').count()) === 2, 'two rows');
	await page.getByRole('searchbox').or(page.getByLabel('Filter nodes')).first().fill('gw-2');
	await page.keyboard.press('Enter');
	await waitFor(async () => (await page.getByTestId('nodes').locator('tbody tr').count()) === 1, 'one row');
	assert.match(page.url(), /gw-2/);
	await assertAccessible(page, 'nodes');
});

test('a node shows why, its services, config, logs and timeline', async () => {
	const page = await start();
	await page.goto(`/nodes/${names[0]}`);
	await page.waitForSelector('[data-testid=service-collector]');
	await waitFor(async () => (await page.getByTestId('service-collector').innerText()).includes('Running'), 'running service');
	assert.ok((await page.getByTestId('why').innerText()).length > 0);
	await page.waitForSelector('[data-testid=desired] tbody tr');
	await assertAccessible(page, 'node');
	await page.goto(`/nodes/${names[0]}?tab=logs`);
	await page.waitForSelector('.ll .msg');
	assert.match(await page.locator('.ll .msg').first().innerText(), /reading taken at gw-1/);
	await page.goto(`/nodes/${names[0]}?tab=config`);
	await page.waitForSelector('pre.code');
	assert.match(await page.locator('pre.code').first().innerText(), /node=gw-1/);
	await page.goto(`/nodes/${names[0]}?tab=events`);
	await page.waitForSelector('.tl li');
	assert.deepEqual(await page.locator('.tabs [aria-current]').allInnerTexts(), ['Events']);
});

test('two versions of a config are compared', async () => {
	const page = await start();
	await page.goto(`/configs/${lineConfig}`);
	await page.waitForSelector('[data-testid=compare] ins, [data-testid=compare] td.a');
	const text = await page.getByTestId('compare').innerText();
	assert.match(text, /interval=1/);
	assert.match(text, /interval=2/);
	await assertAccessible(page, 'config');
});

test('a rollout is planned, started and watched to its end', async () => {
	const page = await start();
	await page.goto(`/rollouts/new?selector=site%3Dplant-1&service=collector&config=${lineConfig}&version=2`);
	await page.getByText('Health gate, soak, limits').click();
	await page.getByLabel('Healthy for (s)').fill('0.2');
	await page.getByLabel('Waves').first().fill('1, 100%');
	await page.getByTestId('plan').click();
	await page.waitForSelector('[data-testid=plan-counts]');
	await assertAccessible(page, 'plan');
	await page.getByTestId('start').click();
	await page.waitForURL(/\/rollouts\/\d+$/);
	await page.waitForSelector('[data-testid=verbs]');
	for (const verb of ['pause', 'resume', 'promote', 'abort', 'rollback']) assert.equal(await page.locator(`[data-verb=${verb}]`).count(), 1, verb);
	/* Not reloaded: the event stream alone brings the end into view. */
	await page.waitForSelector('[data-testid=rollout-state][data-state=succeeded]', { timeout: 60_000 });
	await waitFor(async () => (await page.locator('[data-wave][data-state=succeeded]').count()) === 2, 'two waves done');
	await assertAccessible(page, 'rollout');
	const node = await plant.api('GET', `/nodes/${names[0]}`);
	assert.equal(node.services.find((s) => s.name === 'collector').config.version, 2);
});

test('a webhook shows its secret once and its test delivery', async () => {
	const page = await start();
	await page.goto('/webhooks');
	await page.getByRole('button', { name: 'New webhook' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByLabel('Name').fill('ops');
	/* Nothing listens on the discard port: the delivery exists and fails honestly. */
	await dialog.getByLabel('URL').fill('http://127.0.0.1:9/hook');
	await assertAccessible(page, 'webhook form');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await page.waitForSelector('dialog .cmd pre');
	assert.match(await page.locator('dialog .cmd pre').innerText(), /^whsec_/);
	await page.getByRole('button', { name: 'I have stored it' }).click();
	await page.getByRole('button', { name: 'Send test' }).click();
	await page.waitForSelector('[data-testid=deliveries] tbody tr');
	await assertAccessible(page, 'webhooks');
});

test('every page is accessible and fits in Chinese, dark, on a phone', async () => {
	const page = await start({ lang: 'zh', theme: 'dark', width: 390, height: 844 });
	for (const path of ['/', '/nodes', `/nodes/${names[0]}`, '/configs', `/configs/${lineConfig}`, `/configs/${lineConfig}/edit`, '/rollouts', '/rollouts/1', '/rollouts/new', '/alerts', '/logs', '/packages', '/webhooks', '/audit', '/settings', '/enrol']) {
		await page.goto(path);
		await page.waitForSelector('h1:not(.loading-title)');
		await waitFor(async () => (await page.locator('[role=status]', { hasText: '加载中' }).count()) === 0, `content of ${path}`);
		await assertAccessible(page, path);
		await assertFits(page, path);
	}
});

test('eight tabs share one event stream', async () => {
	const page = await start();
	const pages = [page];
	/* Over HTTP/1.1 a browser opens six connections to a host; a stream per tab would hang the seventh. */
	while (pages.length < 8) {
		const next = await tab.context.newPage();
		await next.goto(`${plant.url}/nodes`);
		pages.push(next);
	}
	for (const one of pages) await waitFor(async () => (await one.getByTestId('live').innerText()) === 'Live', 'live stream in every tab');
	await waitFor(async () => (await pages[7].getByTestId('nodes').locator('tbody tr').count()) === 3, 'rows in the last tab');
});

test('the dashboard says when the server is away and comes back by itself', async () => {
	const page = await start();
	const live = page.getByTestId('live');
	await waitFor(async () => (await live.innerText()) === 'Live', 'live stream');
	await plant.server.stop();
	await waitFor(async () => /Reconnecting|Stale since/.test(await live.innerText()), 'word of the lost stream');
	await plant.serve();
	await waitFor(async () => (await live.innerText()) === 'Live', 'live stream again');
	await waitFor(async () => (await page.locator('.gauge .big').count()) > 0, 'content that stayed');
	/* The browser logs each refused connection; nothing else may be wrong. */
	tab.wrong = tab.wrong.filter((line) => !/ERR_|status of 50[0-9]/.test(line));
});

test('signing out ends the session', async () => {
	const page = await start();
	await page.waitForSelector('.gauges, [data-testid=first-run]');
	await page.getByRole('button', { name: /Account/ }).click();
	await page.getByRole('button', { name: 'Sign out' }).click();
	await page.waitForURL(/\/signin/);
	const status = await page.evaluate(async () => (await fetch('/api/v1/overview')).status);
	assert.equal(status, 401);
	tab.wrong = tab.wrong.filter((line) => !/status of 401/.test(line));
});
