// SPDX-License-Identifier: Apache-2.0
// A power cut of the process: chatd is killed in the middle of a stream of
// sends.  What it acknowledged is there afterwards, once and in order.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOwn, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';
import { readAll, stream } from './stream.mjs';
import { within } from './wait.mjs';

const SENDERS = 8;
const ROUNDS = 4;

describe('a chatd that is killed', { skip: !isOwn && 'not our own server' }, () => {
	it('keeps_every_acknowledged_message_once_in_order', async (t) => {
		const server = await startChatd(['--no-rate-limits']);
		t.after(() => server.close());
		const acknowledged = [];		// of all rounds

		for (let round = 0; round < ROUNDS; round++) {
			const now = [];
			const senders = Array.from({ length: SENDERS }, (_, i) =>
				stream(server, round * SENDERS + i, now));
			await within('a stream of sends', (async () => {
				while (now.length < 150 + 37 * round)
					await new Promise((next) => setTimeout(next, 1));
			})());
			await server.kill();
			await Promise.all(senders);
			acknowledged.push(...now);
			await server.start();

			const kept = await readAll(server);
			const ids = kept.map((m) => BigInt(m.id));
			assert.ok(ids.every((id, i) => !i || ids[i - 1] < id), 'in order');
			assert.equal(new Set(kept.map((m) => m.content)).size, kept.length,
				'once');
			const contents = new Map(kept.map((m) => [m.id, m.content]));
			for (const { id, content } of acknowledged)
				assert.equal(contents.get(id), content);
			// Beyond those: at most the one that each sender waited for.
			assert.ok(kept.length <=
				acknowledged.length + SENDERS * (round + 1));
		}
		t.diagnostic(`${acknowledged.length} acknowledged, none lost`);
	});

	it('showed_nobody_what_it_then_lost', async (t) => {
		const server = await startChatd(['--no-rate-limits']);
		t.after(() => server.close());
		const reader = await Gateway.login(server, server.tokens[1],
			{ intents: 1 | 512 | 32768 });
		const acknowledged = [];
		const senders = Array.from({ length: SENDERS },
			(_, i) => stream(server, i, acknowledged));
		const shown = [];
		await within('a stream of events', (async () => {
			while (shown.length < 200)
				shown.push((await reader.event('MESSAGE_CREATE')).d.id);
		})());
		await server.kill();
		await Promise.all(senders);
		for (;;) {
			const event = await reader.event('MESSAGE_CREATE').catch(() => null);
			if (!event)
				break;
			shown.push(event.d.id);
		}
		await server.start();
		const kept = new Set((await readAll(server)).map((m) => m.id));
		assert.deepEqual(shown.filter((id) => !kept.has(id)), []);
	});
});
