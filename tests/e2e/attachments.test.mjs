// SPDX-License-Identifier: Apache-2.0
// Files of messages: sent by discord.js and eris, fetched over HTTP.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { AttachmentBuilder, EmbedBuilder } from 'discord.js';
import { isOwn, makeAdministrator, startChatd } from './chatd.mjs';
import { login } from './conversation.mjs';
import { erisClient } from './eris.mjs';
import { first, once, until, within } from './wait.mjs';

const MIB = 1 << 20;

describe('attachments', { skip: !isOwn }, () => {
	let server, bot, other, channel;

	const fetchFile = (url) => within(`GET ${url}`, fetch(url));

	async function bytes(url) {
		const response = await fetchFile(url);
		assert.equal(response.status, 200);
		return Buffer.from(await response.arrayBuffer());
	}

	async function upload(files, json = {}, more = '', method = 'POST',
		token = server.tokens[0]) {
		const form = new FormData();
		form.append('payload_json', JSON.stringify(json));
		files.forEach(({ name, data }, i) =>
			form.append(`files[${i}]`, new Blob([data]), name));
		const response = await within('an upload', fetch(
			`${server.url}/api/v10/channels/${server.channelId}/messages${more}`,
			{ method, body: form, headers: { authorization: `Bot ${token}` } }));
		return { status: response.status, body: await response.json() };
	}

	/** Names below the folder of the channel's files. */
	const kept = () => fs.readdir(path.join(server.folder, 'attachments',
		server.channelId));

	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		bot = await login(server, server.tokens[0]);
		other = await login(server, server.tokens[1]);
		await makeAdministrator(server, bot.user.id);
		channel = await bot.channels.fetch(server.channelId);
	});

	after(async () => {
		await bot?.destroy();
		await other?.destroy();
		await server?.close();
	});

	it('are_sent_heard_of_and_fetched', async () => {
		const picture = crypto.randomBytes(70000);
		const heard = first(other, 'messageCreate', (m) => m.attachments.size);
		const sent = await within('a send', channel.send({
			content: 'look',
			files: [new AttachmentBuilder(picture,
				{ name: 'a picture.png', description: 'noise' }),
			{ attachment: Buffer.from('héllo'), name: 'note.txt' }],
		}));
		const message = await heard;
		assert.equal(message.id, sent.id);
		assert.equal(message.content, 'look');
		const [one, two] = message.attachments.values();
		assert.equal(one.name, 'a_picture.png');
		assert.equal(one.description, 'noise');
		assert.equal(one.contentType, 'image/png');
		assert.equal(one.size, picture.length);
		assert.ok(picture.equals(await bytes(one.url)));
		assert.equal((await bytes(two.url)).toString(), 'héllo');

		const response = await fetchFile(one.url);
		assert.equal(response.headers.get('content-type'), 'image/png');
		assert.match(response.headers.get('content-security-policy'), /sandbox/);
		await response.arrayBuffer();
		const read = await within('a read', channel.messages.fetch(
			{ message: sent.id, force: true }));
		assert.equal(read.attachments.first().url, one.url);
	});

	it('need_the_mark_of_their_url', async () => {
		const sent = await within('a send', channel.send(
			{ files: [{ attachment: Buffer.from('x'), name: 'x.bin' }] }));
		const { url } = sent.attachments.first();
		const wrong = url.replace(/hm=./, (hm) =>
			hm === 'hm=0' ? 'hm=1' : 'hm=0');
		for (const bad of [wrong, url.split('?')[0],
			`${server.url}/attachments/1/2/../../catalog.db`])
			assert.equal((await fetchFile(bad)).status, 404, bad);
	});

	it('are_shown_by_embeds', async () => {
		const sent = await within('a send', channel.send({
			embeds: [new EmbedBuilder().setTitle('"url":"/ is text')
				.setImage('attachment://chart.png')],
			files: [{ attachment: Buffer.from('png'), name: 'chart.png' }],
		}));
		assert.equal(sent.embeds[0].title, '"url":"/ is text');
		assert.equal((await bytes(sent.embeds[0].image.url)).toString(), 'png');
	});

	it('come_and_go_with_edits_and_deletes', async () => {
		const before = await kept();
		const sent = await within('a send', channel.send({ content: 'two',
			files: ['a', 'b'].map((name) => ({ attachment: Buffer.from(name),
				name: `${name}.txt` })) }));
		const [a] = sent.attachments.values();
		const edited = await within('an edit', sent.edit({ attachments: [a],
			files: [{ attachment: Buffer.from('c'), name: 'c.txt' }] }));
		assert.deepEqual([...edited.attachments.values()].map((f) => f.name),
			['a.txt', 'c.txt']);
		await until('the files that are left', async () =>
			(await kept()).length === before.length + 2);
		await within('a delete', sent.delete());
		const more = await Promise.all([1, 2].map((i) => channel.send({
			files: [{ attachment: Buffer.from('x'), name: `${i}.txt` }] })));
		await within('a bulk delete', channel.bulkDelete(more));
		await until('the files of before', async () =>
			(await kept()).length === before.length);
	});

	it('are_of_limited_size_and_number', async () => {
		const data = Buffer.alloc(10 * MIB, 'abc');
		const { status, body } = await upload([{ name: 'big.bin', data }]);
		assert.equal(status, 200, JSON.stringify(body));
		assert.ok(data.equals(await bytes(body.attachments[0].url)));

		const refused = async (code, ...args) => assert.equal(
			(await upload(...args)).body.code, code);
		await refused(40005, [{ name: 'x', data: Buffer.alloc(10 * MIB + 1) }]);
		await refused(30015, Array(11).fill({ name: 'x', data: 'x' }));
		await refused(50006, []);
		await refused(50035, [], { content: 'x'.repeat(2001) });
	});

	it('of_a_message_that_is_refused_do_not_stay', async () => {
		const before = (await kept()).length;
		const files = [{ name: 'a.bin', data: Buffer.alloc(1000) }];
		const missing = server.guildId;
		assert.equal((await upload(files, { content: 'x',
			message_reference: { message_id: missing } })).status, 404);
		assert.equal((await upload(files, { content: 'x' },
			`/${missing}`, 'PATCH')).status, 404);
		const mine = await within('a send', channel.send('mine'));
		assert.equal((await upload(files, { content: 'x' },
			`/${mine.id}`, 'PATCH', server.tokens[1])).status, 403);
		const nonce = { content: 'once', nonce: 'a-nonce', enforce_nonce: true };
		const answers = await Promise.all([1, 2, 3, 4].map(() => upload(files, nonce)));
		assert.equal(new Set(answers.filter(({ status }) => status === 200)
			.map(({ body }) => body.id)).size, 1);
		await within('slow mode', channel.setRateLimitPerUser(600));
		const slow = () => upload(files, { content: 'x' }, '', 'POST', server.tokens[1]);
		assert.deepEqual((await Promise.all([1, 2, 3, 4].map(slow)))
			.map(({ status }) => status).sort(), [200, 429, 429, 429]);
		await within('no slow mode', channel.setRateLimitPerUser(0));
		await until('two more files', async () =>
			(await kept()).length === before + 2);
	});

	it('come_from_webhooks_and_need_the_permission', async () => {
		const hook = await within('a webhook',
			channel.createWebhook({ name: 'hook' }));
		const sent = await within('a send', hook.send({ content: 'w',
			files: [{ attachment: Buffer.from('hook'), name: 'h.txt' }] }));
		assert.equal((await bytes([...sent.attachments.values()][0].url))
			.toString(), 'hook');
		const { everyone } = channel.guild.roles;
		await within('an overwrite', channel.permissionOverwrites.edit(everyone,
			{ AttachFiles: false }));
		const theirs = await other.channels.fetch(server.channelId);
		await assert.rejects(theirs.send({ files: [
			{ attachment: Buffer.from('x'), name: 'x.txt' }] }), { code: 50013 });
	});

	it('survive_a_kill', async () => {
		const sent = await within('a send', channel.send({ files: [
			{ attachment: Buffer.from('kept'), name: 'kept.txt' }] }));
		const { url } = sent.attachments.first();
		await bot.destroy();
		await other.destroy();
		await server.kill();
		await server.start();
		assert.equal((await bytes(url)).toString(), 'kept');
		bot = await login(server, server.tokens[0]);
		channel = await bot.channels.fetch(server.channelId);
		const again = await within('a read', channel.messages.fetch(sent.id));
		assert.equal(again.attachments.first().url, url);
	});

	it('come_back_from_a_backup', async () => {
		const send = (text) => within('a send', channel.send({ files: [
			{ attachment: Buffer.from(text), name: 'b.txt' }] }));
		const [{ url }] = (await send('in the backup')).attachments.values();
		const gone = await send('gone before');
		await within('a delete', gone.delete());
		const tool = path.join(path.dirname(process.env.CHATD ??
			'.build/release/bin/chatd'), 'chatd-store');
		const store = path.join(server.folder, 'messages');
		const backup = path.join(server.folder, 'backup');
		await promisify(execFile)(tool, ['backup', store, backup]);
		const [late] = (await send('not in it')).attachments.values();
		await bot.destroy();
		await other.destroy();
		await server.stop();
		for (const name of ['messages', 'attachments'])
			await fs.rm(path.join(server.folder, name), { recursive: true });
		await promisify(execFile)(tool, ['restore', backup, store]);
		await server.start();
		assert.equal((await bytes(url)).toString(), 'in the backup');
		assert.equal((await fetchFile(late.url)).status, 404);
		assert.equal((await fetchFile(
			gone.attachments.first().url)).status, 404);
		bot = await login(server, server.tokens[0]);
		other = await login(server, server.tokens[1]);
		channel = await bot.channels.fetch(server.channelId);
		const [newest] = (await within('a read',
			channel.messages.fetch({ limit: 1 }))).values();
		assert.equal(newest.attachments.first().url, url);
	});

	it('come_from_eris', async () => {
		const client = erisClient(server, server.tokens[1]);
		client.on('error', () => {});
		const ready = once(client, 'ready');
		client.connect();
		await ready;
		try {
			await within('a permission', channel.permissionOverwrites.delete(
				channel.guild.roles.everyone));
			const sent = await within('a send', client.createMessage(
				server.channelId, { content: 'file' },
				{ file: Buffer.from('from eris'), name: 'e.txt' }));
			assert.equal((await bytes(sent.attachments[0].url)).toString(),
				'from eris');
		} finally {
			client.disconnect({ reconnect: false });
		}
	});
});
