// SPDX-License-Identifier: Apache-2.0
// Two discord.js clients talk.

import assert from 'node:assert/strict';
import { before, after, describe, it } from 'node:test';
import { isOwn, startChatd } from './chatd.mjs';
import { Client } from 'discord.js';
import { assertSame, converse, heard, history, INTENTS, login,
	record } from './conversation.mjs';
import { Proxy } from './proxy.mjs';
import { once, until, within } from './wait.mjs';

describe('discord.js', () => {
	let server, proxy, ping, pong;

	before(async () => {
		proxy = await Proxy.listen();
		server = await startChatd(['--public-url', proxy.url]);
		proxy.forward(server);
		ping = await login(server, server.tokens[0]);
		pong = await login(server, server.tokens[1]);
	});

	after(async () => {
		await ping?.destroy();
		await pong?.destroy();
		proxy?.close();
		await server?.close();
	});

	it('is_ready_with_guild_channels_and_members', async () => {
		const guild = ping.guilds.cache.get(server.guildId);
		assert.ok(guild.available);
		assert.ok(guild.channels.cache.has(server.channelId));
		assert.equal(guild.members.me.id, ping.user.id);
		assert.notEqual(ping.user.id, pong.user.id);
	});

	it('hears_each_message_once_in_order_and_reads_them_back', async () => {
		await converse(ping, pong, server.channelId, 25, 'hello');
		await converse(pong, ping, server.channelId, 5, 'answer');
	});

	it('reads_pages_before_after_and_around', async () => {
		const channel = await ping.channels.fetch(server.channelId);
		const all = await history(channel);
		const ids = (page) => [...page.keys()];
		const middle = Math.floor(all.length / 2);
		const newest = (from, to) => all.slice(from, to).map((m) => m.id).reverse();
		const fetch = (options) => within('a page',
			channel.messages.fetch({ cache: false, ...options }));

		assert.deepEqual(ids(await fetch({ limit: 7 })),
			newest(all.length - 7));
		assert.deepEqual(ids(await fetch({ limit: 7, before: all[middle].id })),
			newest(middle - 7, middle));
		assert.deepEqual(ids(await fetch({ limit: 7, after: all[middle].id })),
			newest(middle + 1, middle + 8));
		const around = ids(await fetch({ limit: 7, around: all[middle].id }));
		assert.ok(around.includes(all[middle].id));
		assert.equal(around.length, 7);
		assert.deepEqual(ids(await fetch({ limit: 5, before: all[0].id })), []);
		const one = await within('a message', channel.messages.fetch(
			{ message: all[3].id, force: true }));
		assert.equal(one.content, all[3].content);
	});

	it('edits_reacts_replies_and_deletes', async () => {
		const channel = await ping.channels.fetch(server.channelId);
		const update = once(pong, 'messageUpdate');
		const message = await within('a send', channel.send('first'));
		await within('an edit', message.edit('second'));
		assert.equal((await update)[1].content, 'second');

		await within('a reaction', message.react('\u{1f525}'));
		const read = await within('a read', channel.messages.fetch(
			{ message: message.id, force: true }));
		assert.equal(read.reactions.cache.get('\u{1f525}').count, 1);

		const answer = await within('a reply', message.reply('third'));
		assert.equal(answer.reference.messageId, message.id);

		const gone = once(pong, 'messageDelete');
		await within('a delete', message.delete());
		assert.equal((await gone)[0].id, message.id);
		await assert.rejects(channel.messages.fetch(
			{ message: message.id, force: true }), { code: 10008 });
	});

	it('resumes_a_cut_session_without_loss', { skip: !isOwn }, async () => {
		const seen = record(pong, server.channelId);
		const channel = await ping.channels.fetch(server.channelId);
		const sent = [];
		let resumed = 0, identified = 0;
		pong.on('shardResume', () => resumed++);
		pong.on('raw', ({ t }) => { identified += t === 'READY'; });
		for (let i = 0; i < 30; i++) {
			sent.push(await within('a send', channel.send(`cut ${i}`)));
			if (i % 10 === 5)
				proxy.cut();
		}
		await heard(seen, sent.map((m) => m.content));
		await until('a resume', () => resumed);
		assertSame(seen, sent);
		assert.equal(identified, 0);
	});

	it('rejects_a_bad_token_at_once', async () => {
		const client = new Client({ intents: INTENTS,
			rest: { api: `${server.url}/api`, version: '10' } });
		await assert.rejects(within('a refusal', client.login('bad.token')),
			/token/i);
	});
});
