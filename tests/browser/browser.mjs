/* SPDX-License-Identifier: Apache-2.0 */
/* Debian's chromium, driven by playwright-core of the dashboard's own packages. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export async function launch() {
	return chromium.launch({
		executablePath: process.env.MUSTER_CHROMIUM ?? '/usr/bin/chromium',
		args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--ignore-certificate-errors'],
	});
}

/** A page with chosen language and theme that collects whatever is wrong with it. */
export async function open(browser, url, { lang = 'en', theme = 'light', width = 1440, height = 900 } = {}) {
	const phone = width < 720;
	const context = await browser.newContext({ baseURL: url, ignoreHTTPSErrors: true, viewport: { width, height }, isMobile: phone, hasTouch: phone, reducedMotion: 'reduce', locale: lang === 'zh' ? 'zh-CN' : 'en-GB' });
	await context.addInitScript(
		([l, t]) => {
			if (!localStorage.getItem('muster.lang')) localStorage.setItem('muster.lang', l);
			if (!localStorage.getItem('muster.theme')) localStorage.setItem('muster.theme', t);
		},
		[lang, theme],
	);
	const page = await context.newPage();
	const wrong = [];
	page.on('console', (message) => {
		if (message.type() === 'error' || message.type() === 'warning') wrong.push(`console ${message.type()}: ${message.text()} (${page.url()})`);
	});
	page.on('pageerror', (error) => wrong.push(`page error: ${error.message} (${page.url()})`));
	page.on('request', (request) => {
		const to = new URL(request.url());
		if (to.protocol !== 'data:' && to.origin !== new URL(url).origin) wrong.push(`request to another host: ${request.url()}`);
	});
	return { page, context, wrong };
}

export async function signIn(page, login, password) {
	await page.goto('/signin');
	await page.fill('input[name=login]', login);
	await page.fill('input[name=password]', password);
	await page.click('button[type=submit]');
	await page.waitForSelector('.top');
}

/** Fails with what axe found, in words. */
export async function assertAccessible(page, where) {
	await page.evaluate(axeSource);
	const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
	const words = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join('; ')}`);
	assert.deepEqual(words, [], `axe on ${where}`);
}

/** Nothing may stick out sideways, however narrow the window is. */
export async function assertFits(page, where) {
	const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	assert.ok(over <= 0, `${where} is ${over} px too wide`);
}
