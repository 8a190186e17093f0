// SPDX-License-Identifier: Apache-2.0
// Clients that stop: reading, beating, or both; and a server that has no
// descriptors left.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import { before, after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { isOwn, say, startChatd } from './chatd.mjs';
import { Gateway, OP, Socket } from './socket.mjs';
import { until } from './wait.mjs';

const run = promisify(execFile);
const INTENTS = 1 | 512 | 32768;

const resume = async (server, old) => {
	const fresh = await Gateway.open(server);
	fresh.seq = old.seq;
	fresh.resume({ token: old.token, session_id: old.ready.session_id,
		seq: old.seq });
	return fresh;
};

// So few that every socket is parked: known to the ring alone.
const FEW = ['prlimit', '--nofile=80'];

for (const [what, under] of Object.entries({ 'a client': [],
	'a client whose socket is parked': FEW }))
describe(`${what} that stops reading`, { skip: !isOwn && 'not our own server' }, () => {
	let server;
	before(async () => {
		server = await startChatd(['--no-rate-limits', '--stall-ms', '1500'],
			under);
	});
	after(() => server?.close());

	it('is_cut_delays_nobody_and_loses_nothing', async () => {
		const [slow, reader] = await Promise.all([1, 1].map((i) =>
			Gateway.login(server, server.tokens[i], { intents: INTENTS })));
		for (const gateway of [slow, reader])
			await gateway.event('GUILD_CREATE');
		slow.socket.tcp.pause();
		const big = { content: 'x'.repeat(1900), embeds: [
			{ title: 'big', description: '\u00e9'.repeat(4000) },
			{ description: '\u00e9'.repeat(1900) }] };
		let sent = 0;
		// More than the sockets between them hold.
		await until('a cut', async () => {
			await Promise.all(Array.from({ length: 16 }, () => say(server, big)));
			sent += 16;
			return /session cut user=\d+ why=slow/.test(server.errors);
		});
		for (let i = 0; i < sent; i++)
			await reader.event('MESSAGE_CREATE');
		// What was on its way is read; then the stream ends.
		slow.socket.tcp.resume();
		const early = [];
		for (;;) {
			const event = await slow.event('MESSAGE_CREATE').catch(() => null);
			if (!event)
				break;
			early.push(event.d.id);
		}
		assert.ok(early.length < sent);
		const fresh = await resume(server, slow);
		await fresh.event('RESUMED');
		const late = fresh.dispatches.slice(0, -1).map((p) => p.d.id);
		assert.deepEqual([...early, ...late], reader.dispatches
			.filter((p) => p.t === 'MESSAGE_CREATE').map((p) => p.d.id));
		for (const gateway of [fresh, reader])
			gateway.close();
	});
});

describe('a client that falls silent', { skip: !isOwn && 'not our own server' }, () => {
	let server;
	before(async () => {
		server = await startChatd(['--no-rate-limits', '--heartbeat-ms', '400']);
	});
	after(() => server?.close());

	it('is_closed_with_4000_and_can_resume', async () => {
		const old = await Gateway.login(server, server.tokens[1],
			{ intents: INTENTS });
		assert.equal(old.hello.d.heartbeat_interval, 400);
		await old.event('GUILD_CREATE');
		assert.equal(await old.socket.closeCode(), 4000);
		await say(server, 'while away');
		const fresh = await resume(server, old);
		await fresh.event('RESUMED');
		assert.equal(fresh.dispatches[0].d.content, 'while away');
		fresh.close();
	});

	it('stays_as_long_as_it_beats', async () => {
		const gateway = await Gateway.login(server, server.tokens[1],
			{ intents: INTENTS });
		const end = Date.now() + 2000;
		while (Date.now() < end) {
			await gateway.beat();
			await new Promise((next) => setTimeout(next, 50));
		}
		assert.equal(gateway.socket.closed, null);
		gateway.close();
	});
});

describe('a server without descriptors', { skip: !isOwn && 'not our own server' }, () => {
	let server;
	before(async () => {
		server = await startChatd(['--no-rate-limits']);
	});
	after(() => server?.close());

	const used = async () => (await fs.readdir(`/proc/${server.pid}/fd`)).length;
	const limit = (n) => run('prlimit', ['--pid', server.pid, `--nofile=${n}:`]);
	const cpu = async () => {
		const stat = await fs.readFile(`/proc/${server.pid}/stat`, 'utf8');
		const [, , , , , , , , , , , utime, stime] = stat
			.slice(stat.lastIndexOf(')') + 2).split(' ');
		return Number(utime) + Number(stime);
	};

	it('serves_those_it_has_and_later_the_others', async () => {
		const old = await Gateway.login(server, server.tokens[1],
			{ intents: INTENTS });
		await old.event('GUILD_CREATE');
		await say(server, 'first');
		await limit(await used() + 8);
		const many = Array.from({ length: 60 }, () => Socket.open(server.url)
			.catch(() => null));
		await until('a refusal', () => /accept_failed/.test(server.errors));
		// Who is in goes on, and nobody spins over who is not.
		for (let i = 0; i < 20; i++)
			await old.beat();
		const before = await cpu();
		await new Promise((next) => setTimeout(next, 2000));
		const ticks = await cpu() - before;
		assert.ok(ticks < 100, `${ticks} ticks of 200 for nothing`);
		assert.ok(server.errors.match(/accept_failed/g).length < 100);
		await limit(4096);
		const sockets = await Promise.all(many);
		assert.ok(sockets.every((socket) => socket), 'all came in in the end');
		await say(server, 'second');
		await old.event('MESSAGE_CREATE', (d) => d.content === 'second');
		for (const socket of sockets)
			socket.end();
		old.close();
	});
});

describe('a server with more clients than descriptors', { skip: !isOwn && 'not our own server' }, () => {
	const LIMIT = 240, CLIENTS = 400, AT_ONCE = 40;
	const gateways = [];
	let server;
	before(async () => {
		server = await startChatd(['--no-rate-limits', '--cores', '2'],
			['prlimit', `--nofile=${LIMIT}`]);
	});
	after(() => server?.close());

	it('serves_them_all', async () => {
		// A handshake needs two for a moment.
		while (gateways.length < CLIENTS)
			gateways.push(...await Promise.all(Array.from({ length: AT_ONCE },
				(_, i) => Gateway.login(server, server.tokens[i % 2],
					{ intents: INTENTS }))));
		const used = await fs.readdir(`/proc/${server.pid}/fd`);
		assert.ok(used.length < LIMIT, `${used.length} descriptors`);
		for (let i = 0; i < 3; i++)
			await say(server, { content: `to all ${i}` });
		await Promise.all(gateways.map(async (gateway) => {
			for (let i = 0; i < 3; i++) {
				const { d } = await gateway.event('MESSAGE_CREATE');
				assert.equal(d.content, `to all ${i}`);
			}
			await gateway.beat();
		}));
	});

	it('lets_go_of_them_in_every_way', async () => {
		const [cut, closed, rude, taken, ...others] = gateways.reverse();
		cut.socket.cut();
		closed.close(1000);
		assert.equal(await closed.socket.closeCode(), 1000);
		rude.socket.frame(OP.text, '{');
		assert.equal(await rude.socket.closeCode(), 4002);
		const fresh = await resume(server, taken);
		await fresh.event('RESUMED');
		assert.equal(await taken.socket.closeCode(), 4000);
		await say(server, { content: 'after all' });
		await Promise.all([fresh, ...others].map((gateway) =>
			gateway.event('MESSAGE_CREATE', (d) => d.content === 'after all')));
		for (const gateway of [fresh, ...others])
			gateway.close();
	});
});
