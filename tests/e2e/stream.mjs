// SPDX-License-Identifier: Apache-2.0
// Streams of sends that a server's end cuts off, and what is kept of them.

import assert from 'node:assert/strict';
import { good, rest } from './chatd.mjs';

/** Sends one after another until the server is gone or takes no more; fills in
 * what was acknowledged. */
export async function stream(server, sender, acknowledged) {
	for (let i = 0; ; i++) {
		const answer = await rest(server, `Bot ${server.tokens[sender % 2]}`, 'POST',
			`/channels/${server.channelId}/messages`,
			{ content: `${sender}.${i}` }).catch(() => null);
		if (!answer || answer.status === 503)
			return;
		assert.equal(answer.status, 200);
		acknowledged.push({ id: answer.body.id, content: answer.body.content });
	}
}

/** Every message of the channel, the oldest first. */
export async function readAll(server) {
	const all = [];
	for (let before = ''; ;) {
		const page = await good(server, `Bot ${server.tokens[0]}`, 'GET',
			`/channels/${server.channelId}/messages?limit=100${before}`);
		all.push(...page);
		if (page.length < 100)
			return all.reverse();
		before = `&before=${page.at(-1).id}`;
	}
}
