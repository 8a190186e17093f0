// SPDX-License-Identifier: Apache-2.0
// TLS with a certificate of the test's own: what real clients do over http and
// ws they do over https and wss.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { before, after, describe, it } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { startChatd, isOwn } from './chatd.mjs';
import { assertDrains } from './stream.mjs';
import { until, within } from './wait.mjs';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));

async function makeCertificate(folder, name) {
	const file = (end) => path.join(folder, `${name}.${end}`);
	await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
		'-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1',
		'-keyout', file('key'), '-out', file('pem')]);
	return { cert: file('pem'), key: file('key') };
}

describe('a chatd that speaks TLS', { skip: !isOwn && 'not our own server' }, () => {
	let folder, server, pair, other;

	before(async () => {
		folder = await fs.mkdtemp(path.join(os.tmpdir(), 'chatd-tls-'));
		pair = await makeCertificate(folder, 'one');
		other = await makeCertificate(folder, 'two');
		// The children check it; here only the survey of the fresh server is done.
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
		server = await startChatd(['--no-rate-limits',
			'--tls-cert', pair.cert, '--tls-key', pair.key]);
		delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
	});
	after(async () => {
		await server?.close();
		await fs.rm(folder, { recursive: true, force: true });
	});

	/** A client that checks the certificate; resolves with its subject. */
	async function handshake(options = {}) {
		const { hostname, port } = new URL(server.url);
		const socket = tls.connect({ host: hostname, port,
			ca: [await fs.readFile(pair.cert), await fs.readFile(other.cert)],
			...options });
		try {
			await within('a handshake', new Promise((resolve, reject) => {
				socket.once('secureConnect', resolve);
				socket.once('error', reject);
			}));
			return { subject: socket.getPeerCertificate().subject.CN,
				protocol: socket.getProtocol() };
		} finally {
			socket.destroy();
		}
	}

	for (const [suite, ...patterns] of [
		['gateway', '/a session|compression/'],
		['rfc6455', '/fragmentation/'],
		['http', '/connections/'],
		['discordjs', '/./'],
		['libraries', '/./'],
	])
		it(`passes_the_tests_of_${suite}`, async () => {
			const { stdout } = await run(process.execPath, ['--test',
				'--test-reporter=tap',
				...patterns.map((one) => `--test-name-pattern=${one}`),
				path.join(here, `${suite}.test.mjs`)], {
				env: { PATH: process.env.PATH, HOME: process.env.HOME,
					NODE_EXTRA_CA_CERTS: pair.cert,
					E2E_URL: server.url, E2E_TOKENS: server.tokens.join(','),
					E2E_LOGIN: `${server.login.login}:${server.login.password}` },
				maxBuffer: 1 << 26,
			}).catch((error) => assert.fail(
				`${error.stdout}`.split('\n').filter((line) =>
					/^ *(not ok|error:|expected:|actual:)/.test(line))
					.join('\n')));
			assert.match(stdout, /^# pass [1-9]/m);
		});

	it('speaks_1_2_and_1_3_and_nothing_older', async () => {
		for (const version of ['TLSv1.2', 'TLSv1.3'])
			assert.equal((await handshake({ minVersion: version,
				maxVersion: version })).protocol, version);
		await assert.rejects(handshake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1',
			ciphers: 'DEFAULT@SECLEVEL=0' }));
	});

	it('ends_what_is_no_tls', async () => {
		const { hostname, port } = new URL(server.url);
		await assert.rejects(within('an answer',
			fetch(`http://${hostname}:${port}/api/v10/gateway`)));
	});

	it('takes_a_new_certificate_on_sighup', async () => {
		assert.equal((await handshake()).subject, 'one');
		await fs.copyFile(other.cert, pair.cert);
		process.kill(server.pid, 'SIGHUP');
		await until('a refused pair', () => /tls_not_reloaded/.test(server.errors));
		assert.equal((await handshake({ rejectUnauthorized: false })).subject, 'one');
		await fs.copyFile(other.key, pair.key);
		process.kill(server.pid, 'SIGHUP');
		await until('the new certificate', async () =>
			(await handshake({ rejectUnauthorized: false })).subject === 'two');
	});

	it('answers_every_call_that_it_has_begun_before_it_ends', async (t) => {
		process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
		t.after(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED);
		await assertDrains(server);
	});

	it('says_why_it_cannot_start', async () => {
		const lone = await makeCertificate(folder, 'three');
		await assert.rejects(startChatd(['--tls-cert', lone.cert,
			'--tls-key', other.key]), /three\.pem.*Key was rejected/);
		await assert.rejects(startChatd(['--tls-cert', lone.cert,
			'--tls-key', path.join(folder, 'none')]), /No such file/);
	});
});
