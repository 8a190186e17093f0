// SPDX-License-Identifier: Apache-2.0
// A WebSocket client that does what it is told, right or wrong: every frame,
// and every byte, is the test's.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import zlib from 'node:zlib';
import { until, within } from './wait.mjs';

export const OP = { cont: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** A client's frame.  `mask`: false leaves it out, which servers refuse. */
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = true,
	form } = {}) {
	const data = Buffer.from(payload);
	form ??= data.length < 126 ? 7 : data.length < 65536 ? 16 : 64;
	const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10);
	head[0] = (fin ? 0x80 : 0) | rsv << 4 | opcode;
	head[1] = (mask ? 0x80 : 0) |
		(form === 7 ? data.length : form === 16 ? 126 : 127);
	if (form === 16)
		head.writeUInt16BE(data.length, 2);
	if (form === 64)
		head.writeBigUInt64BE(BigInt(data.length), 2);
	if (!mask)
		return Buffer.concat([head, data]);
	const key = crypto.randomBytes(4);
	return Buffer.concat([head, key, data.map((byte, i) => byte ^ key[i % 4])]);
}

/** A stream to a server, over TLS if its URL says so, and its socket. */
export function connect({ protocol, hostname, port }) {
	const tcp = net.connect(port, hostname).setNoDelay(true);
	tcp.on('error', () => {});
	return [protocol === 'https:' ?
		tls.connect({ socket: tcp, host: hostname }) : tcp, tcp];
}

/** Reads a server's frames out of a stream; checks what it must keep to. */
export class FrameReader {
	#rest = Buffer.alloc(0);

	push(chunk) {
		this.#rest = Buffer.concat([this.#rest, chunk]);
		const frames = [];
		for (let next; (next = this.#take());)
			frames.push(next);
		return frames;
	}

	#take() {
		const bytes = this.#rest;
		if (bytes.length < 2)
			return null;
		assert.equal(bytes[0] & 0x70, 0, 'a reserved bit is set');
		assert.equal(bytes[1] & 0x80, 0, 'a server must not mask');
		let len = bytes[1] & 0x7f, at = 2;
		if (len === 126) {
			if (bytes.length < 4)
				return null;
			len = bytes.readUInt16BE(2);
			assert.ok(len > 125, 'a length in too long a form');
			at = 4;
		} else if (len === 127) {
			if (bytes.length < 10)
				return null;
			len = Number(bytes.readBigUInt64BE(2));
			assert.ok(len > 65535, 'a length in too long a form');
			at = 10;
		}
		if (bytes.length < at + len)
			return null;
		this.#rest = bytes.subarray(at + len);
		return { fin: !!(bytes[0] & 0x80), opcode: bytes[0] & 0x0f,
			data: bytes.subarray(at, at + len) };
	}
}

export class Socket {
	frames = [];		// all that came, oldest first
	closed = null;		// { code, reason } when the peer's close frame is here
	ended = false;		// the stream has
	#taken = 0;

	/** Connects and does the handshake. */
	static async open(url, path = '/?v=10&encoding=json') {
		const socket = new Socket();
		await socket.#open(new URL(url), path);
		return socket;
	}

	async #open(url, path) {
		const { hostname, port } = url;
		const key = crypto.randomBytes(16).toString('base64');
		const reader = new FrameReader();
		let head = Buffer.alloc(0), opened;

		[this.stream, this.tcp] = connect(url);
		this.stream.on('error', (error) => { this.error = error; });
		this.stream.on('close', () => { this.ended = true; });
		this.stream.on('end', () => { this.ended = true; });
		this.stream.on('data', (chunk) => {
			if (opened)
				return this.#arrived(reader.push(chunk));
			head = Buffer.concat([head, chunk]);
			const end = head.indexOf('\r\n\r\n');
			if (end < 0)
				return;
			opened = head.subarray(0, end).toString();
			this.#arrived(reader.push(head.subarray(end + 4)));
		});
		this.stream.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n` +
			'Upgrade: websocket\r\nConnection: Upgrade\r\n' +
			`Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`);
		await until('a handshake', () => opened || this.ended);
		assert.match(opened ?? '', /^HTTP\/1\.1 101 /);
		const accept = crypto.createHash('sha1')
			.update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
			.digest('base64');
		assert.match(opened, new RegExp(
			`sec-websocket-accept: ${accept.replace(/[+/]/g, '\\$&')}`, 'i'));
	}

	#arrived(frames) {
		for (const one of frames) {
			this.frames.push(one);
			if (one.opcode === OP.close)
				this.closed = { code: one.data.length >= 2 ?
					one.data.readUInt16BE(0) : 1005,
				reason: one.data.toString('utf8', 2) };
		}
	}

	write(bytes) {
		this.stream.write(bytes);
	}

	frame(...args) {
		this.write(frame(...args));
	}

	/** The next frame that `want` accepts; those before it are skipped. */
	async next(what, want = () => true) {
		return until(what, () => {
			while (this.#taken < this.frames.length) {
				const one = this.frames[this.#taken++];
				if (want(one))
					return one;
			}
			if (this.ended)
				throw new Error(`the stream ended before ${what}` +
					(this.closed ? `: closed ${this.closed.code}` : ''));
			return null;
		});
	}

	/** The code it is closed with; 1006: the stream ended without one. */
	async closeCode() {
		await until('the end of the stream', () => this.closed || this.ended);
		return this.closed?.code ?? 1006;
	}

	/** Gone, with a reset. */
	cut() {
		this.tcp.resetAndDestroy();
	}

	end() {
		this.stream.destroy();
	}
}

/** The gateway's protocol on top, one step at a time. */
export class Gateway {
	seq = 0;
	dispatches = [];	// { s, t, d }

	static async open(server, { compress, path } = {}) {
		const gateway = new Gateway();
		const query = compress ? `&compress=${compress}` : '';
		gateway.socket = await Socket.open(server.url,
			path ?? `/?v=10&encoding=json${query}`);
		if (compress === 'zlib-stream')
			gateway.inflate = new Inflate();
		gateway.hello = await gateway.expect(10);
		return gateway;
	}

	/** Opened, identified and READY. */
	static async login(server, token, { intents = 513, ...rest } = {}) {
		const gateway = await Gateway.open(server, rest);
		gateway.token = token;
		gateway.identify({ token, intents, ...rest.identify });
		gateway.ready = (await gateway.event('READY')).d;
		return gateway;
	}

	send(op, d) {
		this.socket.frame(OP.text, JSON.stringify({ op, d }));
	}

	identify(d) {
		this.send(2, { properties: { os: 'linux', browser: 't', device: 't' },
			...d });
	}

	resume({ token, session_id, seq }) {
		this.send(6, { token, session_id, seq });
	}

	async #payload() {
		const { opcode, data } = await this.socket.next('a payload',
			(f) => f.opcode === OP.text || f.opcode === OP.binary);
		let text = data;
		if (this.inflate) {
			assert.equal(opcode, OP.binary);
			text = await this.inflate.message(data);
		} else if (opcode === OP.binary) {
			text = zlib.inflateSync(data);
		}
		const payload = JSON.parse(text.toString());
		if (payload.op !== 0)
			return payload;
		if (this.seq)
			assert.equal(payload.s, this.seq + 1, 'a hole in the numbers');
		this.seq = payload.s;
		this.dispatches.push(payload);
		return payload;
	}

	/** The next payload, whatever it is. */
	any() {
		return this.#payload();
	}

	/** The next payload, which must have this opcode. */
	async expect(op) {
		const payload = await this.#payload();
		assert.equal(payload.op, op, JSON.stringify(payload));
		return payload;
	}

	/** Reads on until an event of this type; heartbeats are left alone. */
	async event(type, want = () => true) {
		for (;;) {
			const payload = await this.#payload();
			if (payload.t === type && want(payload.d))
				return payload;
		}
	}

	/** Beats, and reads on until it is answered. */
	async beat(seq = this.seq || null) {
		this.send(1, seq);
		while ((await this.#payload()).op !== 11)
			;
	}

	close(code = 1000) {
		const data = Buffer.alloc(2);
		data.writeUInt16BE(code);
		this.socket.frame(OP.close, data);
	}
}

/** zlib-stream: one context, a message ends with 00 00 ff ff. */
class Inflate {
	#z = zlib.createInflate({ flush: zlib.constants.Z_SYNC_FLUSH });
	#out = [];

	constructor() {
		this.#z.on('data', (chunk) => this.#out.push(chunk));
	}

	async message(data) {
		assert.equal(data.subarray(-4).toString('hex'), '0000ffff');
		this.#out = [];
		await within('inflated bytes', new Promise((resolve, reject) => {
			this.#z.once('error', reject);
			this.#z.write(data, () => this.#z.flush(resolve));
		}));
		return Buffer.concat(this.#out);
	}
}
