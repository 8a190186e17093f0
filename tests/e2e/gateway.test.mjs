// SPDX-License-Identifier: Apache-2.0
// The gateway's protocol, payload by payload.

import assert from 'node:assert/strict';
import { before, after, describe, it } from 'node:test';
import { good, isOwn, owner, say, startChatd } from './chatd.mjs';
import { Gateway, OP, Socket } from './socket.mjs';
import { until } from './wait.mjs';

const INTENTS = 1 | 512 | 32768;

let server;
before(async () => {
	server = await startChatd(['--no-rate-limits']);
});
after(() => server?.close());

const login = (options) => Gateway.login(server, server.tokens[1],
	{ intents: INTENTS, ...options });

const send = (content, token) => say(server, content, token);

const created = (gateway, content) => gateway.event('MESSAGE_CREATE',
	(d) => d.content === content);

async function resume(old, { token = old.token, session_id = old.ready.session_id,
	seq = old.seq, ...options } = {}) {
	const fresh = await Gateway.open(server, options);
	fresh.token = token;
	fresh.ready = old.ready;
	fresh.seq = seq;
	fresh.resume({ token, session_id, seq });
	return fresh;
}

describe('a session', () => {
	it('starts_with_hello_ready_and_its_guild', async () => {
		const gateway = await login();
		assert.equal(gateway.hello.d.heartbeat_interval, 41250);
		assert.equal(gateway.ready.v, 10);
		assert.deepEqual(gateway.ready.guilds,
			[{ id: server.guildId, unavailable: true }]);
		assert.ok(gateway.ready.application.id);
		assert.ok(gateway.ready.resume_gateway_url);
		assert.deepEqual(gateway.ready.private_channels, []);
		const guild = await gateway.event('GUILD_CREATE');
		assert.equal(guild.d.id, server.guildId);
		assert.equal(guild.s, 2);
		gateway.close();
	});

	it('takes_a_token_with_its_prefix', async () => {
		const gateway = await Gateway.open(server);
		gateway.identify({ token: `Bot ${server.tokens[1]}`, intents: 0 });
		await gateway.event('READY');
		gateway.close();
	});

	it('answers_heartbeats_before_and_after_identify', async () => {
		const gateway = await Gateway.open(server);
		await gateway.beat(null);
		await gateway.beat(0);
		gateway.identify({ token: server.tokens[1], intents: INTENTS });
		gateway.send(1, 0);
		await gateway.event('GUILD_CREATE');
		await gateway.beat();
		gateway.close();
	});

	it('gets_only_what_it_has_intents_for', async () => {
		const blind = await login({ intents: 1 });
		const deaf = await login({ intents: 1 | 512 });
		const all = await login();
		for (const gateway of [blind, deaf, all])
			await gateway.event('GUILD_CREATE');
		await send('who hears this');
		assert.equal((await created(all, 'who hears this')).d.author.username, 'ping');
		assert.equal((await deaf.event('MESSAGE_CREATE')).d.content, '');
		await blind.beat();
		assert.ok(!blind.dispatches.some((p) => p.t === 'MESSAGE_CREATE'));
		for (const gateway of [blind, deaf, all])
			gateway.close();
	});

	it('answers_a_close_frame_with_its_code', async () => {
		const gateway = await login();
		gateway.close(1000);
		assert.equal(await gateway.socket.closeCode(), 1000);
		await until('the end', () => gateway.socket.ended);
	});
});

describe('a token that is given up', { skip: !isOwn && 'not our own server' }, () => {
	it('takes_its_sessions_along_and_no_others', async () => {
		const [gone, other] = [await owner(server), await owner(server)];
		const sessions = [];
		for (const { token } of [gone, gone, other])
			sessions.push(await Gateway.login(server, token, { intents: INTENTS }));
		await good(server, gone.token, 'POST', '/auth/logout');
		for (const session of sessions.slice(0, 2)) {
			assert.equal(await session.socket.closeCode(), 4004);
			const again = await Gateway.open(server);
			again.resume({ token: gone.token, session_id: session.ready.session_id,
				seq: session.seq });
			assert.equal((await again.expect(9)).d, false);
			again.close();
		}
		await sessions[2].event('GUILD_CREATE');
		await sessions[2].beat();
		sessions[2].close();
	});
});

describe('resume', () => {
	it('replays_what_was_missed_in_order', async () => {
		let gateway = await login();
		await gateway.event('GUILD_CREATE');
		for (let round = 0; round < 8; round++) {
			const old = gateway;
			gateway.socket.cut();
			const missed = [];
			for (let i = 0; i < 5; i++)
				missed.push(`missed ${round} ${i}`);
			for (const content of missed)
				await send(content);
			gateway = await resume(old);
			await gateway.event('RESUMED');
			assert.deepEqual(gateway.dispatches.slice(0, -1)
				.map((p) => p.d.content), missed);
			assert.equal(gateway.dispatches[0].s, old.seq + 1);
		}
		await send('and on');
		await created(gateway, 'and on');
		gateway.close();
	});

	it('takes_over_a_socket_that_looks_alive', async () => {
		const old = await login();
		await old.event('GUILD_CREATE');
		const fresh = await resume(old);
		await fresh.event('RESUMED');
		await until('the end of the old one', () => old.socket.ended);
		await send('to the new one');
		await created(fresh, 'to the new one');
		fresh.close();
	});

	it('replays_from_any_number_that_was_not_acknowledged', async () => {
		const old = await login();
		await old.event('GUILD_CREATE');
		for (let i = 0; i < 4; i++)
			await send(`n${i}`);
		await created(old, 'n3');
		await old.beat(3);
		const fresh = await resume(old, { seq: 4 });
		await fresh.event('RESUMED');
		assert.deepEqual(fresh.dispatches.map((p) => p.s), [5, 6, 7]);
		fresh.socket.cut();
		const late = await resume(fresh, { seq: 2 });
		await late.expect(9);
		late.socket.end();
	});

	for (const [name, change] of [
		['an_unknown_session', { session_id: 'ab'.repeat(24) }],
		['a_malformed_session', { session_id: 'nonsense' }],
		['a_number_of_the_future', { seq: 1000000 }],
	])
		it(`answers_${name}_with_op_9_and_then_takes_identify`, async () => {
			const old = await login();
			await old.event('GUILD_CREATE');
			const fresh = await resume(old, change);
			assert.equal((await fresh.expect(9)).d, false);
			fresh.seq = 0;
			fresh.identify({ token: server.tokens[1], intents: INTENTS });
			assert.equal((await fresh.event('READY')).s, 1);
			fresh.close();
			old.close();
		});

	it('refuses_another_token_and_another_secret', async () => {
		const old = await login();
		await old.event('GUILD_CREATE');
		const thief = await resume(old, { token: server.tokens[0] });
		assert.equal((await thief.expect(9)).d, false);
		const id = old.ready.session_id;
		const guess = await resume(old, { session_id:
			id.slice(0, -1) + (id.endsWith('0') ? '1' : '0') });
		assert.equal((await guess.expect(9)).d, false);
		await send('still mine');
		await created(old, 'still mine');
		for (const gateway of [thief, guess, old])
			gateway.socket.end();
	});

	it('is_over_after_the_client_closed_with_1000', async () => {
		const old = await login();
		old.close(1000);
		await old.socket.closeCode();
		const fresh = await resume(old);
		await fresh.expect(9);
		fresh.socket.end();
	});

	it('is_possible_after_any_other_code', async () => {
		const old = await login();
		await old.event('GUILD_CREATE');
		old.close(4200);
		assert.equal(await old.socket.closeCode(), 4200);
		const fresh = await resume(old);
		await fresh.event('RESUMED');
		fresh.close();
	});

	it('goes_well_however_often_sockets_are_cut_at_once', async () => {
		let all = await Promise.all(Array.from({ length: 40 }, () => login()));
		await Promise.all(all.map((g) => g.event('GUILD_CREATE')));
		for (let round = 0; round < 3; round++) {
			for (const gateway of all)
				gateway.socket.cut();
			await send(`storm ${round}`);
			all = await Promise.all(all.map((old) => resume(old)));
			await Promise.all(all.map((g) => g.event('RESUMED')));
			for (const gateway of all)
				assert.equal(gateway.dispatches.filter((p) =>
					p.d.content === `storm ${round}`).length, 1);
		}
		for (const gateway of all)
			gateway.close();
	});
});

describe('a client that misbehaves is closed', () => {
	const codeAfter = async (act, path) => {
		const gateway = await Gateway.open(server, { path });
		await act(gateway);
		return gateway.socket.closeCode();
	};
	const identify = (d) => (gateway) => gateway.identify(
		{ token: server.tokens[1], intents: INTENTS, ...d });

	for (const [code, name, act] of [
		[4001, 'for_an_unknown_opcode', (g) => g.send(99, {})],
		[4001, 'for_an_opcode_of_the_server', (g) => g.send(10, {})],
		[4002, 'for_what_is_no_json', (g) => g.socket.frame(OP.text, '{')],
		[4002, 'for_a_binary_payload', (g) => g.socket.frame(OP.binary, '{"op":1}')],
		[4002, 'for_more_than_4096_bytes',
			(g) => g.socket.frame(OP.text, `{"op":1,"d":null${' '.repeat(4096)}}`)],
		[4003, 'for_a_payload_before_identify',
			(g) => g.send(8, { guild_id: '1', query: '', limit: 0 })],
		[4004, 'for_a_bad_token', identify({ token: 'no' })],
		[4010, 'for_a_shard_that_cannot_be', identify({ shard: [3, 3] })],
		[4013, 'for_an_intent_that_does_not_exist', identify({ intents: 1 << 30 })],
		[4013, 'for_no_intents', identify({ intents: undefined })],
	])
		it(`with_${code}_${name}`, async () => {
			assert.equal(await codeAfter(act), code);
		});

	it('with_words_for_who_reads_the_log_of_a_client', async () => {
		const gateway = await Gateway.open(server);
		gateway.identify({ token: 'no', intents: INTENTS });
		await gateway.socket.closeCode();
		assert.equal(gateway.socket.closed.reason, 'Authentication failed.');
	});

	it('with_4005_for_a_second_identify', async () => {
		const gateway = await login();
		gateway.identify({ token: server.tokens[1], intents: 0 });
		assert.equal(await gateway.socket.closeCode(), 4005);
	});

	it('with_4008_for_more_than_120_payloads', async () => {
		const gateway = await Gateway.open(server);
		for (let i = 0; i < 120; i++)
			gateway.send(1, null);
		await gateway.socket.next('an answer');
		assert.equal(gateway.socket.closed, null);
		gateway.send(1, null);
		assert.equal(await gateway.socket.closeCode(), 4008);
	});

	it('with_4012_for_another_version', async () => {
		const socket = await Socket.open(server.url, '/?v=6&encoding=json');
		assert.equal(await socket.closeCode(), 4012);
	});
});

describe('compression', () => {
	it('zlib_stream_is_one_stream_for_each_connection', async () => {
		const gateway = await login({ compress: 'zlib-stream' });
		await gateway.event('GUILD_CREATE');
		for (let i = 0; i < 20; i++) {
			await send(`squeezed ${i}`);
			await created(gateway, `squeezed ${i}`);
		}
		gateway.socket.cut();
		await send('while away');
		const fresh = await resume(gateway, { compress: 'zlib-stream' });
		await created(fresh, 'while away');
		await fresh.event('RESUMED');
		fresh.close();
	});

	it('compress_in_identify_squeezes_large_payloads_alone', async () => {
		const gateway = await login({ identify: { compress: true } });
		await gateway.event('GUILD_CREATE');
		await send('small');
		await created(gateway, 'small');
		const kinds = gateway.socket.frames.map((f) => f.opcode);
		assert.ok(kinds.includes(OP.binary) && kinds.includes(OP.text));
		gateway.close();
	});
});

describe('sharding', () => {
	it('gives_a_guild_to_one_shard', async () => {
		const mine = Number((BigInt(server.guildId) >> 22n) % 2n);
		const shards = await Promise.all([0, 1].map((id) =>
			login({ identify: { shard: [id, 2] } })));
		assert.equal(shards[mine].ready.guilds.length, 1);
		assert.equal(shards[1 - mine].ready.guilds.length, 0);
		assert.deepEqual(shards[1].ready.shard, [1, 2]);
		for (const shard of shards)
			shard.close();
	});
});

describe('op 8', () => {
	it('answers_with_chunks_that_carry_the_nonce', async () => {
		const gateway = await login({ intents: INTENTS | 2 });
		await gateway.event('GUILD_CREATE');
		gateway.send(8, { guild_id: server.guildId, query: '', limit: 0,
			nonce: 'abc' });
		const { d } = await gateway.event('GUILD_MEMBERS_CHUNK');
		assert.equal(d.nonce, 'abc');
		assert.ok(d.members.length >= 3);
		gateway.close();
	});

	it('gives_no_more_than_the_intents_do', async () => {
		const [GUILDS, MEMBERS, PRESENCES] = [1, 2, 256];
		const bot = await good(server, `Bot ${server.tokens[1]}`, 'GET', '/users/@me');
		const cases = [
			[GUILDS, { query: '', limit: 0 }, null],
			[GUILDS, { query: '', limit: 1 }, null],
			[GUILDS, { query: '', limit: 0, user_ids: [] }, null],
			[GUILDS | PRESENCES, { query: '', limit: 0, presences: true }, null],
			[GUILDS, { query: bot.username, limit: 0, presences: true }, [1, null]],
			[GUILDS, { user_ids: bot.id, limit: 0, presences: true }, [1, null]],
			[GUILDS | PRESENCES, { user_ids: [bot.id], presences: true }, [1, 1]],
			[GUILDS | MEMBERS, { query: '', limit: 1, presences: true }, [1, null]],
		];
		for (const [intents, request, expected] of cases) {
			const gateway = await login({ intents });
			await gateway.event('GUILD_CREATE');
			gateway.send(8, { guild_id: server.guildId, ...request, nonce: 'asked' });
			gateway.send(8, { guild_id: server.guildId, user_ids: [bot.id], nonce: 'end' });
			const { d } = await gateway.event('GUILD_MEMBERS_CHUNK');
			assert.deepEqual(d.nonce === 'end' ? null
				: [d.members.length, d.presences?.length ?? null], expected,
			JSON.stringify([intents, request, d]));
			gateway.close();
		}
	});
});

describe('session starts', () => {
	let limited;
	before(async () => {
		limited = await startChatd();
	});
	after(() => limited?.close());

	const left = async () => (await good(limited, `Bot ${limited.tokens[1]}`,
		'GET', '/gateway/bot')).session_start_limit;

	it('are_counted_and_too_many_at_once_refused_with_op_9', async () => {
		const before = await left();
		assert.equal(before.total, 1000);
		assert.equal(before.remaining, before.total);
		assert.ok(before.reset_after > 0);
		const asked = before.max_concurrency + 4;
		const gateways = await Promise.all(Array.from({ length: asked },
			() => Gateway.open(limited)));
		const ops = await Promise.all(gateways.map(async (gateway) => {
			gateway.identify({ token: limited.tokens[1], intents: 0 });
			return (await gateway.socket.next('an answer',
				(f) => f.opcode === OP.text)).data.toString();
		}));
		const ready = ops.filter((text) => text.includes('"READY"'));
		const refused = ops.filter((text) =>
			text === '{"t":null,"s":null,"op":9,"d":false}');
		assert.equal(ready.length + refused.length, asked);
		// A new window may have begun in between.
		assert.ok(ready.length >= before.max_concurrency);
		assert.equal((await left()).remaining, before.total - ready.length);
		if (refused.length) {
			const again = gateways[ops.findIndex((text) => refused.includes(text))];
			await again.beat(null);
			assert.equal(again.socket.closed, null);
		}
		for (const gateway of gateways)
			gateway.close();
	});

	it('are_not_needed_for_resume', async () => {
		const { remaining } = await left();
		const response = await until('a free start', async () => {
			const gateway = await Gateway.open(limited);
			gateway.identify({ token: limited.tokens[1], intents: 1 });
			const first = await gateway.any();
			if (first.t === 'READY')
				return { gateway, d: first.d };
			gateway.socket.end();
			return null;
		});
		const used = remaining - (await left()).remaining;
		response.gateway.socket.cut();
		for (let i = 0; i < 20; i++) {
			const fresh = await Gateway.open(limited);
			fresh.seq = 1;
			fresh.resume({ token: limited.tokens[1],
				session_id: response.d.session_id, seq: 1 });
			await fresh.event('RESUMED');
			fresh.socket.cut();
		}
		assert.equal(remaining - (await left()).remaining, used);
	});
});
