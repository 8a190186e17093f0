// SPDX-License-Identifier: Apache-2.0
// Managing a guild: who may, what follows, who hears of it.

import assert from 'node:assert/strict';
import { before, after, describe, it } from 'node:test';
import { good, isOwn, rest, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';
import { within } from './wait.mjs';

const ALL = 0x0331ffff;
const VIEW = '1024';

let server, owner, watcher, other;

const call = (...args) => rest(server, ...args);
const must = (...args) => good(server, ...args);

/** A call that must be refused so. */
async function refused(status, code, token, ...args) {
	const reply = await call(token, ...args);
	assert.deepEqual([reply.status, reply.body?.code], [status, code]);
}

const asOwner = (...args) => must(owner, ...args);
const asBot = (...args) => must(`Bot ${server.tokens[1]}`, ...args);
const say = (content, more) => asOwner('POST',
	`/channels/${server.channelId}/messages`, { content, ...more });

describe('a guild', { skip: isOwn ? false : 'needs a server of its own' }, () => {
	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		const { token } = await must('', 'POST', '/auth/login', server.login);
		owner = token;
		watcher = await Gateway.login(server, server.tokens[1], { intents: ALL });
		other = `Bot ${server.tokens[0]}`;
	});

	after(async () => {
		watcher?.close();
		await server?.close();
	});

	it('edits_a_message_for_its_author_alone', async () => {
		const { id } = await say('first');
		const path = `/channels/${server.channelId}/messages/${id}`;
		await refused(403, 50005, other, 'PATCH', path, { content: 'mine' });
		const edited = await asOwner('PATCH', path, { content: 'second' });
		assert.equal(edited.content, 'second');
		assert.ok(edited.edited_timestamp);
		const { d } = await watcher.event('MESSAGE_UPDATE');
		assert.deepEqual([d.id, d.content, d.guild_id],
			[id, 'second', server.guildId]);
		assert.equal((await asBot('GET', path)).content, 'second');
	});

	it('deletes_messages_one_by_one_and_many_at_once', async () => {
		const ids = [];
		for (const text of ['a', 'b', 'c'])
			ids.push((await say(text)).id);
		const path = `/channels/${server.channelId}/messages`;
		await refused(403, 50013, other, 'DELETE', `${path}/${ids[0]}`);
		await asOwner('DELETE', `${path}/${ids[0]}`);
		assert.equal((await watcher.event('MESSAGE_DELETE')).d.id, ids[0]);
		await refused(404, 10008, owner, 'GET', `${path}/${ids[0]}`);
		await refused(400, 50016, owner, 'POST', `${path}/bulk-delete`,
			{ messages: [ids[1]] });
		await asOwner('POST', `${path}/bulk-delete`,
			{ messages: [ids[1], ids[2], ids[0]] });
		const { d } = await watcher.event('MESSAGE_DELETE_BULK');
		assert.deepEqual(new Set(d.ids), new Set(ids));
		await refused(404, 10008, owner, 'GET', `${path}/${ids[2]}`);
	});

	it('counts_reactions_of_all_and_knows_whose_is_whose', async () => {
		const { id } = await say('react');
		const path = `/channels/${server.channelId}/messages/${id}`;
		const fire = `${path}/reactions/${encodeURIComponent('🔥')}`;
		await asOwner('PUT', `${fire}/@me`);
		await asBot('PUT', `${fire}/@me`);
		await asBot('PUT', `${fire}/@me`);
		const { d } = await watcher.event('MESSAGE_REACTION_ADD');
		assert.deepEqual(d.emoji, { id: null, name: '🔥' });
		let message = await must(other, 'GET', path);
		assert.deepEqual(message.reactions.map((r) => [r.emoji.name, r.count, r.me]),
			[['🔥', 2, false]]);
		assert.equal((await asBot('GET', fire)).length, 2);
		await refused(403, 50013, other, 'DELETE', fire);
		await asBot('DELETE', `${fire}/@me`);
		message = await asBot('GET', path);
		assert.deepEqual(message.reactions.map((r) => [r.count, r.me]), [[1, false]]);
		await asOwner('DELETE', `${path}/reactions`);
		await watcher.event('MESSAGE_REACTION_REMOVE_ALL');
		assert.equal((await asBot('GET', path)).reactions, undefined);
	});

	it('pins_and_says_so', async () => {
		const { id } = await say('pin me');
		const pins = `/channels/${server.channelId}/messages/pins`;
		await refused(403, 50013, other, 'PUT', `${pins}/${id}`);
		await asOwner('PUT', `${pins}/${id}`);
		await watcher.event('CHANNEL_PINS_UPDATE');
		const notice = (await watcher.event('MESSAGE_CREATE')).d;
		assert.deepEqual([notice.type, notice.message_reference.message_id], [6, id]);
		await refused(403, 50021, owner, 'PATCH',
			`/channels/${server.channelId}/messages/${notice.id}`, { content: 'mine' });
		const { items } = await asBot('GET', pins);
		assert.deepEqual(items.map((item) => [item.message.id, item.message.pinned]),
			[[id, true]]);
		const old = await asBot('GET', `/channels/${server.channelId}/pins`);
		assert.deepEqual(old.map((message) => message.id), [id]);
		await asOwner('DELETE', `${pins}/${id}`);
		assert.deepEqual((await asBot('GET', pins)).items, []);
	});

	it('answers_a_message_with_what_it_answers', async () => {
		const first = await say('question');
		const reply = await say('answer',
			{ message_reference: { message_id: first.id } });
		assert.equal(reply.type, 19);
		assert.equal(reply.referenced_message.content, 'question');
		assert.equal((await watcher.event('MESSAGE_CREATE',
			(d) => d.id === reply.id)).d.referenced_message.id, first.id);
		await refused(404, 10008, owner, 'POST',
			`/channels/${server.channelId}/messages`,
			{ content: 'x', message_reference: { message_id: server.guildId } });
		await asOwner('DELETE', `/channels/${server.channelId}/messages/${first.id}`);
		const read = await asBot('GET',
			`/channels/${server.channelId}/messages/${reply.id}`);
		assert.equal(read.referenced_message, null);
	});

	it('makes_one_message_of_a_nonce_that_is_enforced', async () => {
		const more = { nonce: 'n-1', enforce_nonce: true };
		const first = await say('once', more);
		assert.equal(first.nonce, 'n-1');
		const again = await say('twice', more);
		assert.deepEqual([again.id, again.content], [first.id, 'once']);
		assert.notEqual((await say('other', { ...more, nonce: 'n-2' })).id, first.id);
		assert.notEqual((await say('free', { nonce: 'n-1' })).id, first.id);
	});

	it('shows_a_channel_to_those_who_may_see_it_only', async () => {
		const hidden = await asOwner('POST', `/guilds/${server.guildId}/channels`, {
			name: 'hidden', permission_overwrites:
				[{ id: server.guildId, type: 0, allow: '0', deny: VIEW }],
		});
		const bot = `Bot ${server.tokens[1]}`;
		const me = (await asBot('GET', '/users/@me')).id;
		const path = `/channels/${hidden.id}`;
		await refused(403, 50001, bot, 'GET', path);
		await refused(403, 50001, bot, 'GET', `${path}/messages`);
		await refused(403, 50001, bot, 'POST', `${path}/messages`, { content: 'x' });
		await asOwner('POST', `${path}/messages`, { content: 'secret' });
		await asOwner('PUT', `${path}/permissions/${me}`,
			{ type: 1, allow: VIEW, deny: '0' });
		// The first that is heard of the channel is that it is there.
		const heard = await watcher.event('CHANNEL_CREATE');
		assert.equal(heard.d.id, hidden.id);
		await asOwner('POST', `${path}/messages`, { content: 'open' });
		assert.equal((await watcher.event('MESSAGE_CREATE',
			(d) => d.channel_id === hidden.id)).d.content, 'open');
		await asOwner('DELETE', `${path}/permissions/${me}`);
		assert.equal((await watcher.event('CHANNEL_DELETE')).d.id, hidden.id);
		await asOwner('DELETE', path);
		await refused(404, 10003, owner, 'GET', path);
	});

	it('changes_a_channel_from_text_to_announcements_and_back_alone', async () => {
		const { id } = await asOwner('POST', `/guilds/${server.guildId}/channels`,
			{ name: 'hidden', permission_overwrites: [
				{ id: server.guildId, type: 0, deny: '1024' }] });
		const path = `/channels/${id}`;
		// 1 is a direct channel, which knows no overwrites.
		for (const type of [1, 2, 3, 4, 10, 13, 15])
			await refused(400, 50024, owner, 'PATCH', path, { type });
		await refused(403, 50001, other, 'GET', `${path}/messages`);
		for (const type of [5, 0])
			assert.equal((await asOwner('PATCH', path, { type })).type, type);
		await asOwner('DELETE', path);
	});

	it('has_room_above_every_position', async () => {
		const guild = `/guilds/${server.guildId}`;
		const channel = await asOwner('POST', `${guild}/channels`, { name: 'last' });
		const role = await asOwner('POST', `${guild}/roles`, { name: 'last' });
		const last = 2147483647;
		await refused(400, 50035, owner, 'PATCH', `/channels/${channel.id}`, { position: last });
		await refused(400, 50035, owner, 'PATCH', `${guild}/channels`,
			[{ id: channel.id, position: last }]);
		await refused(400, 50035, owner, 'PATCH', `${guild}/roles`,
			[{ id: role.id, position: last - 1 }]);
		await asOwner('PATCH', `/channels/${channel.id}`, { position: 1 << 30 });
		await asOwner('PATCH', `${guild}/roles`, [{ id: role.id, position: 1 << 30 }]);
		const next = await asOwner('POST', `${guild}/channels`, { name: 'next' });
		assert.equal(next.position, (1 << 30) + 1);
		const more = await asOwner('POST', `${guild}/roles`, { name: 'next' });
		for (const { id } of [next, channel])
			await asOwner('DELETE', `/channels/${id}`);
		for (const { id } of [more, role])
			await asOwner('DELETE', `${guild}/roles/${id}`);
	});

	it('lets_nobody_read_or_write_in_a_voice_channel_that_he_may_not_enter', async () => {
		const CONNECT = String(1 << 20);
		const { id } = await asOwner('POST', `/guilds/${server.guildId}/channels`,
			{ name: 'voice', type: 2 });
		const said = await asOwner('POST', `/channels/${id}/messages`, { content: 'in voice' });
		assert.equal((await asBot('GET', `/channels/${id}/messages`)).length, 1);
		await asBot('POST', `/channels/${id}/messages`, { content: 'too' });
		// Who is silenced for a while may still read.
		const me = await asBot('GET', '/users/@me');
		const silence = (until) => asOwner('PATCH',
			`/guilds/${server.guildId}/members/${me.id}`,
			{ communication_disabled_until: until });
		await silence(new Date(Date.now() + 3600000).toISOString());
		assert.equal((await asBot('GET', `/channels/${id}/messages`)).length, 2);
		await silence(null);
		await asOwner('PUT', `/channels/${id}/permissions/${server.guildId}`,
			{ type: 0, deny: CONNECT });
		const bot = `Bot ${server.tokens[1]}`;
		assert.equal((await asBot('GET', `/channels/${id}`)).id, id);
		assert.deepEqual(await asBot('GET', `/channels/${id}/messages`), []);
		await refused(403, 50013, bot, 'GET', `/channels/${id}/messages/${said.id}`);
		await refused(403, 50013, bot, 'POST', `/channels/${id}/messages`, { content: 'no' });
		assert.equal((await asOwner('GET', `/channels/${id}/messages`)).length, 2);
		await asOwner('DELETE', `/channels/${id}`);
	});

	it('tells_who_reacted_only_where_the_message_is', async () => {
		const hidden = await asOwner('POST', `/guilds/${server.guildId}/channels`, {
			name: 'hidden', permission_overwrites:
				[{ id: server.guildId, type: 0, allow: '0', deny: VIEW }],
		});
		const { id } = await asOwner('POST', `/channels/${hidden.id}/messages`,
			{ content: 'secret' });
		const fire = `messages/${id}/reactions/${encodeURIComponent('🔥')}`;
		await asOwner('PUT', `/channels/${hidden.id}/${fire}/@me`);
		assert.equal((await asOwner('GET', `/channels/${hidden.id}/${fire}`)).length, 1);
		await refused(404, 10008, other, 'GET',
			`/channels/${server.channelId}/${fire}`);
		await asOwner('DELETE', `/channels/${hidden.id}`);
	});

	it('lets_nobody_move_away_what_keeps_him_out', async () => {
		const channels = `/guilds/${server.guildId}/channels`;
		const members = `/guilds/${server.guildId}/members`;
		const me = (await must(other, 'GET', '/users/@me')).id;
		const mover = await asOwner('POST', `/guilds/${server.guildId}/roles`,
			{ name: 'mover', permissions: String(1 << 4) });
		await asOwner('PUT', `${members}/${me}/roles/${mover.id}`);
		const hidden = await asOwner('POST', channels, {
			name: 'hidden', permission_overwrites:
				[{ id: server.guildId, type: 0, allow: '0', deny: VIEW }],
		});
		const shown = await asOwner('POST', channels, { name: 'shown' });
		const open = await must(other, 'POST', channels, { name: 'open', type: 4 });
		const move = (id, more) => [{ id, parent_id: open.id, ...more }];
		await refused(403, 50001, other, 'PATCH', channels,
			move(hidden.id, { lock_permissions: true }));
		await refused(403, 50001, other, 'PATCH', channels, move(hidden.id));
		await refused(403, 50013, other, 'PATCH', channels,
			move(shown.id, { lock_permissions: true }));
		await refused(403, 50001, other, 'GET', `/channels/${hidden.id}`);
		await must(other, 'PATCH', channels, move(shown.id, { position: 7 }));
		await asOwner('PATCH', channels, move(hidden.id, { lock_permissions: true }));
		await must(other, 'GET', `/channels/${hidden.id}`);
		for (const { id } of [hidden, shown, open])
			await asOwner('DELETE', `/channels/${id}`);
		await asOwner('DELETE', `/guilds/${server.guildId}/roles/${mover.id}`);
	});

	it('takes_embeds_of_those_who_may_embed_only', async () => {
		const EMBED_LINKS = String(1 << 14);
		const channel = await asOwner('POST', `/guilds/${server.guildId}/channels`, {
			name: 'plain', permission_overwrites:
				[{ id: server.guildId, type: 0, allow: '0', deny: EMBED_LINKS }],
		});
		const path = `/channels/${channel.id}/messages`;
		const embeds = [{ title: 'look' }];
		await refused(403, 50013, other, 'POST', path, { embeds });
		const { id } = await must(other, 'POST', path, { content: 'text', embeds: [] });
		await refused(403, 50013, other, 'PATCH', `${path}/${id}`, { embeds });
		await must(other, 'PATCH', `${path}/${id}`, { content: 'more', embeds: [] });
		assert.equal((await asOwner('POST', path, { embeds })).embeds[0].title, 'look');
		await asOwner('DELETE', `/channels/${channel.id}`);
	});

	it('lets_nobody_rise_above_himself', async () => {
		const roles = `/guilds/${server.guildId}/roles`;
		const me = (await must(other, 'GET', '/users/@me')).id;
		const target = (await asBot('GET', '/users/@me')).id;
		const low = await asOwner('POST', roles, { name: 'low' });
		const mod = await asOwner('POST', roles,
			{ name: 'mod', permissions: String(1 << 28) });
		const high = await asOwner('POST', roles, { name: 'high' });
		const order = [[low, 1], [mod, 2], [high, 3]];
		await asOwner('PATCH', roles,
			order.map(([role, position]) => ({ id: role.id, position })));
		await refused(403, 50013, other, 'POST', roles, { name: 'mine' });
		const members = `/guilds/${server.guildId}/members`;
		await asOwner('PUT', `${members}/${me}/roles/${mod.id}`);
		await must(other, 'PUT', `${members}/${target}/roles/${low.id}`);
		await refused(403, 50013, other, 'PUT', `${members}/${me}/roles/${high.id}`);
		await refused(403, 50013, other, 'PATCH', `${roles}/${mod.id}`, { name: 'x' });
		await refused(403, 50013, other, 'PATCH', `${roles}/${low.id}`,
			{ permissions: '8' });
		await must(other, 'DELETE', `${roles}/${low.id}`);
		const { roles: left } = await asBot('GET', `${members}/${target}`);
		assert.deepEqual(left, []);
		await asOwner('DELETE', `${roles}/${high.id}`);
		await asOwner('DELETE', `${roles}/${mod.id}`);
	});

	it('silences_a_member_for_a_while', async () => {
		const id = (await must(other, 'GET', '/users/@me')).id;
		const path = `/guilds/${server.guildId}/members/${id}`;
		const until = new Date(Date.now() + 60000).toISOString();
		await asOwner('PATCH', path, { communication_disabled_until: until });
		await refused(403, 50013, other, 'POST',
			`/channels/${server.channelId}/messages`, { content: 'x' });
		await must(other, 'GET', `/channels/${server.channelId}/messages`);
		await asOwner('PATCH', path, { communication_disabled_until: null });
		await must(other, 'POST', `/channels/${server.channelId}/messages`,
			{ content: 'again' });
	});

	it('says_for_how_long_a_channel_is_slow', async () => {
		const channel = await asOwner('POST', `/guilds/${server.guildId}/channels`,
			{ name: 'slow', rate_limit_per_user: 3600 });
		const path = `/channels/${channel.id}/messages`;
		await must(other, 'POST', path, { content: 'first' });
		const second = await fetch(`${server.url}/api/v10${path}`, { method: 'POST',
			headers: { authorization: other }, body: '{"content":"second"}' });
		assert.deepEqual([second.status, (await second.json()).code], [429, 20016]);
		const after = Number(second.headers.get('retry-after'));
		assert.ok(after > 3000 && after <= 3600, after);
		await asOwner('DELETE', `/channels/${channel.id}`);
	});

	it('lets_a_webhook_speak_with_its_token_alone', async () => {
		const hook = await asOwner('POST',
			`/channels/${server.channelId}/webhooks`, { name: 'hook' });
		await watcher.event('WEBHOOKS_UPDATE');
		const path = `/webhooks/${hook.id}/${hook.token}`;
		const said = await must('', 'POST', `${path}?wait=true`,
			{ content: 'from outside', username: 'robot' });
		assert.deepEqual([said.webhook_id, said.author.username], [hook.id, 'robot']);
		const { d } = await watcher.event('MESSAGE_CREATE',
			(message) => message.id === said.id);
		assert.equal(d.member, undefined);
		await refused(401, 50027, '', 'POST', `/webhooks/${hook.id}/wrong`,
			{ content: 'x' });
		await refused(401, 0, '', 'GET', `/webhooks/${hook.id}`);
		await asOwner('DELETE', `/webhooks/${hook.id}`);
		await refused(404, 10015, '', 'POST', path, { content: 'x' });
	});

	it('lets_in_who_has_an_invite_and_out_who_is_kicked_or_banned', async () => {
		const out = await server.admin('create-user', 'visitor');
		const [, password] = /password\s+(\S+)/.exec(out);
		const { token, user_id: id } = await must('', 'POST', '/auth/login',
			{ login: 'visitor', password });
		const path = `/guilds/${server.guildId}`;
		assert.equal((await watcher.event('GUILD_MEMBER_ADD')).d.user.id, id);
		await asOwner('DELETE', `${path}/members/${id}`);
		assert.equal((await watcher.event('GUILD_MEMBER_REMOVE')).d.user.id, id);
		await refused(403, 50001, token, 'GET', path);

		const { code } = await asOwner('POST',
			`/channels/${server.channelId}/invites`, { max_uses: 2 });
		assert.equal((await must('', 'GET', `/invites/${code}`)).guild.id,
			server.guildId);
		const session = await Gateway.login(server, token, { intents: ALL });
		assert.deepEqual(session.ready.guilds, []);
		await must(token, 'POST', `/invites/${code}`);
		assert.equal((await session.event('GUILD_CREATE')).d.id, server.guildId);
		await must(token, 'GET', path);

		await asOwner('PUT', `${path}/bans/${id}`, {});
		assert.equal((await session.event('GUILD_DELETE')).d.id, server.guildId);
		await refused(403, 40007, token, 'POST', `/invites/${code}`);
		assert.equal((await asOwner('GET', `${path}/bans/${id}`)).user.username,
			'visitor');
		await asOwner('DELETE', `${path}/bans/${id}`);
		await must(token, 'POST', `/invites/${code}`);
		await refused(404, 10006, owner, 'GET', `/invites/${code}`);
		session.close();
	});

	it('forgets_an_invite_that_is_over_with_the_next_one', async () => {
		const invites = `/channels/${server.channelId}/invites`;
		const session = await Gateway.login(server, owner, { intents: ALL });
		const { code } = await asOwner('POST', invites, { max_age: 1 });
		await within('its end', (async () => {
			while ((await call(owner, 'GET', `/invites/${code}`)).status === 200)
				;
		})());
		const next = await asOwner('POST', invites, { unique: true });
		assert.equal((await session.event('INVITE_DELETE')).d.code, code);
		session.close();
		await asOwner('DELETE', `/invites/${next.code}`);
	});

	it('takes_away_what_the_banned_have_said_lately', async () => {
		const tokens = await Promise.all(['spammer', 'bystander'].map((name) =>
			server.bot(name)));
		const [spammer, bystander] = await Promise.all(tokens.map(async (token) =>
			({ token: `Bot ${token}`, ...await must(`Bot ${token}`, 'GET', '/users/@me') })));
		const second = await asOwner('POST', `/guilds/${server.guildId}/channels`,
			{ name: 'second' });
		const spoken = { [server.channelId]: [], [second.id]: [] };
		for (const [channel, ids] of Object.entries(spoken))
			for (let i = 0; i < 130; i++) {
				const by = i % 10 ? spammer : bystander;
				const { id } = await must(by.token, 'POST',
					`/channels/${channel}/messages`, { content: `${i}` });
				if (by === spammer)
					ids.push(id);
			}
		await asOwner('PUT', `/guilds/${server.guildId}/bans/${spammer.id}`,
			{ delete_message_seconds: 3600 });
		const want = Object.values(spoken).flat().sort();
		const gone = [];
		while (gone.length < want.length)
			gone.push(...(await watcher.event('MESSAGE_DELETE_BULK')).d.ids);
		assert.deepEqual(gone.sort(), want);
		for (const channel of Object.keys(spoken)) {
			const left = await asOwner('GET', `/channels/${channel}/messages?limit=100`);
			assert.ok(left.every((m) => m.author.id !== spammer.id));
			assert.ok(left.filter((m) => m.author.id === bystander.id).length >= 13);
		}
		await asOwner('DELETE', `/channels/${second.id}`);
	});

	it('keeps_its_changes_over_a_restart', async () => {
		const path = `/guilds/${server.guildId}`;
		const made = await asOwner('POST', `${path}/channels`,
			{ name: 'kept', topic: 'still here' });
		await asOwner('PATCH', path, { name: 'Renamed' });
		await server.kill();
		await server.start();
		assert.equal((await asOwner('GET', path)).name, 'Renamed');
		assert.equal((await asOwner('GET', `/channels/${made.id}`)).topic,
			'still here');
		const after = await asOwner('POST', `/channels/${made.id}/messages`,
			{ content: 'first' });
		assert.ok(BigInt(after.id) > BigInt(made.id));
	});
});
