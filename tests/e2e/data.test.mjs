// SPDX-License-Identifier: Apache-2.0
// The data service as clients and operators see it: /metrics, what is shared
// between readers, and what is not.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isOwn, rest, startChatd } from './chatd.mjs';
import { until, within } from './wait.mjs';

let server, person;

const call = (method, path, { token = `Bot ${server.tokens[0]}`, body } = {}) =>
	rest(server, token, method, path, body);

/** Of /metrics: samples by their name and labels. */
async function metrics() {
	const [, url] = [...server.output.matchAll(/^chatd: metrics on (\S+)$/gm)].at(-1);
	const response = await within('/metrics', fetch(url));
	assert.equal(response.status, 200);
	assert.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
	const samples = new Map();
	for (const line of (await response.text()).trimEnd().split('\n')) {
		if (line.startsWith('#'))
			continue;
		const [, name, value] = /^([a-z_]+(?:\{[^}]*\})?) ([-+.e0-9]+)$/.exec(line) ??
			assert.fail(line);
		assert.ok(!samples.has(name), name);
		samples.set(name, Number(value));
	}
	return samples;
}

const messages = () => `/channels/${server.channelId}/messages`;

before(async () => {
	server = await startChatd(['--no-rate-limits', '--metrics-port', '0']);
	const { status, body } = await call('POST', '/auth/login',
		{ token: null, body: server.login });
	assert.equal(status, 200);
	person = body.token;
	for (let i = 0; i < 5; i++)
		await call('POST', messages(), { body: { content: `message ${i}` } });
});

after(() => server.close());

test('a page after 0 begins with the first message', async () => {
	const all = (await call('GET', messages())).body.map(({ id }) => id);
	for (const cursor of ['0', '1'])
		assert.deepEqual((await call('GET', `${messages()}?limit=2&after=${cursor}`))
			.body.map(({ id }) => id), all.slice(-2));
	assert.deepEqual((await call('GET', `${messages()}?before=0`)).body, []);
	assert.equal((await call('GET', `${messages()}?before=0&after=0`)).status, 400);
});

test('readers of one page get the same, and are counted', async () => {
	const earlier = await metrics();
	const answers = await Promise.all(Array.from({ length: 200 }, () =>
		call('GET', `${messages()}?limit=50`)));
	for (const { status, body } of answers) {
		assert.equal(status, 200);
		assert.deepEqual(body, answers[0].body);
	}
	const later = await metrics();
	const grown = (name) => later.get(name) - (earlier.get(name) ?? 0);
	// The search reads a time or two as well.
	const reads = grown('chatd_data_reads_total');
	assert.ok(reads >= 200 && reads < 210, `${reads} reads`);
	assert.ok(grown('chatd_data_runs_total') >= 1);
	// How many are shared is a matter of time: data_channel_sim proves it.
	assert.ok(grown('chatd_data_runs_total') <= reads);
	assert.ok(later.get('chatd_data_coalescing_ratio') >= 1);
	const hot = `{channel="${server.channelId}"}`;
	assert.ok(grown(`chatd_data_channel_reads_total${hot}`) >= 200);
});

test('what a reader is shown of reactions is his own', async () => {
	const { body: [newest] } = await call('GET', messages());
	const { status } = await call('PUT',
		`${messages()}/${newest.id}/reactions/%F0%9F%94%A5/@me`);
	assert.equal(status, 204);
	// So many that some are answered from one store read.
	const answers = await Promise.all(Array.from({ length: 200 }, (_, i) =>
		call('GET', `${messages()}?limit=50`, i % 2 ? { token: person } : {})));
	answers.forEach(({ body }, i) =>
		assert.equal(body[0].reactions[0].me, i % 2 === 0, i));
});

test('permission is checked before a read is joined', async () => {
	const { body: hidden } = await call('POST',
		`/guilds/${server.guildId}/channels`,
		{ token: person, body: { name: 'hidden', type: 0,
			permission_overwrites: [{ id: server.guildId, type: 0,
				allow: '0', deny: '1024' }] } });
	await call('POST', `/channels/${hidden.id}/messages`,
		{ token: person, body: { content: 'secret' } });
	const reads = `chatd_data_channel_reads_total{channel="${hidden.id}"}`;
	const before = (await metrics()).get(reads) ?? 0;
	const path = `/channels/${hidden.id}/messages?limit=50`;
	const answers = await Promise.all(Array.from({ length: 100 }, (_, i) =>
		call('GET', path, i % 2 ? { token: person } : {})));
	answers.forEach(({ status }, i) => assert.equal(status, i % 2 ? 200 : 403));
	// The search reads there as well, a time or two.
	const grown = (await metrics()).get(reads) - before;
	assert.ok(grown >= 50 && grown < 60, `${grown} reads`);
});

test('read states show their figures', async () => {
	const { body: [newest] } = await call('GET', messages());
	const { status } = await call('POST', `${messages()}/${newest.id}/ack`,
		{ token: person, body: { token: null } });
	assert.equal(status, 200);
	const samples = await until('figures', async () => {
		const samples = await metrics();
		return samples.get('chatd_readstate_changes_total') >= 1 && samples;
	});
	assert.ok(samples.get('chatd_readstate_states') >= 1);
	assert.ok(samples.get('chatd_readstate_ack_seconds_count') >= 1);
	assert.ok(samples.get('chatd_readstate_memory_bytes') > 0);
});

test('search shows its lag, its rate and its times', async () => {
	const { body: said } = await call('POST', messages(),
		{ body: { content: 'the pangolin' } });
	await until('the hit', async () => {
		const { status, body } = await call('GET',
			`/guilds/${server.guildId}/messages/search?content=pangolin`);
		return status === 200 && body.messages[0]?.[0].id === said.id;
	});
	const samples = await until('no lag', async () => {
		const samples = await metrics();
		return samples.get('chatd_search_lag_seconds') === 0 &&
			samples.get('chatd_search_behind_channels') === 0 && samples;
	});
	for (const name of ['chatd_search_rows_total', 'chatd_search_batches_total',
		'chatd_search_queries_total', 'chatd_search_query_seconds_count',
		'chatd_search_query_seconds_sum', 'chatd_search_index_seconds_count',
		'chatd_search_batch_seconds_count'])
		assert.ok(samples.get(name) > 0, name);
});

test('operators\' port has /metrics only, the clients\' one has not',
	{ skip: !isOwn }, async () => {
		const [, inside] = /^chatd: metrics on (\S+)\/metrics$/m.exec(server.output);
		for (const path of ['/', '/api/v10/gateway', '/app.js'])
			assert.equal((await fetch(inside + path)).status, 404, path);
		assert.equal((await fetch(`${server.url}/metrics`)).status, 404);
	});
