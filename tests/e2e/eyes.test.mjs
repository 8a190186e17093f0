// SPDX-License-Identifier: Apache-2.0
// superdiskd names chatd's connections: an operator sees which session is slow.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { isOwn, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';
import { until, within } from './wait.mjs';

const bin = path.dirname(path.resolve(process.env.CHATD ??
	'.build/release/bin/chatd'));
const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'eyes-e2e-'));
const socket = path.join(folder, 'superdiskd.sock');
process.env.SUPERDISK_SOCKET = socket;	// for all that are started here

let daemon, log = '';

/** Whether this machine lets it measure sockets; the log says why not. */
async function startSuperdiskd() {
	log = '';
	daemon = spawn(path.join(bin, 'superdiskd'), ['--listen', 'none',
		'--no-block', '--sockets', '--advice', '--socket', socket],
	{ stdio: ['ignore', 'ignore', 'pipe'] });
	daemon.stderr.on('data', (text) => { log += text; });
	await until('a superdiskd that is ready', () => / ready /.test(log) ||
		daemon.exitCode !== null);
	return log.includes('sockets=measured');
}

async function stopSuperdiskd() {
	const ended = new Promise((resolve) => daemon.once('exit', resolve));
	daemon.kill('SIGTERM');
	assert.equal(await within('an ended superdiskd', ended), 0);
}

async function slowest() {
	const { stdout } = await promisify(execFile)(path.join(bin, 'superdisk'),
		['sockets', '--json'], { maxBuffer: 1 << 26 });
	return JSON.parse(stdout).slowest;
}

/** Messages into the channel until `condition` holds. */
async function flood(server, condition) {
	const content = 'x'.repeat(2000);
	return until('a slow session with a name', async () => {
		const { status } = await fetch(
			`${server.url}/api/v10/channels/${server.channelId}/messages`, {
				method: 'POST',
				body: JSON.stringify({ content }),
				headers: { authorization: `Bot ${server.tokens[0]}`,
					'content-type': 'application/json' },
			});
		assert.equal(status, 200);
		return condition();
	});
}

const name = (ready) => `${ready.user.id}/${ready.session_id.slice(0, 16)}`;

test('a session that reads nothing is named among the slow ones',
	{ skip: !isOwn && 'a server of its own' }, async (t) => {
		if (!await startSuperdiskd())
			return t.skip(log.trim());
		const server = await startChatd(['--no-rate-limits']);
		after(() => server.close());
		const deaf = await Gateway.login(server, server.tokens[1],
			{ intents: 1 | 512 | 32768 });
		const port = Number(server.port);

		deaf.socket.stream.pause();
		const found = await flood(server, async () => (await slowest()).find(
			(each) => each.name === name(deaf.ready) && each.unsent));
		assert.equal(found.port, port);
		t.diagnostic(JSON.stringify(found));

		// superdiskd comes and goes; chatd goes on, and names who comes then
		deaf.socket.cut();
		await stopSuperdiskd();
		const between = await Gateway.login(server, server.tokens[1]);
		between.close();
		assert.ok(await startSuperdiskd());
		const retry = async () => {
			const later = await Gateway.login(server, server.tokens[1],
				{ intents: 1 | 512 | 32768 });
			later.socket.stream.pause();
			return later;
		};
		let later = await retry(), since = Date.now();
		await flood(server, async () => {
			if (Date.now() - since > 8000) {	// before chatd had tried again
				later.socket.cut();
				later = await retry();
				since = Date.now();
			}
			return (await slowest()).find(
				(each) => each.name === name(later.ready) && each.unsent);
		});
		later.socket.cut();
		await stopSuperdiskd();
		await server.stop();
	});

after(async () => {
	if (daemon?.exitCode === null)
		daemon.kill('SIGKILL');
	await fs.rm(folder, { recursive: true, force: true });
});
