// SPDX-License-Identifier: Apache-2.0
// Searching through REST, and read states of a person's session.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isOwn, rest, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';
import { until, within } from './wait.mjs';

let server, person;

const call = (method, path, { token = `Bot ${server.tokens[0]}`, body } = {}) =>
	rest(server, token, method, path, body);

async function say(content, { channelId = server.channelId, ...rest } = {}) {
	const { status, body } = await call('POST',
		`/channels/${channelId}/messages`, { body: { content }, ...rest });
	assert.equal(status, 200, JSON.stringify(body));
	return body;
}

function search(query, options) {
	return call('GET', `/guilds/${server.guildId}/messages/search?` +
		new URLSearchParams(query), options);
}

/** Searches until the answer's ids are these, for the index lags. */
async function finds(query, messages, options) {
	const ids = messages.map(({ id }) => id);
	let last;
	try {
		return await until('the hits', async () => {
			last = await search(query, options);
			return last.status === 200 && last.body.messages
				.map(([{ id }]) => id).join() === ids.join() && last.body;
		}, 20000);
	} catch (error) {
		throw new Error(`${JSON.stringify(query)}: wanted ${ids}, got ` +
			JSON.stringify(last), { cause: error });
	}
}

before(async () => {
	server = await startChatd(['--no-rate-limits']);
	const { status, body } = await call('POST', '/auth/login',
		{ token: null, body: server.login });
	assert.equal(status, 200);
	person = body.token;
});

after(() => server.close());

test('finds words, newest first, and pages', async () => {
	const said = [];
	for (let i = 0; i < 7; i++)
		said.unshift(await say(`The Crème brûlée number ${i}`));
	const body = await finds({ content: 'creme BRULEE' }, said);
	assert.equal(body.total_results, 7);
	assert.equal(body.doing_deep_historical_index, false);
	assert.equal(body.messages[0][0].content, said[0].content);
	await finds({ content: 'brulee', limit: 3, offset: 2 }, said.slice(2, 5));
	await finds({ content: 'brulee', sort_order: 'asc', limit: 2 },
		said.slice(-2).reverse());
	await finds({ content: 'brulee', max_id: said[2].id }, said.slice(3));
	await finds({ content: 'brulee', min_id: said[2].id }, said.slice(0, 2));
	await finds({ content: 'nobody said that' }, []);
});

test('finds words of scripts without spaces', async () => {
	const tokyo = await say('昨日は東京都に行きました');
	const seoul = await say('서울에서 만나요');
	await finds({ content: '東京' }, [tokyo]);
	await finds({ content: '京都' }, [tokyo]);
	await finds({ content: '都' }, [tokyo]);
	await finds({ content: '만나' }, [seoul]);
	await finds({ content: '東都' }, []);
});

test('follows edits and deletes', async () => {
	const first = await say('an aardvark passes');
	const second = await say('an aardvark sleeps');
	await finds({ content: 'aardvark' }, [second, first]);
	const path = `/channels/${server.channelId}/messages`;
	await call('PATCH', `${path}/${first.id}`, { body: { content: 'a badger' } });
	await finds({ content: 'aardvark' }, [second]);
	await finds({ content: 'badger' }, [first]);
	await call('DELETE', `${path}/${second.id}`);
	await finds({ content: 'aardvark' }, []);
	const many = [];
	for (let i = 0; i < 3; i++)
		many.push((await say(`capybara ${i}`)).id);
	await finds({ content: 'capybara' }, many.map((id) => ({ id })).reverse());
	const { status } = await call('POST', `${path}/bulk-delete`,
		{ token: person, body: { messages: many } });
	assert.equal(status, 204);
	await finds({ content: 'capybara' }, []);
});

test('filters by author, mention, what it has, and pins', async () => {
	const me = (await call('GET', '/users/@me')).body;
	const link = await say('see https://example.org/zebra');
	const mention = await say(`zebra for <@${me.id}>`);
	const reply = await say('zebra', { token: `Bot ${server.tokens[1]}` });
	await finds({ content: 'zebra', author_id: me.id }, [mention, link]);
	await finds({ content: 'zebra', has: 'link' }, [link]);
	await finds({ content: 'zebra', has: '-link' }, [reply, mention]);
	await finds({ content: 'zebra', mentions: me.id }, [mention]);
	await finds({ content: 'zebra', author_type: 'user' }, []);
	const { status } = await call('PUT',
		`/channels/${server.channelId}/pins/${link.id}`, { token: person });
	assert.equal(status, 204);
	await finds({ content: 'zebra', pinned: 'true' }, [link]);
	await finds({ content: 'zebra', pinned: 'false' }, [reply, mention]);
});

test('text of users is never an operator', async () => {
	const said = await say('okapi "quoted" (AND) NOT near* word : x');
	for (const content of ['okapi "quoted"', '"okapi', 'okapi NOT',
		'okapi* AND', '(okapi', 'word : okapi', 'okapi ^', '{okapi}', 'okapi -'])
		assert.equal((await search({ content })).status, 200, content);
	await finds({ content: 'okapi" NOT "nothing' }, []);
	await finds({ content: '"okapi" "quoted"' }, [said]);
	await finds({ content: 'okapi "' }, [said]);
});

test('refuses what is out of range', async () => {
	for (const query of [{ limit: 26 }, { offset: 9976 }, { has: 'nothing' },
		{ author_id: 'x' }, { content: 'x'.repeat(1025) }]) {
		const { status, body } = await search(query);
		assert.equal(status, 400, JSON.stringify(query));
		assert.equal(body.code, 50035);
	}
	assert.equal((await search({}, { token: 'Bot none' })).status, 401);
});

test('shows nobody what he may not read', async () => {
	const { body: hidden } = await call('POST',
		`/guilds/${server.guildId}/channels`,
		{ token: person, body: { name: 'hidden', type: 0,
			permission_overwrites: [{ id: server.guildId, type: 0,
				allow: '0', deny: '1024' }] } });
	assert.ok(hidden.id, JSON.stringify(hidden));
	const secret = await say('the quokka is secret',
		{ channelId: hidden.id, token: person });
	const open = await say('a quokka in the open');
	await finds({ content: 'quokka' }, [open, secret], { token: person });
	await finds({ content: 'quokka' }, [open]);
	for (const message of [open, secret])
		await finds({ content: 'quokka', channel_id: message.channel_id },
			[message], { token: person });
	const { status, body } = await search({ channel_id: hidden.id });
	assert.equal(status, 403);
	assert.equal(body.code, 50001);
});

test('reindexes on line', { skip: !isOwn }, async () => {
	const said = await say('the platypus is here');
	await finds({ content: 'platypus' }, [said]);
	assert.match(await server.admin('reindex', server.guildId), /^reindexing/);
	const again = await say('another platypus');
	await finds({ content: 'platypus' }, [again, said]);
});

test('the index survives a stop and a kill', { skip: !isOwn }, async () => {
	const before = await say('wombat before the stop');
	await finds({ content: 'wombat' }, [before]);
	await server.stop();
	await server.start();
	const between = await say('wombat between');
	await finds({ content: 'wombat' }, [between, before]);
	const last = await say('wombat just before the kill');
	await call('DELETE', `/channels/${server.channelId}/messages/${before.id}`);
	await server.kill();
	await server.start();
	await finds({ content: 'wombat' }, [last, between]);
});

test('a person is told what was read and mentioned', async () => {
	const me = (await call('GET', '/users/@me', { token: person })).body;
	const entry = async () => {
		const gateway = await Gateway.login(server, person);
		gateway.close();
		return gateway.ready.read_state.entries
			.find(({ id }) => id === server.channelId);
	};
	const ping = await say(`numbat for <@${me.id}>`);
	await until('a mention', async () => (await entry())?.mention_count >= 1);
	const watcher = await Gateway.login(server, person);
	const { status, body } = await call('POST',
		`/channels/${server.channelId}/messages/${ping.id}/ack`,
		{ token: person, body: { token: null } });
	assert.equal(status, 200);
	assert.deepEqual(body, { token: null });
	const { d } = await watcher.event('MESSAGE_ACK');
	assert.equal(d.message_id, ping.id);
	watcher.close();
	const expected = { id: server.channelId, last_message_id: ping.id,
		mention_count: 0 };
	assert.deepEqual(await entry(), expected);
	if (isOwn) {
		await server.kill();
		await server.start();
		assert.deepEqual(await entry(), expected);
	}
	const bot = await Gateway.login(server, server.tokens[0]);
	assert.equal(bot.ready.read_state, undefined);
	bot.close();
});

test('mentions that were counted outlive a kill', { skip: !isOwn }, async () => {
	const me = (await call('GET', '/users/@me', { token: person })).body;
	const entry = async (channelId) => {
		const gateway = await Gateway.login(server, person);
		gateway.close();
		return gateway.ready.read_state.entries.find(({ id }) => id === channelId);
	};
	const { body: other } = await call('POST', `/guilds/${server.guildId}/channels`,
		{ token: person, body: { name: 'other', type: 0 } });
	const read = await say('to be read', { channelId: other.id });
	const before = await entry(server.channelId);
	for (let i = 0; i < 3; i++)
		await say(`numbat ${i} for <@${me.id}>`);
	const counted = before.mention_count + 3;
	await until('three mentions', async () =>
		(await entry(server.channelId)).mention_count === counted);
	// What is acknowledged is durable, and what came before it as well.
	const { status } = await call('POST',
		`/channels/${other.id}/messages/${read.id}/ack`,
		{ token: person, body: { token: null } });
	assert.equal(status, 200);
	await server.kill();
	await server.start();
	assert.deepEqual(await entry(server.channelId),
		{ ...before, mention_count: counted });
	assert.equal((await entry(other.id)).last_message_id, read.id);
});
