// SPDX-License-Identifier: Apache-2.0
// Waiting with a deadline.  It only bounds how long a failure takes.

export const DEADLINE_MS = Number(process.env.E2E_DEADLINE_MS ?? 60000);

/** Rejects when `promise` has not settled in time. */
export async function within(what, promise, ms = DEADLINE_MS) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`no ${what} in ${ms} ms`)), ms);
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** Polls until `condition` gives something true, and returns that. */
export function until(what, condition, ms = DEADLINE_MS) {
	let stop = false;
	return within(what, (async () => {
		for (;;) {
			const value = await condition();
			if (value || stop)
				return value;
			await new Promise((next) => setTimeout(next, 5));
		}
	})(), ms).finally(() => { stop = true; });
}

export const once = (emitter, event) => within(event,
	new Promise((resolve) => emitter.once(event, (...args) => resolve(args))));

/** The first event of this name that `want` accepts: one hears of oneself, too. */
export const first = (emitter, event, want) => within(event,
	new Promise((resolve) => {
		const listen = (value) => {
			if (!want(value))
				return;
			emitter.off(event, listen);
			resolve(value);
		};
		emitter.on(event, listen);
	}));
