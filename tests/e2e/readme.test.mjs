// SPDX-License-Identifier: Apache-2.0
// The bot of the README, as a reader would run it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { before, after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';
import { within } from './wait.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const GUILD_MESSAGES = 1 << 9 | 1 << 15;

/** The only code block of this kind in the README. */
async function block(kind) {
	const text = await fs.readFile(path.join(here, '../../README.md'), 'utf8');
	const found = [...text.matchAll(
		new RegExp('^```' + kind + '\\n([^]*?)^```$', 'gm'))];
	assert.equal(found.length, 1);
	return found[0][1];
}

let server, folder, bot;
before(async () => {
	server = await startChatd();
	folder = await fs.mkdtemp(path.join(os.tmpdir(), 'readme-'));
	await fs.symlink(path.join(here, 'node_modules'),
		path.join(folder, 'node_modules'));
});
after(async () => {
	bot?.kill();
	await server?.close();
	await fs.rm(folder, { recursive: true, force: true });
});

describe('README', () => {
	it('has a bot that answers as it stands', async () => {
		const code = await block('js');
		const url = 'http://127.0.0.1:8080';
		assert.ok(code.includes(`${url}/api`));
		await fs.writeFile(path.join(folder, 'bot.mjs'),
			code.replace(url, server.url));
		bot = spawn('node', ['bot.mjs'], { cwd: folder,
			stdio: ['ignore', 'pipe', 'inherit'],
			env: { ...process.env, TOKEN: server.tokens[0] } });
		await within('a bot that is ready', new Promise((resolve) =>
			bot.stdout.on('data', (text) => /is ready/.test(text) && resolve())));

		const other = await Gateway.login(server, server.tokens[1],
			{ intents: 1 | GUILD_MESSAGES });
		await fetch(`${server.url}/api/v10/channels/${server.channelId}/messages`, {
			method: 'POST',
			headers: { Authorization: `Bot ${server.tokens[1]}`,
				'Content-Type': 'application/json' },
			body: JSON.stringify({ content: 'ping' }),
		});
		let answer;
		do
			answer = (await other.event('MESSAGE_CREATE')).d;
		while (answer.content === 'ping');
		assert.equal(answer.content, 'pong');
		other.close();
	});
});
