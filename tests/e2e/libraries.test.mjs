// SPDX-License-Identifier: Apache-2.0
// eris and oceanic.js, each with a discord.js client at the other end.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, after, describe, it } from 'node:test';
import { isOwn, startChatd } from './chatd.mjs';
import { heard, login, record } from './conversation.mjs';
import { erisClient } from './eris.mjs';
import { Proxy } from './proxy.mjs';
import { once, until, within } from './wait.mjs';

const require = createRequire(import.meta.url);
const Oceanic = require('oceanic.js');

function oceanicClient(server, token, compress) {
	return new Oceanic.Client({
		auth: `Bot ${token}`,
		rest: { baseURL: `${server.url}/api/v10` },
		gateway: {
			intents: ['GUILDS', 'GUILD_MESSAGES', 'MESSAGE_CONTENT'],
			...(compress && { compress }),
		},
	});
}

const libraries = [
	{
		name: 'eris',
		make: erisClient,
		send: (client, channel, text) => client.createMessage(channel, text),
		page: (client, channel) => client.getMessages(channel, { limit: 20 }),
		leave: (client) => client.disconnect({ reconnect: false }),
	},
	{
		name: 'oceanic.js',
		make: oceanicClient,
		send: (client, channel, text) =>
			client.rest.channels.createMessage(channel, { content: text }),
		page: (client, channel) =>
			client.rest.channels.getMessages(channel, { limit: 20 }),
		leave: (client) => client.disconnect(false),
	},
	{
		name: 'oceanic.js with zlib-stream',
		make: (server, token) => oceanicClient(server, token, 'zlib-stream'),
		send: (client, channel, text) =>
			client.rest.channels.createMessage(channel, { content: text }),
		page: (client, channel) =>
			client.rest.channels.getMessages(channel, { limit: 20 }),
		leave: (client) => client.disconnect(false),
	},
];

for (const library of libraries)
	describe(library.name, () => {
		let server, proxy, client, other;
		const got = [];

		before(async () => {
			proxy = await Proxy.listen();
			server = await startChatd(['--public-url', proxy.url]);
			proxy.forward(server);
			other = await login(server, server.tokens[1]);
			client = library.make(server, server.tokens[0]);
			client.on('error', () => {});
			client.on('messageCreate', (m) => got.push(m.content));
			const ready = once(client, 'ready');
			client.connect();
			await ready;
		});

		after(async () => {
			if (client)
				library.leave(client);
			await other?.destroy();
			proxy?.close();
			await server?.close();
		});

		it('is_ready_with_its_guild', () => {
			assert.ok(client.guilds.has(server.guildId));
		});

		it('talks_with_discord_js', async () => {
			const seen = record(other, server.channelId);
			const channel = await other.channels.fetch(server.channelId);
			for (let i = 0; i < 5; i++)
				await within('a send', library.send(client,
					server.channelId, `from it ${i}`));
			await heard(seen, [0, 1, 2, 3, 4].map((i) => `from it ${i}`));
			await within('a send', channel.send('to it'));
			await until('a message', () => got.includes('to it'));
			const page = await within('a page',
				library.page(client, server.channelId));
			assert.deepEqual(page.slice(0, 6).map((m) => m.content), ['to it',
				...[4, 3, 2, 1, 0].map((i) => `from it ${i}`)]);
		});

		it('resumes_a_cut_session_without_loss', { skip: !isOwn }, async () => {
			const channel = await other.channels.fetch(server.channelId);
			// The other one is cut as well, and one that is destroyed before it
			// is back would try to come back for ever.
			const resumed = Promise.all([client, other].map((one) =>
				once(one, 'shardResume')));
			const sent = [];
			for (let i = 0; i < 20; i++) {
				sent.push(`cut ${i}`);
				await within('a send', channel.send(`cut ${i}`));
				if (i === 7)
					proxy.cut();
			}
			await resumed;
			await until('all messages', () =>
				sent.every((text) => got.includes(text)));
			assert.deepEqual(got.filter((text) => text.startsWith('cut')), sent);
		});
	});
