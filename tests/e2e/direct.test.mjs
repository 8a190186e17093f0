// SPDX-License-Identifier: Apache-2.0
// Direct messages: a person and bots of discord.js and eris.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ChannelType, GatewayIntentBits, Partials } from 'discord.js';
import { isOwn, owner, rest, startChatd } from './chatd.mjs';
import { login } from './conversation.mjs';
import { Gateway } from './socket.mjs';
import { erisClient } from './eris.mjs';
import { first, once, until, within } from './wait.mjs';

const GUILDS = 1, DIRECT = 1 << 12, REACTIONS = 1 << 13, TYPING = 1 << 14;
const PERSON = GUILDS | DIRECT | REACTIONS | TYPING;
const FIRE = '\u{1f525}';

describe('direct messages', { skip: !isOwn }, () => {
	let server, person, bot, gateway, me, channelId;

	const call = (method, path, { token = person, body } = {}) =>
		rest(server, token, method, path, body);

	async function refused(code, ...args) {
		const { status, body } = await call(...args);
		assert.equal(body.code, code, `${args[0]} ${args[1]}: ${status}`);
	}

	const botOf = (token) => login(server, token, {
		intents: [GatewayIntentBits.Guilds, GatewayIntentBits.DirectMessages,
			GatewayIntentBits.DirectMessageReactions,
			GatewayIntentBits.DirectMessageTyping],
		partials: [Partials.Channel],
	});

	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		({ token: person, user_id: me } = await owner(server));
		gateway = await Gateway.login(server, person, { intents: PERSON });
		bot = await botOf(server.tokens[0]);
	});

	after(async () => {
		await bot?.destroy();
		gateway?.close();
		await server?.close();
	});

	it('a_bot_sends_and_a_person_answers', async () => {
		const user = await within('the user', bot.users.fetch(me));
		const sent = await within('a send', user.send('hello there'));
		const channel = (await gateway.event('CHANNEL_CREATE')).d;
		const { d } = await gateway.event('MESSAGE_CREATE');

		channelId = channel.id;
		assert.equal(channel.type, ChannelType.DM);
		assert.deepEqual(channel.recipients.map((r) => r.id), [bot.user.id]);
		assert.equal(d.id, sent.id);
		assert.equal(d.content, 'hello there');
		assert.equal(d.channel_id, channelId);
		assert.ok(!('guild_id' in d) && !('member' in d));

		const heard = first(bot, 'messageCreate', (m) => m.author.id === me);
		const answer = await call('POST', `/channels/${channelId}/messages`,
			{ body: { content: 'hello yourself',
				message_reference: { message_id: sent.id } } });
		assert.equal(answer.status, 200, JSON.stringify(answer.body));
		const message = await heard;
		assert.equal(message.content, 'hello yourself');
		assert.equal(message.guild, null);
		assert.equal(message.channel.type, ChannelType.DM);
		assert.equal((await within('a read', message.fetchReference())).id,
			sent.id);
	});

	it('edits_reactions_typing_pins_and_deletes_reach_the_other_one', async () => {
		const user = bot.users.cache.get(me);
		const message = await within('a send', user.send('first'));
		const collected = message.awaitReactions({ max: 1, time: 60000 });

		await within('an edit', message.edit('second'));
		const edit = await gateway.event('MESSAGE_UPDATE');
		assert.equal(edit.d.content, 'second');
		assert.ok(!('guild_id' in edit.d));

		const emoji = encodeURIComponent(FIRE);
		await call('PUT', `/channels/${channelId}/messages/${message.id}` +
			`/reactions/${emoji}/@me`);
		const reactions = await within('a collected reaction', collected);
		assert.ok(reactions.get(FIRE).users.cache.has(me));
		const { d } = await gateway.event('MESSAGE_REACTION_ADD');
		assert.equal(d.message_id, message.id);
		assert.ok(!('guild_id' in d) && !('member' in d));

		await within('typing', message.channel.sendTyping());
		assert.equal((await gateway.event('TYPING_START')).d.user_id, bot.user.id);
		const typing = first(bot, 'typingStart', (t) => t.user.id === me);
		await call('POST', `/channels/${channelId}/typing`);
		assert.equal((await typing).channel.id, channelId);

		await within('a pin', message.pin());
		await gateway.event('CHANNEL_PINS_UPDATE');
		const pins = await call('GET', `/channels/${channelId}/pins`);
		assert.deepEqual(pins.body.map((m) => m.id), [message.id]);

		await within('a delete', message.delete());
		assert.equal((await gateway.event('MESSAGE_DELETE')).d.id, message.id);
	});

	it('only_the_two_may_look_and_some_actions_are_for_guilds', async () => {
		const other = { token: `Bot ${server.tokens[1]}` };
		const path = `/channels/${channelId}`;
		const [last] = (await call('GET', `${path}/messages`)).body
			.filter((m) => m.author.id === bot.user.id);

		await refused(50001, 'GET', `${path}/messages`, other);
		await refused(50001, 'GET', path, other);
		await refused(50001, 'POST', `${path}/messages`,
			{ ...other, body: { content: 'x' } });
		await refused(50003, 'DELETE', `${path}/messages/${last.id}`);
		await refused(50003, 'POST', `${path}/messages/bulk-delete`,
			{ body: { messages: [last.id, '1'] } });
		await refused(50003, 'PATCH', path, { body: { name: 'x' } });
		await refused(50003, 'POST', `${path}/invites`, { body: {} });
	});

	it('is_opened_with_people_one_knows', async () => {
		const open = (recipient_id, token = person) => ['POST',
			'/users/@me/channels', { token, body: { recipient_id } }];
		const lone = await server.admin('create-bot', 'lone');
		const token = `Bot ${lone.split(/\s+/).at(-1)}`;
		const { body: { id } } = await call('GET', '/users/@me', { token });
		await call('DELETE', `/users/@me/guilds/${server.guildId}`, { token });

		await refused(50007, ...open(id));
		await refused(50007, ...open(me, token));
		await refused(50007, ...open(bot.user.id, `Bot ${server.tokens[1]}`));
		await refused(50033, ...open('1100000000000000000'));
		await refused(50033, ...open(me));
		await refused(50035, 'POST', '/users/@me/channels', { body: {} });
		assert.equal((await call(...open(bot.user.id))).body.id, channelId);
		const twice = await Promise.all([1, 2].map(() => call(...open(me,
			`Bot ${server.tokens[1]}`))));
		assert.equal(twice[0].body.id, twice[1].body.id);
	});

	it('events_need_the_intent_and_the_first_shard', async () => {
		const [token] = server.tokens;
		const without = await Gateway.login(server, token, { intents: GUILDS });
		const second = await Gateway.login(server, token,
			{ intents: DIRECT, identify: { shard: [1, 2] } });
		const first = await Gateway.login(server, token,
			{ intents: DIRECT, identify: { shard: [0, 2] } });
		await call('POST', `/channels/${channelId}/messages`,
			{ body: { content: 'who hears it?' } });
		await first.event('MESSAGE_CREATE');
		for (const deaf of [without, second]) {
			await deaf.beat();
			assert.ok(!deaf.dispatches.some(({ t }) => t === 'MESSAGE_CREATE'));
		}
		for (const one of [without, second, first])
			one.close();
	});

	it('is_closed_until_there_is_a_new_message', async () => {
		const list = async () => (await call('GET', '/users/@me/channels')).body
			.map(({ id }) => id);
		assert.deepEqual(await list(), [channelId]);
		assert.equal((await call('DELETE', `/channels/${channelId}`)).status, 200);
		assert.equal((await gateway.event('CHANNEL_DELETE')).d.id, channelId);
		assert.deepEqual(await list(), []);
		await within('a send', bot.users.cache.get(me).send('open again'));
		assert.equal((await gateway.event('CHANNEL_CREATE')).d.id, channelId);
		await gateway.event('MESSAGE_CREATE');
		assert.deepEqual(await list(), [channelId]);
	});

	it('survives_a_kill_with_what_was_read', async () => {
		const last = await within('a send', bot.users.cache.get(me).send('kept'));
		await bot.destroy();
		gateway.close();
		await server.kill();
		await server.start();
		const again = await Gateway.login(server, person, { intents: PERSON });
		const [channel] = again.ready.private_channels;
		const state = again.ready.read_state.entries
			.find((e) => e.id === channelId);
		assert.equal(channel.id, channelId);
		assert.equal(channel.last_message_id, last.id);
		assert.ok(state.mention_count >= 4, JSON.stringify(state));

		const { body } = await call('GET', `/channels/${channelId}/messages`);
		assert.equal(body[0].content, 'kept');
		await call('POST', `/channels/${channelId}/messages/${last.id}/ack`,
			{ body: {} });
		const ack = await again.event('MESSAGE_ACK');
		assert.equal(ack.d.message_id, last.id);
		again.close();
		bot = await botOf(server.tokens[0]);
		gateway = await Gateway.login(server, person, { intents: PERSON });
		assert.equal(gateway.ready.read_state.entries
			.find((e) => e.id === channelId).mention_count, 0);
	});

	it('is_found_by_the_search_of_each_person', async () => {
		const user = await within('the user', bot.users.fetch(me));
		const sent = await within('a send', user.send('a needle in the haystack'));
		const path = `/channels/${channelId}/messages/search?content=needle`;
		const found = await until('the hit', async () => {
			const { status, body } = await call('GET', path);
			return status === 200 && body.total_results === 1 && body;
		});
		assert.equal(found.messages[0][0].id, sent.id);
		await within('an edit', sent.edit('straw'));
		await until('no hit', async () =>
			(await call('GET', path)).body.total_results === 0);
		await refused(20001, 'GET', path, { token: `Bot ${server.tokens[0]}` });
		await refused(50024, 'GET', `/channels/${server.channelId}` +
			'/messages/search?content=needle');
	});

	it('works_with_eris', async () => {
		const client = erisClient(server, server.tokens[1],
			['guilds', 'directMessages']);
		client.on('error', () => {});
		const ready = once(client, 'ready');
		client.connect();
		await ready;
		try {
			const channel = await within('a channel', client.getDMChannel(me));
			const sent = await within('a send', channel.createMessage('from eris'));
			const { d } = await gateway.event('MESSAGE_CREATE',
				({ id }) => id === sent.id);
			const heard = first(client, 'messageCreate',
				(m) => m.author.id === me);
			await call('POST', `/channels/${d.channel_id}/messages`,
				{ body: { content: 'to eris' } });
			assert.equal((await heard).content, 'to eris');
			const page = await within('a page', channel.getMessages({ limit: 5 }));
			assert.deepEqual(page.map((m) => m.content),
				['to eris', 'from eris']);
		} finally {
			client.disconnect({ reconnect: false });
		}
	});
});
