// SPDX-License-Identifier: Apache-2.0
#include "guild/nonce.h"

#include <errno.h>
#include <string.h>

#include "base/snowflake.h"

void nonces_fini(struct nonces *n)
{
	hmap_fini(&n->map);
}

uint64_t nonce_key(uint64_t author_id, uint64_t channel_id, const char *nonce)
{
	uint64_t key = hash_bytes(nonce, strlen(nonce),
				  hash_u64(author_id) ^ channel_id);

	return key ? key : 1;
}

bool nonces_find(const struct nonces *n, uint64_t key, uint64_t now_ms,
		 uint64_t *ret_id)
{
	uint64_t id;

	if (!hmap_get(&n->map, key, &id))
		return false;
	if (id && snowflake_unix_ms(id) + NONCE_MS < now_ms)
		return false;
	*ret_id = id;
	return true;
}

int nonces_begin(struct nonces *n, uint64_t key)
{
	int err = hmap_set(&n->map, key, 0);

	if (err)
		return err;
	if (n->ring[n->at] && n->ring[n->at] != key)
		hmap_del(&n->map, n->ring[n->at]);
	n->ring[n->at] = key;
	n->at = (n->at + 1) % NONCES_MAX;
	return 0;
}

void nonces_end(struct nonces *n, uint64_t key, uint64_t id)
{
	if (!hmap_get(&n->map, key, NULL))
		return;
	/* Replacing a value never fails. */
	if (id)
		hmap_set(&n->map, key, id);
	else
		hmap_del(&n->map, key);
}
