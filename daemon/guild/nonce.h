/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nonces to be enforced: who sends the same one again within a few minutes gets
 * the message that it made then.  Bounded: the oldest are forgotten.
 */
#ifndef GUILD_NONCE_H
#define GUILD_NONCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

#define NONCES_MAX 1024
#define NONCE_MS (5ull * 60 * 1000)

struct nonces {
	struct hmap map;		/* key -> message id; 0: on its way */
	uint64_t ring[NONCES_MAX];	/* keys, oldest at `at` once full */
	uint32_t at;
};

void nonces_fini(struct nonces *n);

/* Never 0. */
uint64_t nonce_key(uint64_t author_id, uint64_t channel_id, const char *nonce);

/* True: known, with the message it made; *ret_id 0: that is on its way. */
bool nonces_find(const struct nonces *n, uint64_t key, uint64_t now_ms,
		 uint64_t *ret_id);
/* A message is on its way.  -ENOMEM. */
int nonces_begin(struct nonces *n, uint64_t key);
/* It is there, or (id 0) has failed. */
void nonces_end(struct nonces *n, uint64_t key, uint64_t id);

#endif
