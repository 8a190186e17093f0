// SPDX-License-Identifier: Apache-2.0
// What a bot of discord.js does beside talking: what other tests do not.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ActionRowBuilder, ButtonBuilder, ButtonStyle, ChannelType }
	from 'discord.js';
import { isOwn, makeAdministrator, startChatd } from './chatd.mjs';
import { login } from './conversation.mjs';
import { first, within } from './wait.mjs';

describe('a bot', { skip: !isOwn }, () => {
	let server, bot, other, guild, channel;

	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		bot = await login(server, server.tokens[0]);
		other = await login(server, server.tokens[1]);
		await makeAdministrator(server, bot.user.id);
		guild = bot.guilds.cache.get(server.guildId);
		channel = await bot.channels.fetch(server.channelId);
	});

	after(async () => {
		await bot?.destroy();
		await other?.destroy();
		await server?.close();
	});

	it('sends_components', async () => {
		const heard = first(other, 'messageCreate', () => true);
		await within('a send', channel.send({ content: 'choose', components: [
			new ActionRowBuilder().addComponents(new ButtonBuilder()
				.setCustomId('yes').setLabel('Yes').setStyle(ButtonStyle.Primary)),
		] }));
		const button = (await heard).components[0].components[0];
		assert.equal(button.customId, 'yes');
	});

	it('reads_edits_and_deletes_what_its_webhook_said', async () => {
		const hook = await within('a webhook',
			channel.createWebhook({ name: 'hook' }));
		const said = await within('a send', hook.send('first'));
		const update = first(other, 'messageUpdate', () => true);
		await within('an edit', hook.editMessage(said.id, { content: 'second',
			files: [{ attachment: Buffer.from('x'), name: 'x.txt' }] }));
		await update;
		const read = await within('a read', hook.fetchMessage(said.id));
		assert.equal(read.content, 'second');
		assert.equal([...read.attachments.values()][0].name, 'x.txt');

		const foreign = await within('a send', channel.send('not the hook'));
		for (const act of [() => hook.fetchMessage(foreign.id),
			() => hook.editMessage(foreign.id, 'x'),
			() => hook.deleteMessage(foreign.id)])
			await assert.rejects(act(), { code: 10008 });
		const gone = first(other, 'messageDelete', () => true);
		await within('a delete', hook.deleteMessage(said.id));
		assert.equal((await gone).id, said.id);
		await assert.rejects(hook.fetchMessage(said.id), { code: 10008 });
	});

	it('moves_roles_and_channels', async () => {
		const low = await within('a role', guild.roles.create({ name: 'low' }));
		const high = await within('a role', guild.roles.create({ name: 'high' }));
		await within('a move', low.setPosition(2));
		const roles = await guild.roles.fetch();
		assert.ok(roles.get(low.id).comparePositionTo(high.id) > 0);
		const parent = await within('a category', guild.channels.create(
			{ name: 'c', type: ChannelType.GuildCategory }));
		await within('a parent', channel.setParent(parent));
		const copy = await within('a copy', channel.clone());
		assert.equal(copy.parentId, parent.id);
	});

	it('is_told_what_there_is_not', async () => {
		const missing = [
			() => channel.threads.create({ name: 'thread' }),
			() => bot.application.commands.set([]),
			() => guild.scheduledEvents.fetch(),
			() => guild.emojis.create({ attachment: Buffer.from('x'), name: 'no' }),
		];
		for (const call of missing)
			await assert.rejects(within('a refusal', call()),
				(error) => error.code === 0 && [404, 405].includes(error.status));
	});
});
