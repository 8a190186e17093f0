// SPDX-License-Identifier: Apache-2.0
// Passive sessions: those of people who are not looking at a guild.

import assert from 'node:assert/strict';
import { before, after, describe, it } from 'node:test';
import { good, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';

const ALL = 0x0331ffff;

let server, owner, viewer, elsewhere;

const call = (...args) => good(server, ...args);
const bot = (...args) => call(`Bot ${server.tokens[0]}`, ...args);
const say = (content, channel = server.channelId, more) => bot('POST',
	`/channels/${channel}/messages`, { content, ...more });

/** A session that looks so; the guild knows when this is over. */
async function look(how) {
	const gateway = await Gateway.login(server, viewer, { intents: ALL });
	await gateway.event('GUILD_CREATE');
	await attend(gateway, how);
	return gateway;
}

async function attend(gateway, how) {
	gateway.send(14, { guild_id: server.guildId, ...how });
	await gateway.beat();
}

const heard = (gateway, type) => gateway.dispatches.filter((p) => p.t === type);
const contents = (gateway) => heard(gateway, 'MESSAGE_CREATE').map((p) => p.d.content);

/** Reads on until the channel is told to be unread up to this message. */
const unread = (gateway, { id, channel_id }) => gateway.event(
	'CHANNEL_UNREAD_UPDATE', (d) => d.channel_unread_updates.some((one) =>
		one.id === channel_id && one.last_message_id === id));

describe('a passive session', () => {
	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		const log = async (login) => (await call('', 'POST', '/auth/login', login)).token;
		owner = await log(server.login);
		const out = await server.admin('create-user', 'viewer', server.guildId);
		viewer = await log({ login: 'viewer',
			password: /password\s+(\S+)/.exec(out)[1] });
		elsewhere = (await call(owner, 'POST',
			`/guilds/${server.guildId}/channels`, { name: 'elsewhere' })).id;
	});
	after(() => server?.close());

	it('is_told_of_a_flood_in_a_few_words', async () => {
		const gateway = await look({ active: false });
		let last;
		for (let i = 0; i < 60; i++)
			last = await say(`flood ${i}`);
		await unread(gateway, last);
		assert.deepEqual(contents(gateway), []);
		assert.ok(heard(gateway, 'CHANNEL_UNREAD_UPDATE').length < 30);
		assert.deepEqual(gateway.dispatches.at(-1).d, {
			guild_id: server.guildId,
			channel_unread_updates: [
				{ id: server.channelId, last_message_id: last.id }],
		});
		gateway.close();
	});

	it('hears_all_of_the_channel_that_it_attends_to', async () => {
		const gateway = await look({ active: false,
			channels: { [server.channelId]: [[0, 99]] } });
		const far = await say('far', elsewhere);
		await say('near');
		await unread(gateway, far);
		assert.deepEqual(contents(gateway), ['near']);
		assert.ok(!heard(gateway, 'CHANNEL_UNREAD_UPDATE').some((p) =>
			p.d.channel_unread_updates.some((c) => c.id === server.channelId)));
		gateway.close();
	});

	it('hears_what_mentions_it', async () => {
		const gateway = await look({ active: false });
		const me = gateway.ready.user.id;
		await say(`for <@${me}>`);
		await say('for nobody');
		await call(owner, 'POST', `/channels/${server.channelId}/messages`,
			{ content: 'for @everyone' });
		const last = await say('for nobody either');
		await unread(gateway, last);
		assert.deepEqual(contents(gateway), [`for <@${me}>`, 'for @everyone']);
		gateway.close();
	});

	it('is_not_told_of_channels_that_it_cannot_see', async () => {
		const hidden = await call(owner, 'POST', `/guilds/${server.guildId}/channels`, {
			name: 'hidden', permission_overwrites: [
				{ id: server.guildId, type: 0, allow: '0', deny: '1024' }] });
		const gateway = await look({ active: false });
		await call(owner, 'POST', `/channels/${hidden.id}/messages`,
			{ content: 'secret' });
		await unread(gateway, await say('open'));
		const told = heard(gateway, 'CHANNEL_UNREAD_UPDATE').flatMap((p) =>
			p.d.channel_unread_updates.map((c) => c.id));
		assert.deepEqual([...new Set(told)], [server.channelId]);
		gateway.close();
	});

	it('hears_neither_typing_nor_presences_but_of_the_guild_itself', async () => {
		const gateway = await look({ active: false });
		await bot('POST', `/channels/${server.channelId}/typing`);
		const other = await Gateway.login(server, server.tokens[1], { intents: 1 });
		await other.event('GUILD_CREATE');
		await call(owner, 'PATCH', `/channels/${elsewhere}`, { topic: 'new' });
		await gateway.event('CHANNEL_UPDATE');
		assert.deepEqual(heard(gateway, 'TYPING_START'), []);
		assert.deepEqual(heard(gateway, 'PRESENCE_UPDATE'), []);
		for (const one of [gateway, other])
			one.close();
	});

	it('hears_everything_again_when_it_is_active', async () => {
		const gateway = await look({ active: false });
		await unread(gateway, await say('before'));
		await attend(gateway, { active: true });
		await say('after');
		await gateway.event('MESSAGE_CREATE', (d) => d.content === 'after');
		assert.deepEqual(contents(gateway), ['after']);
		gateway.close();
	});

	it('stays_so_over_a_resume', async () => {
		const old = await look({ active: false });
		old.socket.cut();
		const last = await say('while away');
		const gateway = await Gateway.open(server);
		gateway.seq = old.seq;
		gateway.resume({ token: viewer, session_id: old.ready.session_id,
			seq: old.seq });
		await unread(gateway, last);
		assert.deepEqual(contents(gateway), []);
		gateway.close();
	});

	it('is_not_for_bots', async () => {
		const gateway = await Gateway.login(server, server.tokens[1], { intents: 1 });
		gateway.send(14, { guild_id: server.guildId, active: false });
		assert.equal(await gateway.socket.closeCode(), 4001);
	});
});
