// SPDX-License-Identifier: Apache-2.0
// What the operator does with chatd-store: a backup under load is a prefix of
// what was acknowledged; damage is named, costs what is said, and is repaired.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isOwn, startChatd } from './chatd.mjs';
import { readAll, stream } from './stream.mjs';
import { within } from './wait.mjs';

const SENDERS = 8;
const tool = path.join(path.dirname(process.env.CHATD ??
	'.build/release/bin/chatd'), 'chatd-store');

/** Runs a command of chatd-store. */
const run = (...args) => within(args[0], new Promise((resolve) =>
	execFile(tool, args, { maxBuffer: 1 << 28 }, (error, stdout, stderr) =>
		resolve({ code: error ? error.code : 0, stdout, stderr }))), 60_000);

describe('a store and its operator', { skip: !isOwn && 'not our own server' }, () => {
	let server;
	const acknowledged = [];
	const at = (...names) => path.join(server.folder, ...names);

	before(async () => {
		server = await startChatd(['--no-rate-limits']);
	});
	after(() => server.close());

	/** The ids of a channel's messages in a store at rest, and its rows. */
	async function dump(store) {
		const { code, stdout } = await run('dump', store);
		assert.equal(code, 0);
		const rows = stdout.trim().split('\n').map((line) => JSON.parse(line));
		return { rows, ids: rows.filter(({ channel, space }) => space === 0 &&
			channel === server.channelId).map(({ id }) => BigInt(id)) };
	}

	const grown = (count) => within('messages', (async () => {
		while (acknowledged.length < count)
			await new Promise((next) => setTimeout(next, 1));
	})(), 60_000);

	it('a_backup_under_load_is_a_prefix', async () => {
		const senders = Array.from({ length: SENDERS },
			(_, i) => stream(server, i, acknowledged));
		await grown(200);
		const from = acknowledged.length;
		assert.equal((await run('backup', at('messages'), at('backup'))).code, 0);
		await grown(acknowledged.length + 200);
		await server.stop();
		await Promise.all(senders);
		const whole = (await dump(at('messages'))).ids;
		await fs.mkdir(at('again'));
		assert.equal((await run('restore', at('backup'), at('again', 'store'))).code, 0);
		const { ids } = await dump(at('again', 'store'));
		assert.deepEqual(ids, whole.slice(0, ids.length), 'a prefix');
		assert.ok(ids.length < whole.length, 'it was made under load');
		const there = new Set(ids);
		assert.deepEqual(acknowledged.slice(0, from)
			.filter(({ id }) => !there.has(BigInt(id))), []);
	});

	it('a_damaged_backup_becomes_no_store', async () => {
		await fs.copyFile(at('backup'), at('bad'));
		await flip(at('bad'), 9000);
		const { code, stderr } = await run('restore', at('bad'), at('again', 'bad'));
		assert.equal(code, 1);
		assert.match(stderr, /bad: Bad message/);
		await assert.rejects(fs.stat(at('again', 'bad')));
	});

	async function flip(file, position) {
		const handle = await fs.open(file, 'r+');
		const byte = Buffer.alloc(1);
		await handle.read(byte, 0, 1, position);
		byte[0] ^= 0x10;
		await handle.write(byte, 0, 1, position);
		await handle.close();
	}

	/** Which shard has most commits in its log. */
	async function fuller(store) {
		const used = await Promise.all([0, 1].map(async (shard) => {
			const log = await fs.readFile(path.join(store, `shard-${shard}`, 'log'));
			return log.findLastIndex((byte) => byte);
		}));
		return used[1] > used[0] ? 1 : 0;
	}

	it('a_damaged_commit_is_told_and_the_others_saved', async () => {
		const damaged = at('again', 'damaged'), repaired = at('again', 'repaired');
		await fs.cp(at('messages'), damaged, { recursive: true,
			filter: (name) => !name.endsWith('.sock') });
		const { rows } = await dump(damaged);
		// Behind the frame of the start: the first messages.
		const log = path.join(damaged, `shard-${await fuller(damaged)}`, 'log');
		await flip(log, 4096 + 70);
		const check = await run('check', damaged);
		assert.equal(check.code, 1);
		assert.match(check.stdout, /^unusable: shard \d: Bad message$/m);
		assert.equal((await run('backup', damaged, at('no'))).code, 1);
		await assert.rejects(fs.stat(at('no')));
		const repair = await run('repair', damaged, repaired);
		assert.equal(repair.code, 1);
		assert.match(repair.stdout, /^damaged: shard \d: 1 commits of its log$/m);
		assert.equal((await run('check', repaired)).code, 0);
		const saved = await dump(repaired);
		const whole = new Set(rows.map((row) => JSON.stringify(row)));
		assert.ok(saved.rows.every((row) => whole.has(JSON.stringify(row))));
		const lost = rows.length - saved.rows.length;
		assert.ok(lost >= 1 && lost <= 2 * SENDERS, `${lost} lost`);
	});

	it('a_damaged_superblock_is_mended_by_the_next_start', async () => {
		for (const shard of await fs.readdir(at('messages')))
			if (shard.startsWith('shard-'))
				await flip(at('messages', shard, 'super'), 60);
		const check = await run('check', at('messages'));
		assert.equal(check.code, 0);
		assert.match(check.stdout, /note: shard 0: one of its two superblocks/);
		await server.start();
		const kept = new Set((await readAll(server)).map(({ id }) => id));
		assert.deepEqual(acknowledged.filter(({ id }) => !kept.has(id)), []);
		await server.stop();
		assert.equal((await run('check', at('messages'))).stdout, '');
	});
});
