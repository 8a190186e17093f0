// SPDX-License-Identifier: Apache-2.0
// The web page, used by a person in headless chromium.  SHOTS=folder keeps
// pictures of it.

import assert from 'node:assert/strict';
import path from 'node:path';
import { before, after, describe, it } from 'node:test';
import { chromium } from 'playwright-core';
import { isOwn, say, startChatd } from './chatd.mjs';
import { Proxy } from './proxy.mjs';
import { Gateway } from './socket.mjs';
import { until } from './wait.mjs';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
	'--disable-background-networking', '--disable-component-update', '--disable-sync'];

describe('the web page', () => {
	let server, proxy, browser, page, url;
	const errors = [];

	before(async () => {
		proxy = await Proxy.listen();
		server = await startChatd(['--public-url', proxy.url, '--no-rate-limits']);
		proxy.forward(server);
		url = isOwn ? proxy.url.replace('ws:', 'http:') : server.url;
		browser = await chromium.launch({ args: FLAGS,
			executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });
		page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
		page.setDefaultTimeout(30000);
		page.on('pageerror', (error) => errors.push(error.message));
		page.on('console', (message) => {
			if (/Content Security Policy/.test(message.text()))
				errors.push(message.text());
		});
	});

	after(async () => {
		await browser?.close();
		proxy?.close();
		await server?.close();
	});

	const shot = (name) => process.env.SHOTS && page.screenshot(
		{ path: path.join(process.env.SHOTS, `${name}.png`) });
	const shown = (text) => page.locator('.message .body', { hasText: text });
	const statusIs = (text) => page.locator('#status', { hasText: text }).waitFor();

	const send = (content) => say(server, content);

	it('refuses_a_wrong_password', async () => {
		await page.goto(url);
		await page.getByLabel('User').fill(server.login.login);
		await page.getByLabel('Password').fill('wrong');
		await page.getByRole('button', { name: 'Log in' }).click();
		await page.locator('#login-error', { hasText: 'Wrong' }).waitFor();
		await shot('login');
	});

	it('logs_in_and_shows_guild_channel_and_members', async () => {
		await page.getByLabel('User').fill(server.login.login);
		await page.getByLabel('Password').fill(server.login.password);
		await page.getByRole('button', { name: 'Log in' }).click();
		await statusIs('Online');
		await page.getByRole('heading', { name: '# general' }).waitFor();
		await page.locator('#members', { hasText: 'ping' }).waitFor();
		assert.equal(await page.locator('#me-name').textContent(),
			server.login.login);
	});

	it('sends_and_hears', async () => {
		const gateway = await Gateway.login(server, server.tokens[1],
			{ intents: 1 | 512 | 32768 });
		await page.getByLabel('Message', { exact: true }).fill('hello from a browser');
		await page.keyboard.press('Enter');
		await shown('hello from a browser').waitFor();
		const { d } = await gateway.event('MESSAGE_CREATE');
		assert.equal(d.content, 'hello from a browser');
		assert.equal(d.author.username, server.login.login);
		gateway.close();
		await send('hello to a browser <b>&amp;</b>');
		await shown('hello to a browser <b>&amp;</b>').waitFor();
		await until('one copy', async () =>
			await shown('hello from a browser').count() === 1);
		await shot('chat');
	});

	it('scrolls_back_through_history_without_holes', async () => {
		for (let i = 0; i < 130; i++)
			await send(`line ${String(i).padStart(3, '0')}`);
		await shown('line 129').waitFor();
		await page.reload();
		await shown('line 129').waitFor();
		await until('the beginning', async () => {
			await page.locator('#messages').evaluate((list) => {
				list.scrollTop = 0;
			});
			return await page.locator('#messages .start').count() === 1;
		});
		const bodies = await page.locator('.message .body').allTextContents();
		assert.deepEqual(bodies.filter((text) => text.startsWith('line')),
			Array.from({ length: 130 }, (_, i) =>
				`line ${String(i).padStart(3, '0')}`));
		await shot('history');
	});

	it('comes_back_after_a_cut_and_misses_nothing', { skip: !isOwn }, async () => {
		await page.reload();
		await statusIs('Online');
		await shown('line 129').waitFor();
		proxy.cut();
		for (let i = 0; i < 5; i++)
			await send(`missed ${i}`);
		for (let i = 0; i < 5; i++)
			await shown(`missed ${i}`).waitFor();
		await statusIs('Online');
		const bodies = await page.locator('.message .body').allTextContents();
		assert.deepEqual(bodies.filter((text) => text.startsWith('missed')),
			[0, 1, 2, 3, 4].map((i) => `missed ${i}`));
	});

	it('fits_a_phone', async () => {
		await page.setViewportSize({ width: 390, height: 760 });
		await page.getByRole('button', { name: 'Channels' }).click();
		await page.getByRole('button', { name: '# general' }).click();
		await shown('missed 4').waitFor();
		const width = await page.evaluate(() => document.body.scrollWidth);
		assert.ok(width <= 390, `${width} pixels wide`);
		await shot('phone');
		await page.setViewportSize({ width: 1280, height: 800 });
	});

	it('names_every_control_for_assistive_technology', async () => {
		const nameless = await page.locator('button, input, textarea').evaluateAll(
			(nodes) => nodes.filter((node) => !(node.textContent.trim() ||
				node.getAttribute('aria-label') || node.labels?.length))
				.map((node) => node.outerHTML));
		assert.deepEqual(nameless, []);
	});

	it('logs_out', async () => {
		await page.getByRole('button', { name: 'Log out' }).click();
		await page.getByRole('button', { name: 'Log in' }).waitFor();
		assert.equal(await page.evaluate(() => sessionStorage.length), 0);
		assert.deepEqual(errors, []);
	});
});
