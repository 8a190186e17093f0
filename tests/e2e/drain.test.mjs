// SPDX-License-Identifier: Apache-2.0
// Start and end.  On SIGTERM clients are told to come again, and nothing is lost.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isOwn, program, rest, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';
import { assertDrains, readAll, stream } from './stream.mjs';
import { until, within } from './wait.mjs';

describe('a chatd that is told to stop', { skip: !isOwn && 'not our own server' }, () => {
	it('sends_op_7_and_closes_so_that_clients_resume', async (t) => {
		const server = await startChatd(['--no-rate-limits']);
		t.after(() => server.close());
		const gateways = await Promise.all(Array.from({ length: 20 }, () =>
			Gateway.login(server, server.tokens[1], { intents: 513 })));
		await Promise.all(gateways.map((g) => g.event('GUILD_CREATE')));
		const stopped = server.stop();
		for (const gateway of gateways) {
			await gateway.expect(7);
			assert.equal(await gateway.socket.closeCode(), 1001);
		}
		await stopped;
		await server.start();
		const again = await Gateway.login(server, server.tokens[1], { intents: 513 });
		await again.event('GUILD_CREATE');
		again.close();
	});
});

describe('a chatd that is told to stop under load', { skip: !isOwn && 'not our own server' }, () => {
	it('ends_in_good_order_and_keeps_what_it_acknowledged', async (t) => {
		const server = await startChatd(['--no-rate-limits']);
		t.after(() => server.close());
		const readers = await Promise.all(Array.from({ length: 10 }, () =>
			Gateway.login(server, server.tokens[1], { intents: 513 })));
		const acknowledged = [];
		const senders = Array.from({ length: 16 },
			(_, i) => stream(server, i, acknowledged));
		await until('a stream of sends', () => acknowledged.length > 300);
		await server.stop();
		await Promise.all(senders);
		assert.doesNotMatch(server.errors, /shutdown_incomplete/);
		const shown = [];
		for (const reader of readers) {
			for (;;) {
				const event = await reader.any().catch(() => null);
				if (!event || event.op === 7)
					break;
				if (event.t === 'MESSAGE_CREATE')
					shown.push(event.d.id);
			}
			assert.equal(await reader.socket.closeCode(), 1001);
		}
		await server.start();
		const kept = (await readAll(server)).map((m) => m.id);
		const known = new Set(kept);
		assert.equal(known.size, kept.length);
		assert.deepEqual(acknowledged.filter(({ id }) => !known.has(id)), []);
		assert.deepEqual(shown.filter((id) => !known.has(id)), []);
	});
});

describe('a chatd that is told to stop while it is called', { skip: !isOwn && 'not our own server' }, () => {
	it('answers_every_call_that_it_has_begun', async (t) => {
		const server = await startChatd(['--no-rate-limits']);
		t.after(() => server.close());
		await assertDrains(server);
	});
});

describe('a chatd that is not to wait', { skip: !isOwn && 'not our own server' }, () => {
	it('ends_at_once_when_it_is_told_to_stop_twice', async (t) => {
		const server = await startChatd(['--no-rate-limits']);
		t.after(() => server.close());
		// More than a drain waits for: each takes a core a while.
		const logins = Array.from({ length: 200 }, () => rest(server, null,
			'POST', '/auth/login', { login: 'x', password: 'y' }).catch(() => {}));
		await Promise.race(logins);
		process.kill(server.pid, 'SIGTERM');
		await until('the drain', () => /stopping/.test(server.errors));
		process.kill(server.pid, 'SIGTERM');
		assert.equal((await within('its end', server.exited)).signal, 'SIGTERM');
		await Promise.all(logins);
		await server.start();
	});

	it('ends_at_once_when_it_is_not_ready_yet', async (t) => {
		const first = await startChatd();
		t.after(() => first.close());
		// It waits two seconds for the other's port.
		const folder = path.join(path.dirname(first.folder), 'second');
		const second = spawn(program, ['--data', folder,
			'--port', String(first.port)], { stdio: 'ignore' });
		const ended = new Promise((resolve) =>
			second.once('exit', (code, signal) => resolve(signal)));
		await until('its start', () => fs.existsSync(path.join(folder, 'admin.sock')));
		second.kill('SIGTERM');
		assert.equal(await within('its end', ended), 'SIGTERM');
	});
});

describe('a second chatd', { skip: !isOwn && 'not our own server' }, () => {
	it('does_not_share_a_port_unasked', async (t) => {
		const first = await startChatd();
		t.after(() => first.close());
		await assert.rejects(startChatd(['--port', String(first.port)]),
			/Address already in use/);
	});

	it('has_the_port_as_soon_as_the_first_is_killed', async (t) => {
		const first = await startChatd();
		t.after(() => first.close());
		const killed = first.kill();
		const second = await startChatd(['--port', String(first.port)]);
		t.after(() => second.close());
		await killed;
		assert.equal(second.port, first.port);
	});
});
