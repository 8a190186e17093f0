// SPDX-License-Identifier: Apache-2.0
// What a deleted channel leaves behind is swept away: nothing of it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { good, isOwn, owner, rest, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';
import { until, within } from './wait.mjs';

const run = promisify(execFile);
const tool = path.join(path.dirname(process.env.CHATD ??
	'.build/release/bin/chatd'), 'chatd-store');

describe('a deleted channel', { skip: !isOwn }, () => {
	let server, token, bot;

	const call = (method, where, body) => good(server, token, method, where, body);
	const inFolder = (...names) => path.join(server.folder, ...names);

	const make = (name) => call('POST', `/guilds/${server.guildId}/channels`,
		{ name, type: 0 });

	async function fill(channel, count, word) {
		const messages = [];
		for (let i = 0; i < count; i++)
			messages.push(await good(server, bot, 'POST',
				`/channels/${channel.id}/messages`, { content: `${word} ${i}` }));
		return messages;
	}

	async function attach(channel) {
		const form = new FormData();
		form.append('files[0]', new Blob(['data']), 'a.txt');
		const response = await within('an upload', fetch(
			`${server.url}/api/v10/channels/${channel.id}/messages`,
			{ method: 'POST', body: form, headers: { authorization: bot } }));
		assert.equal(response.status, 200);
	}

	/** A number out of a database that chatd may have open. */
	async function count(database, query) {
		const { stdout } = await run('python3', ['-c',
			'import sqlite3, sys\n' +
			'db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True, timeout=30)\n' +
			'print(db.execute(sys.argv[2]).fetchone()[0])', database, query]);
		return Number(stdout);
	}

	const swept = () => until('a swept channel', async () =>
		!await count(inFolder('catalog.db'), 'SELECT count(*) FROM gone'));

	/** Rows of a channel, or of a message's reactions, in a store at rest. */
	async function rows(channel) {
		const { stdout } = await run(tool, ['dump', inFolder('messages')],
			{ maxBuffer: 1 << 26 });
		return stdout.split('\n').filter((line) =>
			line.startsWith(`{"channel":"${channel}"`)).length;
	}

	const found = async (word) => until(`hits of ${word}`, async () => {
		const { status, body } = await rest(server, token, 'GET',
			`/guilds/${server.guildId}/messages/search?content=${word}`);
		return status === 200 && body.total_results;
	});

	async function readStates() {
		const gateway = await Gateway.login(server, token);
		const { read_state: states } = gateway.ready;
		gateway.close();
		return states.entries.map(({ id }) => id);
	}

	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		({ token } = await owner(server));
		bot = `Bot ${server.tokens[0]}`;
	});

	after(() => server.close());

	it('leaves_nothing', async () => {
		const doomed = await make('doomed'), stays = await make('stays');
		const [first, second] = await fill(doomed, 120, 'walrus');
		await fill(stays, 3, 'heron');
		const where = `/channels/${doomed.id}`;
		await call('PUT', `${where}/messages/${first.id}/reactions/%F0%9F%94%A5/@me`);
		await call('PUT', `${where}/pins/${second.id}`);
		await attach(doomed);
		await attach(stays);
		for (const channel of [doomed, stays])
			await call('POST', `/channels/${channel.id}/messages/${first.id}/ack`,
				{ token: null });
		assert.ok((await readStates()).includes(doomed.id));
		assert.equal(await found('walrus'), 120);
		await fs.access(inFolder('attachments', doomed.id));

		await call('DELETE', where);
		await swept();
		await assert.rejects(fs.access(inFolder('attachments', doomed.id)));
		assert.equal((await fs.readdir(inFolder('attachments', stays.id))).length, 1);
		const cell = inFolder('search', `${server.guildId}.db`);
		assert.equal(await count(cell,
			`SELECT count(*) FROM doc WHERE channel = ${doomed.id}`), 0);
		assert.equal(await found('heron'), 3);
		const states = await readStates();
		assert.ok(!states.includes(doomed.id) && states.includes(stays.id));

		await server.stop();
		assert.equal(await rows(doomed.id), 0);
		assert.equal(await rows(first.id), 0);
		assert.equal(await rows(stays.id), 4);
		await server.start();
	});

	it('is_swept_after_a_kill', async () => {
		const doomed = await make('doomed, too');
		await fill(doomed, 30, 'vole');
		await attach(doomed);
		await call('DELETE', `/channels/${doomed.id}`);
		await server.kill();
		assert.equal(await rows(doomed.id), 31);
		await server.start();
		await swept();
		await assert.rejects(fs.access(inFolder('attachments', doomed.id)));
		await server.stop();
		assert.equal(await rows(doomed.id), 0);
	});
});
