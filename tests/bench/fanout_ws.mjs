// SPDX-License-Identifier: Apache-2.0
// A peer of the fan-out benchmark: Node's ws, which sends each message to each
// connection, as its own examples do.
//
// usage: fanout_ws.mjs BYTES       Prints its port, then obeys "send P".

import { createRequire } from 'node:module';
import readline from 'node:readline';

const require = createRequire(new URL('../e2e/package.json', import.meta.url));
const { WebSocketServer } = require('ws');

const bytes = Number(process.argv[2]);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096,
	perMessageDeflate: false });
let number = 0;

server.on('listening', () => console.log(`port ${server.address().port}`));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
	const pending = Number(line.split(' ')[1]);
	for (let i = 0; i < pending; i++) {
		const text = `{"content":"#${number++}#`.padEnd(bytes - 4, 'x');
		for (const client of server.clients)
			client.send(text);
	}
	console.log('done');
});
