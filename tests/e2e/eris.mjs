// SPDX-License-Identifier: Apache-2.0
// An eris client for a server of ours.

import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';

const Eris = createRequire(import.meta.url)('eris');

export function erisClient(server, token,
	intents = ['guilds', 'guildMessages', 'messageContent']) {
	const { protocol, hostname, port } = new URL(server.url);
	// It asks for https and names no port: plain HTTP by its public options.
	const agent = protocol === 'https:' ?
		new https.Agent({ keepAlive: true, port }) :
		new http.Agent({ keepAlive: true });
	agent.protocol = 'https:';
	agent.defaultPort = Number(port);
	return new Eris.Client(`Bot ${token}`, {
		rest: { domain: hostname, baseURL: '/api/v10', agent },
		intents,
	});
}
