/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks every page in both languages, both themes, at desk and phone width, and writes what it saw into
 * build/screenshots. Run with: node tests/browser/screenshots.mjs [folder [page...]]
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, open, signIn } from './browser.mjs';
import { Plant, furnish, heartbeat, lineConfig, waitFor } from './server.mjs';

const folder = process.argv[2] ?? fileURLToPath(new URL('../../build/screenshots', import.meta.url));
const only = process.argv.slice(3);
const sizes = [[1440, 900], [390, 844]];

const pages = ({ broken, waiting, sites }) => ({
	overview: '/',
	enrol: '/enrol',
	nodes: '/nodes',
	'nodes-peek': '/nodes?q=site%3Dplant-1&node=gw-2',
	node: '/nodes/gw-1',
	'node-config': '/nodes/gw-1?tab=config',
	'node-logs': '/nodes/gw-1?tab=logs',
	'node-events': '/nodes/gw-1?tab=events',
	'node-variables': '/nodes/gw-1?tab=variables',
	configs: '/configs',
	config: `/configs/${lineConfig}`,
	'config-edit': `/configs/${lineConfig}/edit`,
	rollouts: '/rollouts',
	rollout: `/rollouts/${broken}`,
	'rollout-windows': `/rollouts/${waiting}`,
	'rollout-sites': `/rollouts/${sites}`,
	'rollout-new': `/rollouts/new?selector=site%3Dplant-1&service=collector&config=${lineConfig}&version=2`,
	'rollout-strategy': '/rollouts/new?selector=site%3Dplant-1',
	'rollout-plan': `/rollouts/new?selector=%2A&service=collector&config=${lineConfig}&version=2`,
	alerts: '/alerts',
	logs: '/logs',
	packages: '/packages',
	webhooks: '/webhooks',
	audit: '/audit',
	settings: '/settings',
	'settings-users': '/settings?tab=users',
	'settings-system': '/settings?tab=system',
	missing: '/no-such-page',
});

/* What a page shows only after somebody has done something. */
const before = {
	'rollout-plan': async (page) => {
		await page.getByTestId('plan').click();
		await page.waitForSelector('[data-testid=plan-counts]');
	},
	'rollout-strategy': async (page) => {
		await page.locator('input[name=waves-by]').nth(1).check();
		for (const fold of await page.locator('.steps .strategy > summary').all()) await fold.click();
		await page.getByTestId('add-window').click();
	},
};

async function shoot(page, name) {
	await page.waitForSelector('h1:not(.loading-title)');
	await page.waitForFunction(() => ![...document.querySelectorAll('[role=status]')].some((e) => /Loading|加载中/.test(e.textContent ?? '')));
	await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

mkdirSync(folder, { recursive: true });
const browser = await launch();
const plant = await Plant.start();
try {
	const first = await open(browser, plant.url);
	await first.page.goto('/signin');
	await shoot(first.page, 'signin');
	await signIn(first.page, plant.login, plant.password);
	await first.page.waitForSelector('[data-testid=first-run]');
	await shoot(first.page, 'first-run');
	await first.context.close();

	const names = [];
	for (let i = 1; i <= 5; i += 1) {
		names.push(`gw-${i}`);
		await plant.gateway(`gw-${i}`, { site: `plant-${1 + (i % 2)}`, line: String(i) });
	}
	await plant.online(names);
	await furnish(plant, names);
	/* The release ends at once: the first wave fails its gate and the rollout pauses. */
	const broken = await plant.api('POST', '/rollouts', {
		name: 'Broken heartbeat',
		changes: [heartbeat('2.0.0', 2)],
		targets: { selector: '*', confirm_count: names.length },
		strategy: { waves: [1, 2, '100%'], health_gate_ms: 1500, deadline_ms: 20_000 },
	});
	await waitFor(async () => (await plant.api('GET', `/rollouts/${broken.id}`)).state === 'paused', 'paused rollout');
	await plant.api('POST', '/webhooks', { name: 'ops-chat', url: 'http://127.0.0.1:9/hook', events: ['alert.firing', 'alert.resolved', 'rollout.*'] });
	/* Its window is far away: everything waits for it. */
	const waiting = await plant.api('POST', '/rollouts', {
		name: 'At night only',
		changes: [heartbeat('1.0.0', 2)],
		targets: { nodes: names.slice(3) },
		strategy: { waves: { label: 'site' }, windows: [{ cron: '0 2 29 2 *', duration_ms: 3_600_000 }], max_failed_percent: 20, max_unreachable_percent: 10, stop_on_alert: 'critical', new_failure: 'stop' },
	});
	await waitFor(async () => (await plant.api('GET', `/rollouts/${waiting.id}`)).counts.window > 0, 'nodes that wait for their window');
	const sites = await plant.api('POST', '/rollouts', { name: 'One line after the other', changes: [heartbeat('1.0.0', 2)], targets: { nodes: names }, strategy: { waves: { label: 'line', order: ['3', '1'] }, health_gate_ms: 200 }, draft: true });
	const found = pages({ broken: broken.number, waiting: waiting.number, sites: sites.number });
	const chosen = Object.entries(found).filter(([name]) => only.length === 0 || only.includes(name));

	for (const lang of ['en', 'zh']) {
		for (const theme of ['light', 'dark']) {
			for (const [width, height] of sizes) {
				const { page, context, wrong } = await open(browser, plant.url, { lang, theme, width, height });
				await signIn(page, plant.login, plant.password);
				for (const [name, path] of chosen) {
					await page.goto(path);
					await before[name]?.(page);
					await shoot(page, `${name}-${lang}-${theme}-${width}`);
				}
				for (const line of wrong) console.error(line);
				await context.close();
			}
		}
	}
	console.log(`screenshots are in ${folder}`);
} finally {
	await browser.close();
	await plant.stop();
}
