// SPDX-License-Identifier: Apache-2.0
// RFC 6455 on the wire: fragmentation, control frames, UTF-8, masks, close
// codes; and streams that come byte by byte, stop, or break off.

import assert from 'node:assert/strict';
import net from 'node:net';
import { before, after, describe, it } from 'node:test';
import { startChatd } from './chatd.mjs';
import { connect, frame, OP, Socket } from './socket.mjs';
import { until, within } from './wait.mjs';

let server;
before(async () => {
	server = await startChatd();
});
after(() => server?.close());

const open = () => Socket.open(server.url);
const BEAT = '{"op":1,"d":null}';

async function acked(socket) {
	return socket.next('an answer to a heartbeat',
		(f) => f.opcode === OP.text && f.data.includes('"op":11'));
}

describe('fragmentation', () => {
	it('joins_fragments_with_control_frames_between_them', async () => {
		const socket = await open();
		socket.frame(OP.text, BEAT.slice(0, 4), { fin: false });
		socket.frame(OP.ping, 'between');
		socket.frame(OP.cont, '', { fin: false });
		socket.frame(OP.cont, BEAT.slice(4));
		const pong = await socket.next('a pong', (f) => f.opcode === OP.pong);
		assert.equal(pong.data.toString(), 'between');
		await acked(socket);
		socket.end();
	});

	it('takes_a_stream_byte_by_byte', async () => {
		const socket = await open();
		for (const byte of frame(OP.text, BEAT)) {
			socket.write(Buffer.from([byte]));
			await new Promise(setImmediate);
		}
		await acked(socket);
		socket.end();
	});

	it('takes_empty_fragments_and_masks_of_zero', async () => {
		const socket = await open();
		socket.frame(OP.text, '', { fin: false });
		socket.frame(OP.cont, BEAT, { fin: false });
		socket.frame(OP.cont, '');
		await acked(socket);
		socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | BEAT.length,
			0, 0, 0, 0]), Buffer.from(BEAT)]));
		await acked(socket);
		socket.end();
	});

	it('takes_4096_bytes_and_not_one_more', async () => {
		const padded = (size) => BEAT + ' '.repeat(size - BEAT.length);
		const socket = await open();
		socket.frame(OP.text, padded(4096));
		await acked(socket);
		socket.frame(OP.text, padded(2048), { fin: false });
		socket.frame(OP.cont, ' '.repeat(2048));
		await acked(socket);
		socket.frame(OP.text, padded(2048), { fin: false });
		socket.frame(OP.cont, ' '.repeat(2049));
		assert.equal(await socket.closeCode(), 4002);
	});

	it('refuses_a_length_beyond_all_bounds_before_its_bytes', async () => {
		for (const [length, code] of [['7fffffffffffffff', 4002],
			['8000000000000000', 1002], ['ffffffffffffffff', 1002]]) {
			const socket = await open();
			socket.write(Buffer.concat([Buffer.from([0x81, 0xff]),
				Buffer.from(length, 'hex'), Buffer.alloc(4)]));
			assert.equal(await socket.closeCode(), code);
		}
	});

	it('takes_many_frames_in_one_piece', async () => {
		const socket = await open();
		socket.write(Buffer.concat(Array.from({ length: 50 },
			() => frame(OP.text, BEAT))));
		await acked(socket);
		socket.frame(OP.ping, 'after');
		await socket.next('a pong', (f) => f.opcode === OP.pong);
		socket.end();
	});

	for (const [name, frames] of [
		['a_continuation_without_a_start', [[OP.cont, 'x']]],
		['a_start_within_a_message', [[OP.text, 'a', { fin: false }], [OP.text, 'b']]],
		['a_binary_start_within_a_text', [[OP.text, 'a', { fin: false }],
			[OP.binary, 'b']]],
		['a_continuation_after_the_end', [[OP.text, BEAT], [OP.cont, 'x']]],
	])
		it(`refuses_${name}`, async () => {
			const socket = await open();
			for (const args of frames)
				socket.frame(...args);
			assert.equal(await socket.closeCode(), 1002);
		});
});

describe('control frames', () => {
	it('answers_a_ping_with_its_payload', async () => {
		const socket = await open();
		for (const payload of ['', 'hello', 'x'.repeat(125)]) {
			socket.frame(OP.ping, payload);
			const pong = await socket.next('a pong', (f) => f.opcode === OP.pong);
			assert.equal(pong.data.toString(), payload);
		}
		socket.end();
	});

	it('ignores_pongs_nobody_asked_for', async () => {
		const socket = await open();
		socket.frame(OP.pong, 'unasked');
		socket.frame(OP.text, BEAT);
		await acked(socket);
		socket.end();
	});

	for (const [name, args] of [
		['a_long_ping', [OP.ping, 'x'.repeat(126)]],
		['a_fragmented_ping', [OP.ping, 'x', { fin: false }]],
		['a_long_pong', [OP.pong, 'x'.repeat(126)]],
		['a_long_close', [OP.close, Buffer.concat([Buffer.from([3, 232]),
			Buffer.alloc(124, 'x')])]],
		['a_fragmented_close', [OP.close, '', { fin: false }]],
		['a_ping_in_a_longer_form', [OP.ping, 'x', { form: 16 }]],
		...[3, 4, 5, 6, 7].map((n) => [`data_opcode_${n}`, [n, 'x']]),
		...[11, 12, 13, 14, 15].map((n) => [`control_opcode_${n}`, [n, 'x']]),
		...[1, 2, 4, 7].map((rsv) =>
			[`reserved_bits_${rsv}`, [OP.text, BEAT, { rsv }]]),
		['a_reserved_bit_of_a_ping', [OP.ping, 'x', { rsv: 4 }]],
		['a_frame_without_a_mask', [OP.text, BEAT, { mask: false }]],
		['a_ping_without_a_mask', [OP.ping, 'x', { mask: false }]],
		['a_length_in_16_bits_too_many', [OP.text, BEAT, { form: 16 }]],
		['a_length_in_64_bits_too_many', [OP.text, 'x'.repeat(200), { form: 64 }]],
	])
		it(`refuses_${name}`, async () => {
			const socket = await open();
			socket.frame(...args);
			assert.equal(await socket.closeCode(), 1002);
		});
});

describe('utf-8', () => {
	for (const [name, bytes] of [
		['an_overlong_form_of_two', [0xc0, 0xaf]],
		['the_longest_overlong_form_of_two', [0xc1, 0xbf]],
		['an_overlong_form_of_three', [0xe0, 0x9f, 0xbf]],
		['an_overlong_form_of_four', [0xf0, 0x8f, 0xbf, 0xbf]],
		['an_overlong_nul', [0xc0, 0x80]],
		['the_first_surrogate', [0xed, 0xa0, 0x80]],
		['the_last_surrogate', [0xed, 0xbf, 0xbf]],
		['a_pair_of_surrogates', [0xed, 0xa1, 0x8c, 0xed, 0xbe, 0xb4]],
		['more_than_10ffff', [0xf4, 0x90, 0x80, 0x80]],
		['a_form_of_five', [0xf8, 0x88, 0x80, 0x80, 0x80]],
		['a_form_of_six', [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]],
		['a_lone_continuation', [0x61, 0x80, 0x62]],
		['two_continuations_too_many', [0xce, 0xba, 0x80, 0xbf]],
		['fe', [0xfe]],
		['ff', [0xff]],
		['a_character_of_two_cut_short', [0x61, 0xc3]],
		['a_character_of_three_cut_short', [0x61, 0xe2, 0x82]],
		['a_character_of_four_cut_short', [0x61, 0xf0, 0x9f, 0x94]],
		['a_character_broken_by_another', [0xe2, 0x82, 0x61]],
	])
		it(`refuses_${name}`, async () => {
			const socket = await open();
			socket.frame(OP.text, Buffer.from(bytes));
			assert.equal(await socket.closeCode(), 1007);
		});

	it('refuses_it_in_a_message_of_fragments', async () => {
		const socket = await open();
		socket.frame(OP.text, Buffer.from([0x61, 0xe2]), { fin: false });
		socket.frame(OP.ping, 'between');
		socket.frame(OP.cont, Buffer.from([0x61]));
		assert.equal(await socket.closeCode(), 1007);
	});

	it('takes_all_that_is_valid', async () => {
		const socket = await open();
		// The borders of each length, and characters that are none.
		for (const point of [0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfdd0,
			0xfeff, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1fffe, 0x10ffff]) {
			socket.frame(OP.text, `{"op":1,"d":null,"x":"${
				String.fromCodePoint(point)}"}`);
			await acked(socket);
		}
		socket.end();
	});

	it('takes_a_character_split_between_fragments', async () => {
		const socket = await open();
		const text = Buffer.from('{"op":1,"d":null,"x":"\u{1f525}"}');
		const middle = text.length - 4;
		socket.frame(OP.text, text.subarray(0, middle), { fin: false });
		socket.frame(OP.cont, text.subarray(middle));
		await acked(socket);
		socket.end();
	});
});

describe('closing', () => {
	const closing = async (payload) => {
		const socket = await open();
		socket.frame(OP.close, payload);
		const code = await socket.closeCode();
		await until('the end of the stream', () => socket.ended);
		return code;
	};
	const code = (n, text = '') => Buffer.concat(
		[Buffer.from([n >> 8, n & 255]), Buffer.from(text)]);

	for (const good of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012,
		1013, 1014, 3000, 3999, 4000, 4999])
		it(`echoes_${good}`, async () => {
			assert.equal(await closing(code(good, 'reason')), good);
		});

	it('answers_an_empty_one_with_an_empty_one', async () => {
		assert.equal(await closing(Buffer.alloc(0)), 1005);
	});

	for (const bad of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000,
		2999, 5000, 65535])
		it(`refuses_${bad}`, async () => {
			assert.equal(await closing(code(bad)), 1002);
		});

	it('refuses_a_single_byte_and_a_reason_that_is_not_utf8', async () => {
		assert.equal(await closing(Buffer.from([3])), 1002);
		assert.equal(await closing(Buffer.from([3, 232, 0xff])), 1007);
		assert.equal(await closing(code(1000, '\u00e9'.repeat(61))), 1000);
	});

	it('sends_nothing_after_its_close_frame', async () => {
		const socket = await open();
		socket.write(Buffer.concat([frame(OP.close, code(1000)),
			frame(OP.text, BEAT), frame(OP.ping, 'late')]));
		await until('the end of the stream', () => socket.ended);
		assert.equal(socket.frames.at(-1).opcode, OP.close);
	});

	it('ends_a_peer_that_never_answers_its_close', async () => {
		const socket = await open();
		socket.frame(OP.text, '{');
		assert.equal(await socket.closeCode(), 4002);
		await until('the end of the stream', () => socket.ended);
	});
});

describe('streams that break', () => {
	const alive = async () => {
		const socket = await open();
		socket.frame(OP.text, BEAT);
		await acked(socket);
		socket.end();
	};

	it('outlives_resets_in_the_middle_of_frames', async () => {
		const bytes = frame(OP.text, BEAT);
		for (let cut = 1; cut < bytes.length; cut++) {
			const socket = await open();
			socket.write(bytes.subarray(0, cut));
			await new Promise(setImmediate);
			socket.cut();
		}
		await alive();
	});

	it('outlives_half_closed_and_half_open_peers', async () => {
		const sockets = await Promise.all(Array.from({ length: 20 }, open));
		for (const socket of sockets)
			socket.tcp.end();
		await until('their ends', () => sockets.every((s) => s.ended));
		await alive();
	});

	for (const [name, change] of [
		['another_version', (h) => h.replace('Version: 13', 'Version: 12')],
		['no_version', (h) => h.replace('Sec-WebSocket-Version: 13\r\n', '')],
		['no_key', (h) => h.replace(/Sec-WebSocket-Key: .*\r\n/, '')],
		['no_upgrade', (h) => h.replace('Upgrade: websocket\r\n', '')],
		['another_upgrade', (h) => h.replace('websocket', 'h2c')],
		['another_method', (h) => h.replace('GET', 'POST')],
	])
		it(`refuses_a_handshake_with_${name}`, async () => {
			const [tcp] = connect(new URL(server.url));
			let text = '', ended = false;
			tcp.on('data', (chunk) => { text += chunk; });
			tcp.on('close', () => { ended = true; });
			tcp.write(change('GET /?v=10 HTTP/1.1\r\nHost: x\r\n' +
				'Upgrade: websocket\r\nConnection: Upgrade\r\n' +
				'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n' +
				'Sec-WebSocket-Version: 13\r\n\r\n'));
			await until('an answer', () => ended || /\r\n\r\n/.test(text));
			assert.doesNotMatch(text, /^HTTP\/1.1 101/);
			if (/version/.test(name))
				assert.match(text, /^HTTP\/1.1 426[^]*\r\nSec-WebSocket-Version: 13\r\n/);
			tcp.destroy();
			await alive();
		});

	it('outlives_handshakes_that_break_off_anywhere', async () => {
		const { hostname, port } = new URL(server.url);
		const head = 'GET /?v=10 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n' +
			'Connection: Upgrade\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==' +
			'\r\nSec-WebSocket-Version: 13\r\n\r\n';
		await Promise.all(Array.from({ length: head.length }, (_, cut) =>
			within('a connection', new Promise((resolve) => {
				const tcp = net.connect(port, hostname, () => {
					tcp.write(head.slice(0, cut), () => {
						tcp.resetAndDestroy();
						resolve();
					});
				});
				tcp.on('error', resolve);
			}))));
		await alive();
	});

	it('serves_others_while_thousands_come_and_go', async () => {
		for (let round = 0; round < 10; round++) {
			const sockets = await Promise.all(
				Array.from({ length: 100 }, open));
			for (const socket of sockets)
				socket.cut();
			await alive();
		}
	});
});
