// SPDX-License-Identifier: Apache-2.0
// A file system that is really full: sends are refused with 503 and
// Retry-After, reads go on, and when there is room again so do sends.  Nothing
// acknowledged is lost.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isOwn, startChatd } from './chatd.mjs';
import { within } from './wait.mjs';

const SENDERS = 48;
const CONTENT = '\u{1f4be}'.repeat(1900);	// 7,600 bytes
/** The logs, which are there from the start, and a little for everything. */
const SPACE = 200 << 20;

let mount = null;
try {
	mount = await fs.mkdtemp(path.join(os.tmpdir(), 'chatd-full-'));
	execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SPACE}`, 'none', mount],
		{ stdio: 'ignore' });
} catch {
	mount = null;
}

describe('a full disk', {
	skip: (!isOwn && 'not our own server') || (!mount && 'may not mount a tmpfs'),
}, () => {
	const { TMPDIR } = process.env;
	let server;
	const acknowledged = [];

	before(async () => {
		process.env.TMPDIR = mount;
		server = await startChatd(['--no-rate-limits']);
	});
	after(async () => {
		await server?.close();
		if (TMPDIR === undefined)
			delete process.env.TMPDIR;
		else
			process.env.TMPDIR = TMPDIR;
		execFileSync('umount', ['-l', mount]);
		await fs.rmdir(mount);
	});

	const api = (route, options = {}) => fetch(
		`${server.url}/api/v10/channels/${server.channelId}/messages${route}`, {
			...options,
			headers: {
				Authorization: `Bot ${server.tokens[0]}`,
				'Content-Type': 'application/json',
			},
		});

	async function send() {
		const response = await api('', {
			method: 'POST', body: JSON.stringify({ content: CONTENT }) });
		const body = await response.json();
		if (response.status === 200)
			acknowledged.push(body.id);
		return { status: response.status, body,
			retryAfter: response.headers.get('retry-after') };
	}

	/** Everything there is, oldest first. */
	async function readAll() {
		const ids = [];
		for (let from = ''; ;) {
			const response = await api(`?limit=100${from}`);
			assert.equal(response.status, 200);
			const page = await response.json();
			ids.push(...page.map((message) => message.id));
			if (page.length < 100)
				return ids.reverse();
			from = `&before=${page.at(-1).id}`;
		}
	}

	it('refuses_sends_with_503_and_still_reads', async () => {
		const filler = await fs.open(path.join(mount, 'filler'), 'w');
		const piece = Buffer.alloc(64 << 10);
		await assert.rejects(async () => {
			for (;;)
				await filler.writeFile(piece);
		}, { code: 'ENOSPC' });
		await filler.close();
		let refusal = null;
		await within('a refusal', Promise.all(Array.from({ length: SENDERS }, async () => {
			while (!refusal) {
				const answer = await send();
				if (answer.status !== 200)
					refusal = answer;
			}
		})), 120_000);
		assert.equal(refusal.status, 503);
		assert.ok(Number(refusal.retryAfter) >= 1);
		assert.deepEqual(new Set(await readAll()), new Set(acknowledged));
	});

	const logIn = () => fetch(`${server.url}/api/v10/auth/login`,
		{ method: 'POST', body: JSON.stringify(server.login) });

	it('refuses_what_the_catalog_has_no_room_for_with_503', async () => {
		const refusal = await within('a refusal', (async () => {
			for (;;) {
				const response = await logIn();
				if (response.status !== 200)
					return response;
			}
		})());
		assert.equal(refusal.status, 503);
		assert.ok(Number(refusal.headers.get('retry-after')) >= 1);
	});

	it('goes_on_when_there_is_room_again', async () => {
		await fs.rm(path.join(mount, 'filler'));
		assert.equal((await logIn()).status, 200);
		await within('a send', (async () => {
			while ((await send()).status !== 200)
				;
		})(), 60_000);
		await server.kill();
		await server.start();
		assert.deepEqual(new Set(await readAll()), new Set(acknowledged));
	});
});
