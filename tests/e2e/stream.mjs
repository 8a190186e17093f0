// SPDX-License-Identifier: Apache-2.0
// Streams of sends that a server's end cuts off, and what is kept of them.

import assert from 'node:assert/strict';
import { good, rest } from './chatd.mjs';
import { connect } from './socket.mjs';
import { until } from './wait.mjs';

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

/** One connection that sends message after message until the server ends it.
 * Resolves with the content of the one that got no answer, or null. */
function sendOn(server, sender, answers) {
	const [stream] = connect(new URL(server.url));
	let heard = '', i = 0, content = null;
	stream.on('error', () => {});
	const next = () => {
		content = `on.${sender}.${i++}`;
		const body = JSON.stringify({ content });
		stream.write(`POST /api/v10/channels/${server.channelId}/messages HTTP/1.1\r\n` +
			`Host: x\r\nAuthorization: Bot ${server.tokens[sender % 2]}\r\n` +
			`Content-Length: ${body.length}\r\n\r\n${body}`);
	};
	stream.on('data', (chunk) => {
		heard += chunk;
		const end = heard.indexOf('\r\n\r\n');
		const length = /\r\nContent-Length: (\d+)/.exec(heard)?.[1];
		if (end < 0 || heard.length < end + 4 + Number(length))
			return;
		answers.push({ content, status: Number(heard.slice(9, 12)) });
		content = null;
		if (/\r\nConnection: close/.test(heard))
			return stream.end();
		heard = '';
		next();
	});
	next();
	return new Promise((resolve) => stream.on('close', () => resolve(content)));
}

/** Stops a server in the midst of sends and starts it again: what was begun has
 * been answered, what was not answered has not been begun. */
export async function assertDrains(server) {
	const answers = [];
	const senders = Array.from({ length: 32 }, (_, i) => sendOn(server, i, answers));
	await until('a stream of sends', () => answers.length > 300);
	await server.stop();
	const unanswered = (await Promise.all(senders)).filter(Boolean);
	await server.start();
	const kept = new Set((await readAll(server)).map((m) => m.content));
	const done = answers.filter(({ status }) => status === 200);
	assert.deepEqual(done.filter(({ content }) => !kept.has(content)), []);
	assert.deepEqual(unanswered.filter((content) => kept.has(content)), []);
	for (const { content, status } of answers)
		assert.ok(status === 200 || (status === 503 && !kept.has(content)), status);
}
