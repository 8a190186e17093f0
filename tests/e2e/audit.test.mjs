// SPDX-License-Identifier: Apache-2.0
// The audit log, as discord.js writes to it, hears it and reads it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AuditLogEvent, GatewayIntentBits, OverwriteType } from 'discord.js';
import { isOwn, makeAdministrator, startChatd } from './chatd.mjs';
import { login } from './conversation.mjs';
import { first, until, within } from './wait.mjs';

describe('the audit log', { skip: !isOwn }, () => {
	let server, bot, other, guild, channel;
	const heard = [];

	/** The newest entry of a type. */
	async function newest(type) {
		const log = await within('the log', guild.fetchAuditLogs({ type, limit: 1 }));
		return log.entries.first();
	}

	const changeOf = (entry, key) => entry.changes.find((c) => c.key === key);

	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		other = await login(server, server.tokens[1]);
		bot = await login(server, server.tokens[0], {
			intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildModeration],
		});
		await makeAdministrator(server, bot.user.id);
		bot.on('guildAuditLogEntryCreate', (entry) => heard.push(entry));
		guild = bot.guilds.cache.get(server.guildId);
		channel = await bot.channels.fetch(server.channelId);
	});

	after(async () => {
		await bot?.destroy();
		await other?.destroy();
		await server?.close();
	});

	it('says_who_did_what_and_why', async () => {
		const told = first(bot, 'guildAuditLogEntryCreate',
			(e) => e.action === AuditLogEvent.ChannelCreate);
		const made = await within('a channel', guild.channels.create(
			{ name: 'fresh', topic: 'a topic', reason: 'wegen Größe 100 %' }));
		const entry = await newest(AuditLogEvent.ChannelCreate);
		assert.equal(entry.executorId, bot.user.id);
		assert.equal(entry.targetId, made.id);
		assert.equal(entry.reason, 'wegen Größe 100 %');
		assert.equal(changeOf(entry, 'name').new, 'fresh');
		assert.equal(changeOf(entry, 'name').old, undefined);
		assert.equal((await told).id, entry.id);

		await within('an edit', made.edit({ topic: 'other', name: 'fresh' }));
		const edit = await newest(AuditLogEvent.ChannelUpdate);
		assert.deepEqual(edit.changes.map((c) => [c.key, c.old, c.new]),
			[['topic', 'a topic', 'other']]);
		await within('an overwrite', made.permissionOverwrites.create(
			other.user.id, { SendMessages: false },
			{ type: OverwriteType.Member }));
		const overwrite = await newest(AuditLogEvent.ChannelOverwriteCreate);
		assert.equal(overwrite.targetId, made.id);
		assert.equal(overwrite.extra.id, other.user.id);
		await within('a delete', made.delete('over'));
		assert.equal((await newest(AuditLogEvent.ChannelDelete)).reason, 'over');
	});

	it('has_roles_members_invites_webhooks_and_bans', async () => {
		const role = await within('a role', guild.roles.create(
			{ name: 'helper', permissions: 8n }));
		const created = await newest(AuditLogEvent.RoleCreate);
		assert.equal(changeOf(created, 'permissions').new, '8');
		const member = await guild.members.fetch(other.user.id);
		await within('a role given', member.roles.add(role));
		const roles = await newest(AuditLogEvent.MemberRoleUpdate);
		assert.equal(roles.targetId, other.user.id);
		assert.deepEqual(changeOf(roles, '$add').new,
			[{ id: role.id, name: 'helper' }]);
		await within('a nick', member.setNickname('nick'));
		assert.equal(changeOf(await newest(AuditLogEvent.MemberUpdate), 'nick').new,
			'nick');
		await within('a rename', role.edit({ name: 'aide' }));
		assert.equal(changeOf(await newest(AuditLogEvent.RoleUpdate), 'name').old,
			'helper');
		await within('a role deleted', role.delete());
		await newest(AuditLogEvent.RoleDelete);
		const invite = await within('an invite', channel.createInvite());
		assert.equal(changeOf(await newest(AuditLogEvent.InviteCreate), 'code').new,
			invite.code);
		await within('its end', invite.delete());
		assert.ok(await newest(AuditLogEvent.InviteDelete));
		const hook = await within('a webhook', channel.createWebhook({ name: 'h' }));
		assert.equal((await newest(AuditLogEvent.WebhookCreate)).targetId, hook.id);
		await within('a ban', guild.bans.create('1100000000000000000',
			{ reason: 'spam' }));
		const ban = await newest(AuditLogEvent.MemberBanAdd);
		assert.equal(ban.targetId, '1100000000000000000');
		assert.equal(ban.reason, 'spam');
	});

	it('has_what_moderators_do_to_messages', async () => {
		const theirs = await other.channels.fetch(server.channelId);
		const sent = [];
		for (let i = 0; i < 4; i++)
			sent.push(await within('a send', theirs.send(`text ${i}`)));
		const before = heard.length;
		await within('their own delete', sent[3].delete());
		await within('a pin', channel.messages.pin(sent[0].id, 'good'));
		await within('a delete', channel.messages.delete(sent[0].id));
		await within('a bulk delete', channel.bulkDelete([sent[1].id, sent[2].id]));
		await until('the entries', () => heard.length >= before + 3);
		const entry = await newest(AuditLogEvent.MessageDelete);
		assert.equal(entry.targetId, other.user.id);
		assert.equal(entry.extra.channel.id, server.channelId);
		assert.equal((await newest(AuditLogEvent.MessageBulkDelete)).extra.count, 2);
		assert.equal((await newest(AuditLogEvent.MessagePin)).reason, 'good');
		const deletes = await guild.fetchAuditLogs(
			{ type: AuditLogEvent.MessageDelete });
		assert.equal(deletes.entries.size, 1, 'what one deletes of oneself is not');
	});

	it('is_paged_and_filtered', async () => {
		const all = [...(await guild.fetchAuditLogs({ limit: 100 })).entries.values()];
		assert.deepEqual(all.map((e) => BigInt(e.id)),
			all.map((e) => BigInt(e.id)).sort((a, b) => (a < b ? 1 : -1)));
		const ids = (log) => [...log.entries.keys()];
		assert.deepEqual(ids(await guild.fetchAuditLogs({ limit: 3,
			before: all[4].id })), all.slice(5, 8).map((e) => e.id));
		assert.deepEqual(ids(await guild.fetchAuditLogs({ limit: 2,
			after: all[4].id })), [all[3].id, all[2].id]);
		assert.deepEqual(ids(await guild.fetchAuditLogs({ user: other.user.id })), []);
		const mine = await guild.fetchAuditLogs({ user: bot.user.id, limit: 100 });
		assert.ok(mine.entries.size > 10);
	});

	it('has_nothing_of_what_was_refused_and_needs_the_permission', async () => {
		const count = async () => (await guild.fetchAuditLogs({ limit: 100 }))
			.entries.size;
		const before = await count();
		const theirs = other.guilds.cache.get(server.guildId);
		await assert.rejects(theirs.channels.create({ name: 'x' }), { code: 50013 });
		await assert.rejects(theirs.fetchAuditLogs(), { code: 50013 });
		assert.equal(await count(), before);
	});

	it('survives_a_kill', async () => {
		const ids = async () => [...(await guild.fetchAuditLogs({ limit: 100 }))
			.entries.keys()];
		const before = await ids();
		await bot.destroy();
		await other.destroy();
		await server.kill();
		await server.start();
		bot = await login(server, server.tokens[0], {
			intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildModeration],
		});
		guild = bot.guilds.cache.get(server.guildId);
		assert.deepEqual(await ids(), before);
	});
});
