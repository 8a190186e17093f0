// SPDX-License-Identifier: Apache-2.0
// HTTP on the wire: what the libraries rely on, and what clients do wrong.

import assert from 'node:assert/strict';
import { before, after, describe, it } from 'node:test';
import { owner, startChatd } from './chatd.mjs';
import { connect } from './socket.mjs';
import { until, within } from './wait.mjs';

let server;
before(async () => {
	server = await startChatd();
});
after(() => server?.close());

async function call(method, path, { token = server.tokens[0], body, headers } = {}) {
	const response = await within('an answer', fetch(`${server.url}${path}`, {
		method,
		headers: {
			...(token && { Authorization: `Bot ${token}` }),
			...(body !== undefined && { 'Content-Type': 'application/json' }),
			...headers,
		},
		body: body === undefined || typeof body === 'string' ? body
			: JSON.stringify(body),
	}));
	const text = await response.text();
	let json;
	try {
		json = JSON.parse(text);
	} catch {
		json = text;
	}
	return { status: response.status, headers: response.headers, json };
}

/** A raw connection: writes text, collects what comes. */
class Wire {
	text = '';
	ended = false;

	static async open() {
		const wire = new Wire();
		[wire.tcp, wire.socket] = connect(new URL(server.url));
		wire.tcp.on('data', (chunk) => { wire.text += chunk; });
		wire.tcp.on('error', () => {});
		wire.tcp.on('close', () => { wire.ended = true; });
		return wire;
	}

	write(text) {
		this.tcp.write(text);
	}

	/** Waits for that many answers. */
	answers(count) {
		return until(`${count} answers`, () => {
			const found = this.text.split(/(?=HTTP\/1\.1 \d)/);
			return found.length >= count && this.text.endsWith('}') && found;
		});
	}
}

const get = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n` +
	`Authorization: Bot ${server.tokens[0]}\r\n${more}\r\n`;
const messages = () => `/api/v10/channels/${server.channelId}/messages`;

describe('answers', () => {
	it('have_exactly_application_json_and_a_date', async () => {
		const { status, headers, json } = await call('GET', '/api/v10/gateway/bot');
		assert.equal(status, 200);
		assert.equal(headers.get('content-type'), 'application/json');
		assert.ok(Math.abs(Date.parse(headers.get('date')) - Date.now()) < 60000);
		assert.match(json.url, /^wss?:\/\//);
		assert.ok(json.session_start_limit.max_concurrency >= 1);
	});

	it('need_no_token_for_the_gateway_url', async () => {
		const { status, json } = await call('GET', '/api/v10/gateway', { token: null });
		assert.equal(status, 200);
		assert.deepEqual(Object.keys(json), ['url']);
	});

	it('carry_rate_limit_headers_but_never_the_global_one', async () => {
		const { headers } = await call('GET', `/api/v10/channels/${server.channelId}`);
		assert.ok(Number(headers.get('x-ratelimit-limit')) >= 1);
		assert.ok(headers.get('x-ratelimit-remaining') !== null);
		assert.ok(Number(headers.get('x-ratelimit-reset-after')) > 0);
		assert.ok(headers.get('x-ratelimit-bucket'));
		assert.equal(headers.get('x-ratelimit-global'), null);
	});

	it('use_the_version_before_too_but_no_other', async () => {
		assert.equal((await call('GET', '/api/v9/gateway/bot')).status, 200);
		assert.equal((await call('GET', '/api/v6/gateway/bot')).status, 404);
	});
});

describe('errors', () => {
	const cases = [
		['an_unknown_route', 'GET', '/api/v10/nothing', {}, 404, 0],
		['another_method', 'PUT', '/api/v10/users/@me', {}, 405, 0],
		['no_token', 'GET', '/api/v10/users/@me', { token: null }, 401, 0],
		['a_bad_token', 'GET', '/api/v10/users/@me', { token: 'x.y' }, 401, 0],
		['an_id_that_is_none', 'GET', '/api/v10/channels/abc', {}, 400, 50035],
		['an_unknown_channel', 'GET', '/api/v10/channels/1100000000000000999',
			{}, 404, 10003],
		['an_unknown_guild', 'GET', '/api/v10/guilds/1100000000000000999',
			{}, 404, 10004],
		['broken_json', 'POST', messages, { body: '{"content"' }, 400, 50109],
		['an_empty_message', 'POST', messages, { body: {} }, 400, 50006],
		['a_long_message', 'POST', messages,
			{ body: { content: 'x'.repeat(2001) } }, 400, 50035],
		['an_unknown_message', 'GET', () => `${messages()}/1100000000000000999`,
			{}, 404, 10008],
	];
	for (const [name, method, path, options, status, code] of cases)
		it(`of_${name}`, async () => {
			const answer = await call(method,
				typeof path === 'string' ? path : path(), options);
			assert.equal(answer.status, status, JSON.stringify(answer.json));
			assert.equal(answer.json.code, code);
			assert.equal(typeof answer.json.message, 'string');
		});

	it('of_a_form_name_the_field', async () => {
		const { json } = await call('POST', messages(), { body: { content: 7 } });
		assert.equal(json.code, 50035);
		assert.ok(json.errors.content._errors[0].code);
	});

	it('of_a_body_that_is_too_large', async () => {
		const wire = await Wire.open();
		wire.write(`POST ${messages()} HTTP/1.1\r\nHost: x\r\n` +
			'Content-Length: 30000000\r\n\r\n');
		await until('an answer', () => wire.text.includes('\r\n\r\n'));
		assert.match(wire.text, /^HTTP\/1\.1 413 /);
		wire.tcp.destroy();
	});
});

describe('a body that has yet to come', () => {
	const head = (path, size, { token = 'made.up', type = 'multipart/form-data; boundary=x',
		method = 'POST' } = {}) => `${method} ${path} HTTP/1.1\r\nHost: x\r\n` +
		`Authorization: Bot ${token}\r\nContent-Type: ${type}\r\n` +
		(size ? `Content-Length: ${size}\r\n\r\n`
			: 'Transfer-Encoding: chunked\r\n\r\n');

	/** Of a head alone. */
	async function statusOf(text) {
		const wire = await Wire.open();
		wire.write(text);
		await until('an answer', () => wire.text.includes('\r\n\r\n'));
		wire.tcp.destroy();
		return Number(wire.text.slice(9, 12));
	}

	const hook = '/api/v10/webhooks/1100000000000000999/nothing';
	const json = { type: 'application/json' };
	const cases = [
		['by_nobody', () => head(messages(), 20 << 20), 401],
		['by_nobody_in_chunks', () => head(messages(), 0), 401],
		['by_nobody_in_json', () => head(messages(), 60000, json), 401],
		['by_no_webhook', () => head(hook, 20 << 20), 404],
		['for_a_login', () => head('/api/v10/auth/login', 60000, json), 413],
		['where_none_is_taken', () => head(`/api/v10/channels/${server.channelId}/typing`,
			60000, { token: server.tokens[0], ...json }), 413],
		['where_no_files_are_taken', () => head(`/api/v10/channels/${server.channelId}`,
			1 << 20, { token: server.tokens[0], method: 'PATCH' }), 413],
		['where_nothing_is', () => head('/api/v10/nothing', 1 << 20), 413],
	];
	for (const [name, text, status] of cases)
		it(`${name}_is_refused_at_once`, async () => {
			assert.equal(await statusOf(text()), status);
		});

	it('by_a_webhook_needs_its_token', async (t) => {
		const made = await call('POST', `/api/v10/channels/${server.channelId}/webhooks`,
			{ token: (await owner(server)).token, body: { name: 'hook' } });
		assert.equal(made.status, 200);
		const { id, token } = made.json;
		assert.equal(await statusOf(head(`/api/v10/webhooks/${id}/${token}x`, 1 << 20)), 401);
		const wire = await Wire.open();
		t.after(() => wire.tcp.destroy());
		const content = 'x'.repeat(1900);
		const body = '--x\r\nContent-Disposition: form-data; name="payload_json"\r\n\r\n' +
			`{"content":"${content}"}\r\n--x\r\nContent-Disposition: form-data; ` +
			`name="files[0]"; filename="a"\r\n\r\n${'a'.repeat(100000)}\r\n--x--\r\n`;
		wire.write(head(`/api/v10/webhooks/${id}/${token}?wait=true`, body.length) + body);
		const [answer] = await wire.answers(1);
		assert.match(answer, /^HTTP\/1\.1 200 /);
		assert.ok(answer.includes(content));
	});

	it('leaves_room_for_others', async (t) => {
		const { token } = await owner(server);
		const wires = await Promise.all(Array.from({ length: 32 }, () => Wire.open()));
		t.after(() => wires.forEach((wire) => wire.tcp.destroy()));
		wires.forEach((wire, i) => wire.write(head(messages(), 25 << 20,
			i % 2 ? { token } : {}) + '--x\r\n'));
		await until('refusals', () => wires.every((wire, i) => i % 2 || wire.text));
		const form = new FormData();
		form.append('files[0]', new Blob([Buffer.alloc(1 << 20)]), 'a.bin');
		for (let i = 0; i < 8; i++) {
			const answer = await within('an upload', fetch(`${server.url}${messages()}`, {
				method: 'POST', body: form,
				headers: { authorization: `Bot ${server.tokens[0]}`, connection: 'close' },
			}));
			assert.equal(answer.status, 200);
		}
		assert.ok(wires.every((wire, i) => i % 2 ? !wire.text : /^HTTP\/1\.1 401 /.test(wire.text)));
	});
});

describe('rate limits', () => {
	it('stop_a_flood_and_say_when_to_come_back', async () => {
		const token = await server.bot?.('flooder');
		if (!token)
			return;
		const answers = await Promise.all(Array.from({ length: 80 }, () =>
			call('GET', '/api/v10/users/@me', { token })));
		const limited = answers.filter((a) => a.status === 429);
		assert.ok(limited.length > 0);
		for (const { json, headers } of limited) {
			assert.ok(json.retry_after > 0);
			assert.equal(typeof json.global, 'boolean');
			assert.ok(Number(headers.get('retry-after')) >= 1);
			assert.ok(headers.get('x-ratelimit-scope'));
			assert.equal(headers.get('x-ratelimit-global') === 'true', json.global);
		}
	});
});

describe('rate limits of calls that need no token', () => {
	const cases = [['login', 11, 'POST', '/api/v10/auth/login', {}],
		['invite', 26, 'GET', '/api/v10/invites/none']];
	for (const [name, calls, method, path, body] of cases)
		it(`count_whoever_makes_a_token_up_for_each_${name}`, async () => {
			const answers = await Promise.all(Array.from({ length: calls }, (_, i) =>
				call(method, path, { token: `made.up.${i}`, body })));
			assert.ok(answers.some((a) => a.status === 429 && !a.json.global));
		});
});

describe('connections', () => {
	it('are_kept_and_answer_pipelined_requests_in_order', async () => {
		const wire = await Wire.open();
		wire.write(get('/api/v10/gateway') + get('/api/v10/nothing') +
			get('/api/v10/gateway/bot') + get('/api/v10/nothing'));
		const found = await wire.answers(4);
		assert.deepEqual(found.map((a) => a.slice(9, 12)),
			['200', '404', '200', '404']);
		wire.write(get('/api/v10/gateway'));
		await wire.answers(5);
		assert.equal(wire.ended, false);
		wire.tcp.destroy();
	});

	it('have_the_next_answer_right_behind_that_to_head', async () => {
		const wire = await Wire.open();
		wire.write(get('/app.js').replace('GET', 'HEAD') +
			get('/api/v10/users/@me').replace('GET', 'HEAD') +
			get('/api/v10/nothing').replace('GET', 'HEAD') + get('/api/v10/gateway'));
		const found = await wire.answers(4);
		assert.deepEqual(found.map((a) => a.slice(9, 12)),
			['200', '200', '404', '200']);
		const { headers } = await call('GET', '/app.js', { token: null });
		assert.match(found[0], new RegExp(
			`\r\nContent-Length: ${headers.get('content-length')}\r\n`));
		for (const answer of found.slice(0, 3))
			assert.ok(answer.endsWith('\r\n\r\n'), answer);
		wire.tcp.destroy();
	});

	it('wait_for_a_client_that_reads_late', async () => {
		const wire = await Wire.open();
		const count = 200;
		wire.tcp.pause();
		// answered at once, and far more than socket buffers hold
		wire.write(get('/app.js').repeat(count) + get('/api/v10/gateway'));
		assert.equal((await call('GET', '/api/v10/gateway')).status, 200);
		wire.tcp.resume();
		await wire.answers(count + 1);
		assert.equal(wire.text.split('HTTP/1.1 200').length - 1, count + 1);
		wire.tcp.destroy();
	});

	it('close_when_the_client_says_so', async () => {
		const wire = await Wire.open();
		wire.write(get('/api/v10/gateway', 'Connection: close\r\n'));
		await until('the end', () => wire.ended);
		assert.match(wire.text, /^HTTP\/1\.1 200 [^]*connection: close/i);
	});

	it('take_a_request_byte_by_byte', async () => {
		const wire = await Wire.open();
		const body = '{"content":"slowly"}';
		const request = `POST ${messages()} HTTP/1.1\r\nHost: x\r\n` +
			`Authorization: Bot ${server.tokens[0]}\r\n` +
			'Content-Type: application/json\r\n' +
			`Content-Length: ${body.length}\r\n\r\n${body}`;
		for (const byte of request) {
			wire.write(byte);
			await new Promise(setImmediate);
		}
		const [answer] = await wire.answers(1);
		assert.match(answer, /^HTTP\/1\.1 200 [^]*slowly/);
		wire.tcp.destroy();
	});

	it('survive_clients_that_leave_half_way', async () => {
		const request = `POST ${messages()} HTTP/1.1\r\nHost: x\r\n` +
			`Authorization: Bot ${server.tokens[0]}\r\n` +
			'Content-Length: 21\r\n\r\n{"content":"leaving"}';
		for (let cut = 1; cut <= request.length; cut += 7) {
			const wire = await Wire.open();
			wire.write(request.slice(0, cut));
			await new Promise(setImmediate);
			wire.socket.resetAndDestroy();
		}
		assert.equal((await call('GET', '/api/v10/gateway')).status, 200);
	});

	it('refuse_what_is_no_http', async () => {
		for (const text of ['\0\0\0\0\r\n\r\n', 'GET\r\n\r\n', '\r\n\r\n\r\n',
			'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', `GET /${'a'.repeat(20000)} HTTP/1.1\r\n\r\n`,
			`GET / HTTP/1.1\r\nX: ${'y'.repeat(20000)}\r\n\r\n`]) {
			const wire = await Wire.open();
			wire.write(text);
			wire.tcp.end();
			await until('the end', () => wire.ended);
			assert.doesNotMatch(wire.text, /^HTTP\/1\.1 200/);
		}
		assert.equal((await call('GET', '/api/v10/gateway')).status, 200);
	});

	it('read_queries_with_escapes', async () => {
		const { status, json } = await call('GET', `${messages()}?limit=%31&x=%26`);
		assert.equal(status, 200);
		assert.ok(json.length <= 1);
	});
});

describe('the page', () => {
	it('is_self_contained', async () => {
		for (const [path, type] of [['/', 'text/html'], ['/app.css', 'text/css'],
			['/app.js', 'text/javascript']]) {
			const { status, headers, json } = await call('GET', path, { token: null });
			assert.equal(status, 200);
			assert.ok(headers.get('content-type').startsWith(type));
			assert.match(headers.get('content-security-policy'), /default-src 'self'/);
			assert.doesNotMatch(json, /(src|href)="(https?:)?\/\//);
		}
	});
});
