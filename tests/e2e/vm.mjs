// SPDX-License-Identifier: Apache-2.0
// The clients' side of tests/kernel/chat.sh: discord.js outside the VM, chatd
// inside it.
//
// usage: node tests/e2e/vm.mjs talk TOKEN_A TOKEN_B COUNT
//        node tests/e2e/vm.mjs read TOKEN COUNT
//        node tests/e2e/vm.mjs refused TOKEN COUNT

import assert from 'node:assert/strict';
import { ChannelType } from 'discord.js';
import { converse, history, login } from './conversation.mjs';
import { within } from './wait.mjs';

const PREFIX = 'from outside';
const server = { url: `http://127.0.0.1:${process.env.PORT_8080}` };

const general = (client) => client.channels.cache.find((channel) =>
	channel.type === ChannelType.GuildText && channel.name === 'general');

const verbs = {
	async talk([tokenA, tokenB, count]) {
		const a = await login(server, tokenA);
		const b = await login(server, tokenB);
		await converse(a, b, general(a).id, Number(count), PREFIX);
		await Promise.all([a.destroy(), b.destroy()]);
	},

	/** Every message once, in the order in which it was sent. */
	async read([token, count]) {
		const client = await login(server, token);
		const texts = (await history(general(client)))
			.map((message) => message.content)
			.filter((text) => text.startsWith(PREFIX));
		assert.deepEqual(texts,
			Array.from({ length: count }, (_, i) => `${PREFIX} ${i}`));
		await client.destroy();
	},

	/** A send is refused, clearly and soon; a page that was read goes on. */
	async refused([token, count]) {
		const client = await login(server, token);
		const url = `${server.url}/api/v10/channels/${general(client).id}/messages`;
		const ask = (options) => fetch(url, { ...options, headers: {
			authorization: `Bot ${token}`, 'content-type': 'application/json' } });
		for (let i = 0; i < 3; i++) {
			const answer = await within('a refusal', ask({
				method: 'POST', body: JSON.stringify({ content: 'into nothing' }) }));
			assert.ok(answer.status >= 500, `${answer.status}`);
			assert.ok((await answer.json()).message);
		}
		const page = await within('a page', ask());
		assert.equal(page.status, 200);
		assert.equal((await page.json()).length, Math.min(count, 50));
		await client.destroy();
	},
};

const [verb, ...args] = process.argv.slice(2);
await verbs[verb](args);
