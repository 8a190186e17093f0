// SPDX-License-Identifier: Apache-2.0
// Everybody at once: logins and resumes by the thousand.
//
//	STORM	how many (2000)

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import { before, after, describe, it } from 'node:test';
import { good, isOwn, say, startChatd } from './chatd.mjs';
import { frame, FrameReader, Gateway, OP } from './socket.mjs';
import { until, within } from './wait.mjs';

const STORM = Number(process.env.STORM ?? 2000);
const PLACES = 32;		// ADMISSION_PLACES, on each core
const INTENTS = 1 | 512 | 32768;

const REQUEST = 'GET /?v=10&encoding=json HTTP/1.1\r\nHost: x\r\n' +
	'Upgrade: websocket\r\nConnection: Upgrade\r\n' +
	'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n' +
	'Sec-WebSocket-Version: 13\r\n\r\n';

/** As little of a client as will do: thousands of them are in this process. */
class Client {
	seq = 0;
	replayed = [];

	constructor(server, on) {
		this.server = server;
		this.on = on;
	}

	open(first) {
		const reader = new FrameReader();
		let head = Buffer.alloc(0), opened = false;
		this.tcp = net.connect(this.server.port, '127.0.0.1', () =>
			this.tcp.write(REQUEST));
		this.tcp.on('error', () => {});
		this.tcp.on('data', (chunk) => {
			if (!opened) {
				head = Buffer.concat([head, chunk]);
				const end = head.indexOf('\r\n\r\n');
				if (end < 0)
					return;
				opened = true;
				chunk = head.subarray(end + 4);
				if (first)
					this.#send(first);
			}
			for (const { opcode, data } of reader.push(chunk))
				if (opcode === OP.text)
					this.#payload(JSON.parse(data));
		});
	}

	#send(payload) {
		this.tcp.write(frame(OP.text, JSON.stringify(payload)));
	}

	#payload({ op, t, s, d }) {
		if (op !== 0)
			return this.on(this, `op ${op}`);
		assert.equal(s, this.seq + 1, 'a hole in the numbers');
		this.seq = s;
		if (t === 'READY')
			this.session = d.session_id;
		if (t === 'MESSAGE_CREATE')
			this.replayed.push(d.content);
		this.on(this, t);
	}

	hello(token) {
		this.token = token;
		this.open();
	}

	identify() {
		this.#send({ op: 2, d: { token: this.token, intents: INTENTS,
			properties: {} } });
	}

	resume() {
		this.open({ op: 6, d: { token: this.token, session_id: this.session,
			seq: this.seq } });
	}
}

const count = (order, what) => order.filter((one) => one === what).length;

describe('a storm', { skip: !isOwn && 'not our own server' }, () => {
	let server, clients;
	const order = [];
	const note = (client, what) => order.push(what);

	before(async () => {
		server = await startChatd(['--no-rate-limits', '--metrics-port', '0']);
		[, server.metrics] = /^chatd: metrics on (\S+)$/m.exec(server.output);
	});
	after(() => server?.close());

	async function figure(name) {
		const response = await within('figures', fetch(server.metrics));
		return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(
			await response.text())[1]);
	}

	const memory = async () => Number(/VmRSS:\s+(\d+)/.exec(await fs.readFile(
		`/proc/${server.pid}/status`, 'utf8'))[1]) * 1024;

	it('of_logins_lets_all_in_a_few_at_a_time', async (t) => {
		const memoryBefore = await memory();
		clients = Array.from({ length: STORM }, () => new Client(server, note));
		for (const [i, client] of clients.entries())
			client.hello(server.tokens[i % 2]);
		await until('all of them', () => count(order, 'op 10') === STORM);
		// All at once, as the server sees it.
		process.kill(server.pid, 'SIGSTOP');
		for (const client of clients)
			client.identify();
		process.kill(server.pid, 'SIGCONT');
		const began = Date.now();
		await until('the first', () => count(order, 'GUILD_CREATE'));
		const first = Date.now() - began;
		await until('all of them', () => count(order, 'GUILD_CREATE') === STORM);
		const last = Date.now() - began;
		assert.equal(count(order, 'READY'), STORM);
		await until('an end of opening', async () =>
			await figure('chatd_sessions_opening') === 0);
		assert.equal(await figure('chatd_sessions_waiting'), 0);
		assert.ok(await figure('chatd_sessions_opened_total') >= STORM);
		const most = await figure('chatd_sessions_opening_most');
		const waited = await figure('chatd_sessions_waiting_most');
		assert.ok(most <= PLACES, `${most} opened at once`);
		assert.ok(waited >= STORM / 2 / os.availableParallelism() - PLACES,
			`only ${waited} waited`);
		const each = (await memory() - memoryBefore) / STORM;
		assert.ok(each < 48 << 10, `${each} bytes a session`);
		t.diagnostic(`the first after ${first} ms, the last after ${last} ms, ` +
			`${waited} waited on one core, ${each | 0} bytes a session`);
	});

	it('of_resumes_loses_nothing', async () => {
		order.length = 0;
		for (const client of clients)
			client.tcp.resetAndDestroy();
		await say(server, 'while all are away');
		for (const client of clients)
			client.resume();
		await until('all of them', () => count(order, 'RESUMED') === STORM);
		assert.equal(count(order, 'op 9'), 0);
		assert.ok(clients.every(({ replayed }) =>
			replayed.join() === 'while all are away'));
		for (const client of clients)
			client.tcp.destroy();
	});
});

const ALL = 0x0331ffff;

describe('a guild in a storm', { skip: !isOwn && 'not our own server' }, () => {
	let server, owner, bots, people;

	const call = (...args) => good(server, ...args);

	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		owner = (await call('', 'POST', '/auth/login', server.login)).token;
		bots = [];
		for (let i = 0; i < 24; i++) {
			const token = await server.bot(`storm${i}`);
			const { id } = await call(`Bot ${token}`, 'GET', '/users/@me');
			bots.push({ token, id });
		}
		people = [];
		for (let i = 0; i < 8; i++) {
			const out = await server.admin('create-user', `person${i}`);
			const { token, user_id } = await call('', 'POST', '/auth/login', {
				login: `person${i}`,
				password: /password\s+(\S+)/.exec(out)[1] });
			people.push({ token, id: user_id });
		}
	});
	after(() => server?.close());

	const join = async (bot, intents = ALL) => {
		const gateway = await Gateway.login(server, bot.token, { intents });
		await gateway.event('GUILD_CREATE');
		return gateway;
	};

	it('of_everyones_tells_each_once_and_in_order', async () => {
		const gateways = await Promise.all([...bots, ...bots, ...bots]
			.map((bot) => join(bot, INTENTS)));
		const sent = await Promise.all(Array.from({ length: 60 }, (_, i) =>
			call(owner, 'POST', `/channels/${server.channelId}/messages`,
				{ content: `@everyone ${i}` })));
		const ids = sent.map((m) => m.id).sort((a, b) => BigInt(a) < BigInt(b) ? -1 : 1);
		assert.ok(sent.every((m) => m.mention_everyone));
		await Promise.all(gateways.map(async (gateway) => {
			for (const id of ids)
				assert.equal((await gateway.event('MESSAGE_CREATE')).d.id, id);
			gateway.close();
		}));
	});

	const sayFence = () => call(owner, 'POST',
		`/channels/${server.channelId}/messages`, { content: 'fence' });

	/** Reads on until it hears what is said now: while it is on its way back in
	 *  it does not, and tries again when it is told that it is in. */
	const hearsAgain = async (session) => {
		for (let heard; heard !== 'MESSAGE_CREATE';) {
			const { id } = await sayFence();
			do {
				const { t, d } = await session.any();
				heard = t !== 'MESSAGE_CREATE' || d.id === id ? t : '';
			} while (!['GUILD_CREATE', 'MESSAGE_CREATE'].includes(heard));
		}
	};

	it('of_joins_and_leaves_ends_where_all_agree', async () => {
		const { code } = await call(owner, 'POST',
			`/channels/${server.channelId}/invites`, { max_age: 0 });
		const watchers = await Promise.all([0, 1, 2].map((i) =>
			join({ token: server.tokens[i % 2] })));
		const sessions = await Promise.all(people.map((one) => join(one)));
		await Promise.all(people.map(async ({ token }) => {
			for (let round = 0; round < 4; round++) {
				await call(token, 'DELETE',
					`/users/@me/guilds/${server.guildId}`);
				await call(token, 'POST', `/invites/${code}`, {});
			}
		}));
		const fence = await sayFence();
		const moves = new Set(people.map((one) => one.id));
		for (const watcher of watchers) {
			await watcher.event('MESSAGE_CREATE', (d) => d.id === fence.id);
			const seen = new Map();
			for (const { t, d } of watcher.dispatches)
				if (/^GUILD_MEMBER_(ADD|REMOVE)$/.test(t) && moves.has(d.user.id))
					seen.set(d.user.id, (seen.get(d.user.id) ?? '') + t[13]);
			assert.deepEqual([...seen.values()], people.map(() => 'RARARARA'));
			watcher.close();
		}
		for (const session of sessions) {
			await hearsAgain(session);
			// Who learns of a leave and the return at once was never away.
			assert.match(session.dispatches.filter(({ t }) =>
				/^GUILD_(CREATE|DELETE)$/.test(t)).map(({ t }) => t[6]).join(''),
			/^C(DC){0,4}$/);
			session.close();
		}
		const members = await call(owner, 'GET',
			`/guilds/${server.guildId}/members?limit=1000`);
		assert.equal(members.length, bots.length + people.length + 3);
	});

	it('of_presences_ends_where_all_agree', async () => {
		const watcher = await join({ token: server.tokens[0] });
		const sessions = await Promise.all(bots.map((bot) => join(bot)));
		const states = ['online', 'idle', 'dnd', 'invisible'];
		await Promise.all(sessions.map(async (session, i) => {
			for (let round = 0; round < 6; round++)
				session.send(3, { since: null, activities: [], afk: false,
					status: states[(i + round) % 4] });
			await session.beat();
		}));
		for (const session of sessions.slice(12)) {
			session.close();
			await session.socket.closeCode();
		}
		const last = (bot) => watcher.dispatches.filter((p) =>
			p.t === 'PRESENCE_UPDATE' && p.d.user.id === bot.id).at(-1)?.d.status;
		const want = bots.map((_, i) => i >= 12 ? 'offline' :
			[...states.slice(0, 3), 'offline'][(i + 5) % 4]);
		while (bots.some((bot, i) => last(bot) !== want[i]))
			await watcher.event('PRESENCE_UPDATE');
		// Who joins now is told the same.
		const late = await Gateway.login(server, server.tokens[1], { intents: ALL });
		const { presences } = (await late.event('GUILD_CREATE')).d;
		for (const [i, bot] of bots.entries())
			assert.equal(presences.find((p) => p.user.id === bot.id)?.status ??
				'offline', want[i]);
		for (const one of [watcher, late, ...sessions.slice(0, 12)])
			one.close();
	});
});
