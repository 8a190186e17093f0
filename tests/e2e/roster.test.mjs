// SPDX-License-Identifier: Apache-2.0
// Member lists: a client that applies each step has the list that the guild
// has, whatever happens.

import assert from 'node:assert/strict';
import { before, after, describe, it } from 'node:test';
import { good, isOwn, startChatd } from './chatd.mjs';
import { Gateway } from './socket.mjs';

const ALL = 0x0331ffff;
const VIEW = '1024';
const BOTS = 14;

let server, owner, viewer, bots, roles;

const call = (...args) => good(server, ...args);
const asOwner = (...args) => call(owner, ...args);
const guild = () => `/guilds/${server.guildId}`;

/** What a client shows: rows, changed step by step. */
class List {
	rows = [];
	updates = 0;

	constructor(gateway) {
		this.gateway = gateway;
	}

	static async look(channel, ranges = [[0, 99]], intents = ALL, who = viewer) {
		const gateway = await Gateway.login(server, who, { intents });
		await gateway.event('GUILD_CREATE');
		const list = new List(gateway);
		gateway.send(14, { guild_id: server.guildId,
			channels: { [channel]: ranges } });
		return list;
	}

	async next() {
		const { d } = await this.gateway.event('GUILD_MEMBER_LIST_UPDATE');
		assert.equal(d.guild_id, server.guildId);
		this.updates++;
		this.id = d.id;
		this.groups = d.groups;
		this.counts = [d.member_count, d.online_count];
		for (const { op, range, items, index, item } of d.ops) {
			if (op === 'SYNC') {
				this.rows.length = Math.min(this.rows.length, range[0]);
				this.rows.push(...items);
			} else if (op === 'INSERT') {
				this.rows.splice(index, 0, item);
			} else if (op === 'DELETE') {
				assert.ok(this.rows[index].member, 'a heading goes');
				this.rows.splice(index, 1);
			} else {
				assert.equal(op, 'UPDATE');
				assert.equal(this.rows[index].member.user.id,
					item.member.user.id);
				this.rows[index] = item;
			}
		}
		return this;
	}

	/** As text; a heading's count is in `groups`. */
	show() {
		const counts = new Map(this.groups.map((g) => [g.id, g.count]));
		return this.rows.map(({ group, member: m }) => group ?
			`# ${group.id} ${counts.get(group.id)}` :
			`${m.nick ?? m.user.global_name ?? m.user.username} ` +
			`${m.presence.status}`).join('\n');
	}

	/** Reads on until it shows what is wanted. */
	async shows(want) {
		try {
			while (this.show() !== want)
				await this.next();
		} catch (error) {
			assert.equal(this.show(), want, String(error));
		}
	}
}

/** What the list has to be, by what REST and the test know. */
async function expected(status, sees = () => true) {
	const members = (await asOwner('GET', `${guild()}/members?limit=1000`))
		.filter((m) => sees(m));
	const hoisted = (await asOwner('GET', `${guild()}/roles`))
		.filter((r) => r.hoist).sort((a, b) => b.position - a.position ||
			(BigInt(a.id) < BigInt(b.id) ? -1 : 1));
	const groups = [...hoisted.map((r) => r.id), 'online', 'offline']
		.map((id) => ({ id, members: [] }));
	for (const m of members) {
		const state = status.get(m.user.id) ?? 'offline';
		const group = state === 'offline' ? 'offline' :
			hoisted.find((r) => m.roles.includes(r.id))?.id ?? 'online';
		const name = m.nick ?? m.user.global_name ?? m.user.username;
		groups.find((g) => g.id === group).members.push({ name, state,
			key: name.toLowerCase().slice(0, 20), id: BigInt(m.user.id) });
	}
	return groups.filter((g) => g.members.length).map(({ id, members: of }) =>
		[`# ${id} ${of.length}`, ...of.sort((a, b) =>
			a.key < b.key ? -1 : a.key > b.key ? 1 : a.id < b.id ? -1 : 1)
			.map((m) => `${m.name} ${m.state}`)].join('\n')).join('\n');
}

describe('a member list', { skip: !isOwn && 'not our own server' }, () => {
	before(async () => {
		server = await startChatd(['--no-rate-limits']);
		const log = async (login) => (await call('', 'POST', '/auth/login', login)).token;
		owner = await log(server.login);
		const out = await server.admin('create-user', 'viewer', server.guildId);
		viewer = await log({ login: 'viewer',
			password: /password\s+(\S+)/.exec(out)[1] });
		bots = [];
		for (let i = 0; i < BOTS; i++) {
			const token = await server.bot(`${'kqbwx'[i % 5]}${i}`);
			bots.push({ token, ...await call(`Bot ${token}`, 'GET', '/users/@me') });
		}
		roles = [];
		for (const name of ['low', 'high'])
			roles.push(await asOwner('POST', `${guild()}/roles`,
				{ name, hoist: true }));
	});
	after(() => server?.close());

	it('is_the_same_after_every_change', async () => {
		const list = await List.look(server.channelId);
		await list.next();
		const me = list.gateway.ready.user.id;
		const status = new Map([[me, 'online']]);
		await list.shows(await expected(status));
		assert.equal(list.id, 'everyone');
		assert.deepEqual(list.counts, [BOTS + 4, 1]);
		const sessions = new Map();
		const states = ['online', 'idle', 'dnd', 'invisible'];
		const member = (bot) => `${guild()}/members/${bot.id}`;
		const changes = [
			async (bot) => {
				if (sessions.has(bot))
					return;
				const gateway = await Gateway.login(server, bot.token, { intents: 1 });
				await gateway.event('GUILD_CREATE');
				sessions.set(bot, gateway);
				status.set(bot.id, 'online');
			},
			async (bot, n) => {
				sessions.get(bot)?.send(3, { since: null, activities: [],
					afk: false, status: states[n % 4] });
				await sessions.get(bot)?.beat();
				if (sessions.has(bot))
					status.set(bot.id, [...states.slice(0, 3), 'offline'][n % 4]);
			},
			async (bot) => {
				sessions.get(bot)?.close();
				await sessions.get(bot)?.socket.closeCode();
				sessions.delete(bot);
				status.delete(bot.id);
			},
			(bot, n) => asOwner('PATCH', member(bot),
				{ nick: n % 3 ? `${'zMaYb'[n % 5]}nick${n}` : null }),
			(bot, n) => asOwner('PUT', `${member(bot)}/roles/${roles[n % 2].id}`),
			(bot, n) => asOwner('DELETE', `${member(bot)}/roles/${roles[n % 2].id}`),
		];
		let seed = 12345;
		const random = (n) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
		for (let round = 0; round < 12; round++) {
			for (let i = 0; i < 12; i++)
				await changes[random(round < 4 ? 2 : changes.length)](
					bots[random(BOTS)], random(1000));
			await list.shows(await expected(status));
		}
		await asOwner('PATCH', `${guild()}/roles/${roles[0].id}`, { hoist: false });
		await list.shows(await expected(status));
		await asOwner('DELETE', member(bots[0]));
		status.delete(bots[0].id);
		await list.shows(await expected(status));
		for (const gateway of [...sessions.values(), list.gateway])
			gateway.close();
	});

	it('comes_in_steps_that_are_told_together', async () => {
		const list = await List.look(server.channelId);
		await list.next();
		for (let i = 0; i < 40; i++)
			await asOwner('PATCH', `${guild()}/members/${bots[1].id}`,
				{ nick: `step ${i}` });
		const status = new Map([[list.gateway.ready.user.id, 'online']]);
		await list.shows(await expected(status));
		assert.ok(list.updates < 30, `${list.updates} events`);
		list.gateway.close();
	});

	it('of_a_closed_channel_has_only_those_who_see_it', async () => {
		const me = (await call(viewer, 'GET', '/users/@me')).id;
		const channel = await asOwner('POST', `${guild()}/channels`, {
			name: 'closed', permission_overwrites: [
				{ id: server.guildId, type: 0, allow: '0', deny: VIEW },
				{ id: me, type: 1, allow: VIEW, deny: '0' },
				{ id: bots[2].id, type: 1, allow: VIEW, deny: '0' }] });
		const list = await List.look(channel.id);
		await list.next();
		const status = new Map([[me, 'online']]);
		const ownerId = (await asOwner('GET', '/users/@me')).id;
		const seen = new Set([me, bots[2].id, ownerId]);
		await list.shows(await expected(status, (m) => seen.has(m.user.id)));
		assert.equal(list.id, channel.id);
		// Another comes in; then the one who looks is out.
		await asOwner('PUT', `/channels/${channel.id}/permissions/${bots[3].id}`,
			{ type: 1, allow: VIEW, deny: '0' });
		seen.add(bots[3].id);
		await list.shows(await expected(status, (m) => seen.has(m.user.id)));
		const allowed = await List.look(channel.id, [[0, 99]], ALL, owner);
		status.set(ownerId, 'online');
		await list.shows(await expected(status, (m) => seen.has(m.user.id)));
		await asOwner('DELETE', `/channels/${channel.id}/permissions/${me}`);
		seen.delete(me);
		await allowed.next();
		await allowed.shows(await expected(status, (m) => seen.has(m.user.id)));
		await asOwner('PATCH', `${guild()}/members/${bots[2].id}`, { nick: 'secret' });
		await allowed.shows(await expected(status, (m) => seen.has(m.user.id)));
		assert.match(allowed.show(), /secret/);
		await list.gateway.beat();
		assert.equal(list.gateway.dispatches.filter((p) =>
			p.t === 'GUILD_MEMBER_LIST_UPDATE').length, list.updates);
		assert.ok(!list.gateway.dispatches.some((p) =>
			JSON.stringify(p.d).includes('secret') &&
			p.t === 'GUILD_MEMBER_LIST_UPDATE'));
		for (const one of [list, allowed])
			one.gateway.close();
	});

	it('is_not_told_to_those_who_may_not_know_presences', async () => {
		const list = await List.look(server.channelId, [[0, 99]], ALL & ~256);
		await list.gateway.beat();
		const other = await List.look(server.channelId, [[0, 1]]);
		await other.next();
		assert.equal(other.rows.length, 2);
		await list.gateway.beat();
		assert.ok(!list.gateway.dispatches.some((p) =>
			p.t === 'GUILD_MEMBER_LIST_UPDATE'));
		for (const one of [list, other])
			one.gateway.close();
	});

	it('refuses_ranges_that_are_none', async () => {
		for (const ranges of [[[5, 2]], [[0, 100]], [[0]],
			[[0, 9], [10, 19], [20, 29], [30, 39]]]) {
			const list = await List.look(server.channelId, ranges);
			assert.equal(await list.gateway.socket.closeCode(), 4001);
		}
	});
});
