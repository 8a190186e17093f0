// SPDX-License-Identifier: Apache-2.0
// A chatd of a test's own: a free port, a data folder, its users and tokens.
//
//	CHATD		the program (../../.build/release/bin/chatd)
//	E2E_URL		target this one instead, with …
//	E2E_TOKENS	… two bots' tokens, separated by a comma,
//	E2E_LOGIN	… and NAME:PASSWORD of a person

import assert from 'node:assert/strict';
import { spawn, execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { Gateway } from './socket.mjs';
import { within } from './wait.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
export const program = path.resolve(process.env.CHATD ??
	path.join(here, '../../.build/release/bin/chatd'));

/** Asks a server what the first bot's guild and channel are. */
async function survey(server) {
	const gateway = await Gateway.login(server, server.tokens[0], { intents: 1 });
	const { d } = await gateway.event('GUILD_CREATE');
	gateway.close();
	server.guildId = d.id;
	server.channelId = d.channels.find((channel) => channel.type === 0).id;
	return server;
}

class Chatd {
	#process = null;
	#options;
	#under;
	tokens = [];
	output = '';

	constructor(folder, options, under) {
		this.folder = folder;
		this.#options = options;
		this.#under = under;
	}

	/** Starts it, again on the same port and folder the second time. */
	async start() {
		const [command, ...args] = [...this.#under, program];
		const child = spawn(command, [...args, '--data', this.folder,
			'--port', String(this.port ?? 0), ...this.#options],
		{ stdio: ['ignore', 'pipe', process.env.E2E_VERBOSE ? 'inherit' : 'pipe'] });
		this.#process = child;
		this.exited = new Promise((resolve) => child.once('exit',
			(code, signal) => resolve({ code, signal })));
		this.errors = '';
		child.stderr?.on('data', (text) => { this.errors += text; });
		await within('a started chatd', new Promise((resolve, reject) => {
			child.once('error', reject);
			this.exited.then(({ code, signal }) => reject(new Error(
				`chatd ended, ${signal ?? code}: ${this.errors}`)));
			child.stdout.on('data', (text) => {
				this.output += text;
				if (this.#parse())
					resolve();
			});
		}));
		return this;
	}

	get pid() {
		return this.#process.pid;
	}

	/** True when the line that says it is ready is here. */
	#parse() {
		for (const [, name, token] of
			this.output.matchAll(/^bot (\S+)\s+(\S+)$/gm))
			if (!this.tokens.includes(token))
				this.tokens.push(token);
		const [, login] = /^login\s+(\S+)$/m.exec(this.output) ?? [];
		const [, password] = /^password\s+(\S+)$/m.exec(this.output) ?? [];
		if (password)
			this.login = { login, password };
		const ready = [...this.output.matchAll(
			/^chatd: ready on (https?:\/\/[^/]+:(\d+))\/?$/gm)].at(-1);
		if (!ready || ready.index < (this.readAt ?? 0))
			return false;
		this.readAt = this.output.length;
		[, this.url, this.port] = ready;
		return true;
	}

	/** `chatd admin ...`; returns what it prints. */
	async admin(...args) {
		const { stdout } = await promisify(execFile)(program,
			['--data', this.folder, 'admin', ...args]);
		return stdout.trim();
	}

	/** A further bot in the guild; returns its token. */
	async bot(name) {
		const out = await this.admin('create-bot', name, this.guildId);
		return out.split(/\s+/).at(-1);
	}

	async #signal(signal) {
		this.#process.kill(signal);
		return within('an ended chatd', this.exited);
	}

	kill() {
		return this.#signal('SIGKILL');
	}

	/** In good order; the test fails when it is not. */
	async stop() {
		const { code, signal } = await this.#signal('SIGTERM');
		if (code !== 0)
			throw new Error(`chatd ended with ${signal ?? code}: ${this.errors}`);
	}

	/** Ends it, whatever its state, and removes its data. */
	async close() {
		if (this.#process?.exitCode === null && !this.#process.signalCode)
			await this.kill();
		await fs.rm(path.dirname(this.folder), { recursive: true, force: true });
	}
}

/** Starts a chatd, or takes the one that is given; close() it in the end. */
/** `under`: a command that becomes chatd, given behind it. */
export async function startChatd(options = [], under = []) {
	if (process.env.E2E_URL)
		return survey(target());
	const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'chatd-e2e-'));
	const chatd = new Chatd(path.join(folder, 'data'), options, under);
	try {
		return await survey(await chatd.start());
	} catch (error) {
		await chatd.close();
		throw error;
	}
}

function target() {
	const [login, password] = (process.env.E2E_LOGIN ?? ':').split(':');
	return {
		url: process.env.E2E_URL.replace(/\/$/, ''),
		tokens: process.env.E2E_TOKENS.split(','),
		login: { login, password },
		close() {},
	};
}

/** Can this run stop and restart the server?  Not one that was given. */
export const isOwn = !process.env.E2E_URL;

/** A call of REST; returns { status, body }. */
export async function rest(server, token, method, path, body) {
	const response = await within(`${method} ${path}`, fetch(
		`${server.url}/api/v10${path}`, {
			method,
			headers: { ...token && { authorization: token },
				...body && { 'content-type': 'application/json' } },
			body: body && JSON.stringify(body),
		}));
	const text = await response.text();
	return { status: response.status, body: text ? JSON.parse(text) : null };
}

/** A call that must succeed; returns its body. */
export async function good(server, token, method, path, body) {
	const answer = await rest(server, token, method, path, body);
	assert.ok(answer.status < 300,
		`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
	return answer.body;
}

/** The first bot, or another's token, sends a text or a whole message. */
export const say = (server, message, token = server.tokens[0]) =>
	good(server, `Bot ${token}`, 'POST', `/channels/${server.channelId}/messages`,
		typeof message === 'string' ? { content: message } : message);

/** Logs the person in who owns the guild; returns { token, user_id }. */
export async function owner(server) {
	return (await rest(server, null, 'POST', '/auth/login', server.login)).body;
}

/** The owner gives a member a role that may do everything. */
export async function makeAdministrator(server, userId) {
	const { token } = await owner(server);
	const { guildId } = server;
	const role = await rest(server, token, 'POST', `/guilds/${guildId}/roles`,
		{ name: 'administrator', permissions: '8' });
	await rest(server, token, 'PUT',
		`/guilds/${guildId}/members/${userId}/roles/${role.body.id}`);
}
