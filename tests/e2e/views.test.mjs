// SPDX-License-Identifier: Apache-2.0
// What sessions are told of a guild when they join, and when what they may see
// changes: by roles, for many at once.

import assert from 'node:assert/strict';
import { before, after, describe, it } from 'node:test';
import { good, isOwn, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';

const ALL = 0x0331ffff;
const VIEW = '1024';
const MEMBERS = 12;

let server, owner, people;

const call = (...args) => good(server, ...args);
const asOwner = (...args) => call(owner, ...args);
const guild = () => `/guilds/${server.guildId}`;

/** Logs in; resolves with the gateway and what it was told of the guild. */
async function join(token, intents = ALL) {
	const gateway = await Gateway.login(server, token, { intents });
	gateway.guild = (await gateway.event('GUILD_CREATE')).d;
	return gateway;
}

/** A channel that only those with a role see. */
async function closedChannel(name, role) {
	return asOwner('POST', `${guild()}/channels`, { name, permission_overwrites: [
		{ id: server.guildId, type: 0, allow: '0', deny: VIEW },
		{ id: role.id, type: 0, allow: VIEW, deny: '0' },
	] });
}

/** What a gateway was told of a channel, up to a message that all hear. */
async function told(gateways, channelId) {
	const { id } = await asOwner('POST', `/channels/${server.channelId}/messages`,
		{ content: 'fence' });
	return Promise.all(gateways.map(async (gateway) => {
		await gateway.event('MESSAGE_CREATE', (d) => d.id === id);
		const events = gateway.dispatches.filter((p) => p.d.id === channelId ||
			p.d.channel_id === channelId).map((p) => p.t);
		gateway.dispatches.length = 0;
		return events.join(' ');
	}));
}

describe('views', { skip: !isOwn && 'not our own server' }, () => {
	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		owner = (await call('', 'POST', '/auth/login', server.login)).token;
		people = [];
		for (let i = 0; i < MEMBERS; i++) {
			const token = await server.bot(`member${i}`);
			const { id } = await call(`Bot ${token}`, 'GET', '/users/@me');
			people.push({ token, id });
		}
	});
	after(() => server?.close());

	it('follow_a_role_that_is_given_and_taken', async () => {
		const role = await asOwner('POST', `${guild()}/roles`, { name: 'in' });
		const channel = await closedChannel('inner', role);
		const gateways = await Promise.all(people.slice(0, 3).map((p) =>
			join(p.token)));
		const path = `${guild()}/members/${people[0].id}/roles/${role.id}`;
		await asOwner('PUT', path);
		await asOwner('POST', `/channels/${channel.id}/messages`, { content: 'x' });
		await asOwner('DELETE', path);
		await asOwner('POST', `/channels/${channel.id}/messages`, { content: 'y' });
		assert.deepEqual(await told(gateways, channel.id),
			['CHANNEL_CREATE MESSAGE_CREATE CHANNEL_DELETE', '', '']);
		for (const gateway of gateways)
			gateway.close();
	});

	it('change_for_all_who_hold_a_role_and_no_one_else', async () => {
		const role = await asOwner('POST', `${guild()}/roles`, { name: 'many' });
		const half = people.filter((_, i) => i % 2);
		for (const { id } of half)
			await asOwner('PUT', `${guild()}/members/${id}/roles/${role.id}`);
		const channel = await closedChannel('closed to all', { id: people[0].id });
		await asOwner('DELETE', `/channels/${channel.id}/permissions/${people[0].id}`);
		const all = [...people, people[1]];
		const gateways = await Promise.all(all.map((p) => join(p.token)));
		const path = `/channels/${channel.id}/permissions/${role.id}`;
		await asOwner('PUT', path, { type: 0, allow: VIEW, deny: '0' });
		const expected = all.map((p) => half.includes(p) ? 'CHANNEL_CREATE' : '');
		// A CHANNEL_UPDATE follows for those who see it now.
		const first = await told(gateways, channel.id);
		assert.deepEqual(first.map((text) => text.replace(' CHANNEL_UPDATE', '')),
			expected);
		await asOwner('PATCH', `${guild()}/roles/${role.id}`,
			{ permissions: '8' });
		assert.deepEqual(await told(gateways, channel.id), gateways.map(() => ''));
		await asOwner('DELETE', `${guild()}/roles/${role.id}`);
		assert.deepEqual(await told(gateways, channel.id),
			expected.map((text) => text && 'CHANNEL_DELETE'));
		for (const gateway of gateways)
			gateway.close();
	});

	it('name_one_member_alone', async () => {
		const role = await asOwner('POST', `${guild()}/roles`, { name: 'none' });
		const channel = await closedChannel('for one', role);
		const gateways = await Promise.all(people.slice(0, 4).map((p) =>
			join(p.token)));
		const path = `/channels/${channel.id}/permissions/${people[2].id}`;
		await asOwner('PUT', path, { type: 1, allow: VIEW, deny: '0' });
		assert.deepEqual((await told(gateways, channel.id)).map((text) =>
			text.replace(' CHANNEL_UPDATE', '')), ['', '', 'CHANNEL_CREATE', '']);
		await asOwner('DELETE', path);
		assert.deepEqual((await told(gateways, channel.id)).map((text) =>
			text.replace('CHANNEL_UPDATE ', '')), ['', '', 'CHANNEL_DELETE', '']);
		for (const gateway of gateways)
			gateway.close();
	});

	it('are_never_those_of_before', async () => {
		const watcher = await join(people[5].token);
		const byId = (list) => new Map(list.map((one) => [one.id, one]));
		const role = await asOwner('POST', `${guild()}/roles`, { name: 'fresh' });
		const channel = await asOwner('POST', `${guild()}/channels`,
			{ name: 'fresh' });
		const message = () => asOwner('POST', `/channels/${channel.id}/messages`,
			{ content: 'new' });
		const nick = (name) => asOwner('PATCH',
			`${guild()}/members/${people[5].id}`, { nick: name });
		const changes = [
			() => asOwner('PATCH', `${guild()}/roles/${role.id}`, { name: 'r2' }),
			() => asOwner('PATCH', `/channels/${channel.id}`, { name: 'c2' }),
			message, message,
			() => nick('n1'), () => nick('n2'),
			() => asOwner('PUT',
				`${guild()}/members/${people[5].id}/roles/${role.id}`),
			async () => {
				watcher.send(3, { since: null, afk: false, status: 'dnd',
					activities: [] });
				await watcher.event('PRESENCE_UPDATE', (d) => d.status === 'dnd');
			},
			async () => {
				const { id } = await message();
				await asOwner('PUT', `/channels/${channel.id}/pins/${id}`);
			},
			() => asOwner('DELETE', `${guild()}/roles/${role.id}`),
			() => asOwner('PATCH', guild(), { name: 'renamed' }),
			() => asOwner('DELETE', `/channels/${channel.id}`),
		];
		for (const change of changes) {
			await change();
			const gateway = await join(people[6].token);
			const { roles, channels, members, presences, name } = gateway.guild;
			assert.equal(name, (await asOwner('GET', guild())).name);
			assert.deepEqual(byId(roles), byId(await asOwner('GET',
				`${guild()}/roles`)));
			const shown = byId(await call(`Bot ${people[6].token}`, 'GET',
				`${guild()}/channels`));
			for (const one of channels)
				assert.deepEqual(one, shown.get(one.id));
			for (const { user, ...rest } of members)
				assert.deepEqual({ user, ...rest }, await asOwner('GET',
					`${guild()}/members/${user.id}`));
			assert.equal(presences.find((p) => p.user.id === people[5].id).status,
				watcher.dispatches.filter((p) => p.t === 'PRESENCE_UPDATE' &&
					p.d.user.id === people[5].id).at(-1)?.d.status ?? 'online');
			gateway.close();
		}
		watcher.close();
	});
});
