// SPDX-License-Identifier: Apache-2.0
// A network that can fail: connections to it go to a server until they are
// cut.  chatd names it as its public URL, so gateways are reached through it.

import net from 'node:net';
import { within } from './wait.mjs';

export class Proxy {
	#pairs = new Set();
	opened = 0;		// connections so far

	static async listen() {
		const proxy = new Proxy();
		proxy.server = net.createServer((near) => proxy.#join(near));
		await within('a port', new Promise((resolve) =>
			proxy.server.listen(0, '127.0.0.1', resolve)));
		proxy.url = `ws://127.0.0.1:${proxy.server.address().port}`;
		return proxy;
	}

	/** Where connections go: a server with a `port`. */
	forward(server) {
		this.port = Number(new URL(server.url).port);
	}

	#join(near) {
		const far = net.connect(this.port, '127.0.0.1');
		const pair = { near, far };
		this.opened++;
		this.#pairs.add(pair);
		for (const [from, to] of [[near, far], [far, near]]) {
			from.setNoDelay(true);
			from.pipe(to);
			from.on('error', () => {});
			from.on('close', () => {
				to.destroy();
				this.#pairs.delete(pair);
			});
		}
	}

	/** Resets every connection, on the clients' side first. */
	cut() {
		for (const { near, far } of this.#pairs) {
			near.resetAndDestroy();
			far.resetAndDestroy();
		}
	}

	close() {
		this.cut();
		this.server.close();
	}
}
