/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard against a real server and real agents. Run with: node --test tests/browser/ */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { assertAccessible, assertFits, launch, open, signIn } from './browser.mjs';
import { Plant, furnish, heartbeat, lineConfig, waitFor } from './server.mjs';

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
	await page.getByText('Gate: health, shares, alerts, limits').click();
	await page.getByLabel('Healthy for (s)').fill('0.2');
	await page.getByLabel('Waves', { exact: true }).fill('1, 100%');
	await page.getByTestId('plan').click();
	await page.waitForSelector('[data-testid=plan-counts]');
	/* The file names its node, so that the diff of each is its own: a group per node, with lines and nodes. */
	assert.equal(await page.locator('[data-testid=plan-group][data-kind=change]').count(), 2);
	await page.getByRole('button', { name: /Show diff/ }).first().click();
	await waitFor(async () => /interval=1/.test(await page.getByTestId('plan-group').first().innerText()), 'lines of the diff');
	await page.getByRole('button', { name: 'Show nodes' }).first().click();
	await waitFor(async () => (await page.getByTestId('plan-nodes').locator('li').count()) === 1, 'the node of the group');
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

test('a plan that no longer holds shows what is different and asks again', async () => {
	const page = await start();
	await page.goto(`/rollouts/new?selector=*&service=collector&config=${lineConfig}&version=1`);
	await page.getByTestId('plan').click();
	await page.getByTestId('confirm').fill('2');
	await waitFor(async () => (await page.getByTestId('start').getAttribute('aria-disabled')) === 'true', 'a start that wants the right number');
	/* Meanwhile somebody else gives one of the nodes what the plan wanted to give it. */
	await plant.rollOut({ changes: [heartbeat('1.0.0', 1)], targets: { nodes: [names[0]] }, strategy: { health_gate_ms: 200 } });
	await page.getByTestId('confirm').fill(String(names.length));
	await page.getByTestId('start').click();
	await page.waitForSelector('[data-testid=plan-moved]');
	/* Half a control below the sticky bar is too small a target, to axe at least. */
	await page.evaluate(() => globalThis.scrollTo(0, 0));
	await assertAccessible(page, 'plan that moved');
	await page.getByTestId('plan-accept').click();
	await waitFor(async () => (await page.getByTestId('plan-moved').count()) === 0, 'the new plan');
	/* The browser itself logs every 4xx answer; this one is the point of the test. */
	tab.wrong = tab.wrong.filter((line) => !/status of 409/.test(line));
});

test('a failed rollout groups its failures, tells the gate, and takes a cause out', async () => {
	const page = await start();
	const made = await plant.api('POST', '/rollouts', {
		name: 'Broken heartbeat',
		changes: [heartbeat('2.0.0', 2)],
		targets: { nodes: names },
		strategy: { waves: [1, '100%'], health_gate_ms: 500, deadline_ms: 20_000 },
	});
	await page.goto(`/rollouts/${made.number}`);
	await page.waitForSelector('[data-testid=rollout-state][data-state=paused]', { timeout: 60_000 });
	await page.waitForSelector('[data-testid=cause]');
	assert.match(await page.getByTestId('cause').innerText(), /no such register/);
	assert.match(await page.getByTestId('gate').innerText(), /1 failed, 0 allowed/);
	assert.match(await page.getByTestId('ways').innerText(), /Resume/);
	await assertAccessible(page, 'paused rollout');
	/* The cause is a filter of the steps too. */
	await page.getByTestId('cause').locator('button.link').click();
	await waitFor(async () => (await page.getByTestId('steps').locator('tbody tr').count()) === 1, 'the step that failed of it');
	await page.getByRole('button', { name: /^Why\?/ }).click();
	await page.waitForSelector('dialog [data-testid=waits], dialog p');
	await assertAccessible(page, 'why of a step');
	await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
	await page.getByRole('button', { name: /^Exclude 1 node/ }).click();
	await assertAccessible(page, 'exclude');
	await page.getByRole('dialog').getByRole('button', { name: 'Exclude' }).click();
	await waitFor(async () => (await plant.api('GET', `/rollouts/${made.id}`)).counts.skipped === 1, 'the node that was taken out');
	await waitFor(async () => (await page.getByTestId('cause').count()) === 0, 'no failure left');
	await plant.api('POST', `/rollouts/${made.id}/abort`, {});
});

test('update windows say when they open next', async () => {
	const page = await start();
	await page.goto('/rollouts/new?selector=site%3Dplant-1');
	await page.getByText('When: start, windows, deadlines, retries').click();
	await page.getByTestId('add-window').click();
	const line = page.getByTestId('window');
	assert.match(await line.innerText(), /Opens next: .* 02:00/);
	await line.getByRole('button', { name: 'Sun' }).click();
	assert.equal(await line.getByLabel('As cron').inputValue(), '0 2 * * 1,2,3,4,5,6');
	await line.getByLabel('As cron').fill('0 2 30 2 *');
	assert.match(await line.innerText(), /never opens/);
	await assertAccessible(page, 'windows');
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
