// SPDX-License-Identifier: Apache-2.0
// One conversation between two discord.js clients, against any chatd: used by
// the tests here, and against the one inside the VM.

import assert from 'node:assert/strict';
import { Client, GatewayIntentBits, Options } from 'discord.js';
import { within } from './wait.mjs';

export const INTENTS = [
	GatewayIntentBits.Guilds,
	GatewayIntentBits.GuildMessages,
	GatewayIntentBits.MessageContent,
];

/** Logs a discord.js client in; resolves when it is ready.  `options` are the
 * client's, beside and before ours. */
export async function login(server, token, options = {}) {
	const client = new Client({
		intents: INTENTS,
		rest: { api: `${server.url}/api`, version: '10' },
		makeCache: Options.cacheEverything(),
		...options,
	});
	const ready = new Promise((resolve) => client.once('clientReady', resolve));
	await within('login', client.login(token));
	await within('ready', ready);
	return client;
}

/** All MESSAGE_CREATE a client is sent, counted before its cache hides any. */
export function record(client, channelId) {
	const seen = [];
	client.on('raw', ({ t, d }) => {
		if (t === 'MESSAGE_CREATE' && d.channel_id === channelId)
			seen.push({ id: d.id, content: d.content });
	});
	return seen;
}

/** Resolves when `seen` holds a message for each of `contents`. */
export async function heard(seen, contents) {
	await within(`${contents.length} messages`, (async () => {
		while (!contents.every((c) => seen.some((m) => m.content === c)))
			await new Promise((next) => setTimeout(next, 5));
	})());
}

/** Reads a channel's whole history, oldest first, page by page. */
export async function history(channel, limit = 100) {
	const all = [];
	let before;
	for (;;) {
		const page = await within('a page of history',
			channel.messages.fetch({ limit, before, cache: false }));
		const messages = [...page.values()];
		all.push(...messages);
		if (messages.length < limit)
			break;
		before = messages.at(-1).id;
	}
	return all.reverse();
}

/** Checks that messages are those of `sent`, once each, in order. */
export function assertSame(messages, sent) {
	assert.deepEqual(messages.map(({ id, content }) => ({ id, content })),
		sent.map(({ id, content }) => ({ id, content })));
}

/**
 * A sends `count` messages, B hears each once and in order, and both read them
 * back.  Returns what was sent.
 */
export async function converse(a, b, channelId, count, prefix) {
	const seen = record(b, channelId);
	const channelA = await within('the channel', a.channels.fetch(channelId));
	const channelB = await within('the channel', b.channels.fetch(channelId));
	const sent = [];

	for (let i = 0; i < count; i++)
		sent.push(await within('a send', channelA.send(`${prefix} ${i}`)));
	await heard(seen, sent.map((m) => m.content));
	assertSame(seen.filter((m) => m.content.startsWith(prefix)), sent);

	const read = (await history(channelB))
		.filter((m) => m.content.startsWith(prefix));
	assertSame(read, sent);
	return sent;
}
