// SPDX-License-Identifier: Apache-2.0
// Looking into a running chatd: chatd admin actors, messages, trace, flight.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { before, after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { good, isOwn, rest, say, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';
import { until, within } from './wait.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const SESSIONS = 30;

/** The rows of a table: objects by the names of its columns. */
function table(text) {
	const [head, ...lines] = text.split('\n').map((line) => line.trim().split(/\s+/));
	return lines.map((cells) => Object.fromEntries(cells.map((cell, i) =>
		[head[i], /^\d+$/.test(cell) && head[i] !== 'actor' ? Number(cell) : cell])));
}

describe('a running chatd', { skip: !isOwn && 'not our own server' }, () => {
	let server, gateways;
	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		gateways = await Promise.all(Array.from({ length: SESSIONS }, () =>
			Gateway.login(server, server.tokens[1], { intents: 513 })));
		await Promise.all(gateways.map((g) => g.event('GUILD_CREATE')));
	});
	after(async () => {
		for (const gateway of gateways ?? [])
			gateway.close();
		await server?.close();
	});

	it('lists_its_actors_by_class_and_each_of_one', async () => {
		const classes = Object.fromEntries(table(await server.admin('actors'))
			.map((row) => [row.class, row]));
		assert.equal(classes.guild.actors, 1);
		assert.ok(classes.gate.actors >= 1);
		assert.ok(classes.session.handled >= 2 * SESSIONS);
		assert.ok(classes.session.bytes > 0);
		const sessions = table(await server.admin('actors', 'session'));
		assert.ok(sessions.length >= SESSIONS);
		assert.equal(new Set(sessions.map((s) => s.actor)).size, sessions.length);
		assert.ok(sessions.every((s) => s.phase === 'running'));
		const before = sessions.reduce((sum, s) => sum + s.handled, 0);
		await say(server, 'followed');
		await Promise.all(gateways.map((g) => g.event('MESSAGE_CREATE')));
		const after = table(await server.admin('actors', 'session'))
			.reduce((sum, s) => sum + s.handled, 0);
		assert.ok(after >= before + SESSIONS);
	});

	it('accounts_for_every_message', async () => {
		await until('a still moment', async () => {
			const n = Object.fromEntries((await server.admin('messages')).split('\n')
				.map((line) => line.split(' ')).map(([k, v]) => [k, Number(v)]));
			return n.sent > 0 && n.sent === n.delivered + n.waiting +
				n.dropped_stale + n.dropped_full + n.dropped_end;
		});
	});

	it('shows_the_way_of_a_message', async () => {
		await server.admin('trace', '1');
		await say(server, 'followed');
		await Promise.all(gateways.map((g) => g.event('MESSAGE_CREATE')));
		await server.admin('trace', '0');
		const dump = await server.admin('flight');
		for (const class_name of ['guild', 'relay', 'session'])
			assert.match(dump, new RegExp(`class=${class_name}\\b`));
		const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'flight-'));
		const file = path.join(folder, 'dump');
		await fs.writeFile(file, `${dump}\n`);
		const { stdout } = await promisify(execFile)('python3',
			[path.join(here, '../../scripts/flight'), file], { maxBuffer: 1 << 26 });
		await fs.rm(folder, { recursive: true });
		assert.match(stdout, /relay\.event/);
	});

	it('says_what_is_wrong_with_a_command', async () => {
		await assert.rejects(server.admin('trace'), { code: 1 });
		await assert.rejects(server.admin('trace', 'x'), { code: 1 });
	});

	it('leaves_its_flight_recorder_behind_when_it_crashes', async () => {
		process.kill(server.pid, 'SIGSEGV');
		assert.equal((await within('its end', server.exited)).signal, 'SIGSEGV');
		const dump = await fs.readFile(path.join(server.folder, 'crash.flight'), 'utf8');
		assert.match(dump, /event=start/);
		await assert.rejects(server.admin('actors'), /none runs on/);
	});
});

describe('a user who is reset', { skip: !isOwn && 'not our own server' }, () => {
	let server;
	before(async () => {
		server = await startChatd(['--no-rate-limits']);
	});
	after(() => server?.close());

	const login = (password) => rest(server, null, 'POST', '/auth/login',
		{ login: server.login.login, password });
	const me = async (token) => (await rest(server, token, 'GET', '/users/@me')).status;

	/** What `check` says, now and of a chatd that has read it all again. */
	async function twice(check) {
		await check();
		await server.kill();
		await server.start();
		await check();
	}

	it('has_a_new_password_and_no_login_from_before', async () => {
		const { token } = (await login(server.login.password)).body;
		const session = await Gateway.login(server, token, { intents: 1 });
		// Some of these are overtaken by the reset, wherever they are.
		const logins = Array.from({ length: 6 }, () => login(server.login.password));
		const password = /^password +(\S+)$/.exec(
			await server.admin('reset', server.login.login))[1];
		assert.equal(await session.socket.closeCode(), 4004);
		const tokens = (await Promise.all(logins)).map(({ body }) => body.token)
			.filter(Boolean).concat(token);
		await twice(async () => {
			for (const old of tokens)
				assert.equal(await me(old), 401);
			assert.equal((await login(server.login.password)).status, 401);
			assert.equal(await me((await login(password)).body.token), 200);
		});
		server.login.password = password;
	});

	it('that_is_a_bot_has_a_new_token_alone', async () => {
		const old = [server.tokens[1]];
		const { username } = await good(server, `Bot ${old[0]}`, 'GET', '/users/@me');
		old.push(await server.admin('create-token', username));
		const fresh = await server.admin('reset', username);
		await twice(async () => {
			for (const token of old)
				assert.equal(await me(`Bot ${token}`), 401);
			assert.equal(await me(`Bot ${fresh}`), 200);
			assert.equal(await me(`Bot ${server.tokens[0]}`), 200);
		});
	});

	it('must_be_there', async () => {
		await assert.rejects(server.admin('reset', 'nobody'), { code: 1 });
	});
});
