// SPDX-License-Identifier: Apache-2.0
// RFC 6455 on the wire: fragmentation, control frames, UTF-8, masks, close
// codes; and streams that come byte by byte, stop, or break off.

import assert from 'node:assert/strict';
import net from 'node:net';
import { before, after, describe, it } from 'node:test';
import { startChatd } from './chatd.mjs';
import { frame, OP, Socket } from './socket.mjs';
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
		['a_reserved_data_opcode', [3, 'x']],
		['a_reserved_control_opcode', [11, 'x']],
		['the_first_reserved_bit', [OP.text, BEAT, { rsv: 4 }]],
		['the_last_reserved_bit', [OP.text, BEAT, { rsv: 1 }]],
		['a_frame_without_a_mask', [OP.text, BEAT, { mask: false }]],
		['a_length_in_too_long_a_form', [OP.text, BEAT, { form: 16 }]],
	])
		it(`refuses_${name}`, async () => {
			const socket = await open();
			socket.frame(...args);
			assert.equal(await socket.closeCode(), 1002);
		});
});

describe('utf-8', () => {
	for (const [name, bytes] of [
		['an_overlong_form', [0xc0, 0xaf]],
		['a_surrogate', [0xed, 0xa0, 0x80]],
		['more_than_10ffff', [0xf4, 0x90, 0x80, 0x80]],
		['a_character_cut_short', [0x61, 0xe2, 0x82]],
	])
		it(`refuses_${name}`, async () => {
			const socket = await open();
			socket.frame(OP.text, Buffer.from(bytes));
			assert.equal(await socket.closeCode(), 1007);
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

	for (const good of [1000, 1001, 1002, 1003, 1007, 1011, 3000, 3999, 4000, 4999])
		it(`echoes_${good}`, async () => {
			assert.equal(await closing(code(good, 'reason')), good);
		});

	it('answers_an_empty_one_with_an_empty_one', async () => {
		assert.equal(await closing(Buffer.alloc(0)), 1005);
	});

	for (const bad of [0, 999, 1004, 1005, 1006, 1015, 2000, 2999, 5000, 65535])
		it(`refuses_${bad}`, async () => {
			assert.equal(await closing(code(bad)), 1002);
		});

	it('refuses_a_single_byte_and_a_reason_that_is_not_utf8', async () => {
		assert.equal(await closing(Buffer.from([3])), 1002);
		assert.equal(await closing(Buffer.from([3, 232, 0xff])), 1007);
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
