// SPDX-License-Identifier: Apache-2.0
#include "proto/store.h"

#include <stdio.h>

#include "base/blob.h"
#include "proto/wire.h"

void proto_put_fini(struct actor_msg *msg)
{
	blob_put(container_of(msg, struct store_put_msg, head)->row);
}

void proto_rows_fini(struct actor_msg *msg)
{
	rows_put(container_of(msg, struct store_rows_msg, head)->rows);
}

int store_types_register(void)
{
	static const struct actor_type types[] = {
		PROTO_ROW_TYPES("store", STORE, STORE_APPEND)
		[STORE_STEP - STORE_APPEND] = {
			"store.step", sizeof(struct actor_msg), NULL,
		},
		[STORE_HOLD - STORE_APPEND] = {
			"store.hold", sizeof(struct store_hold_msg), NULL,
		},
		[STORE_HELD - STORE_APPEND] = {
			"store.held", sizeof(struct store_held_msg), NULL,
		},
	};

	return actor_types_register(STORE_APPEND, types,
				    sizeof(types) / sizeof(types[0]));
}

/* Jump consistent hash (Lamping, Veach): n to n+1 moves 1/(n+1) of the keys. */
uint32_t store_shard_of(uint64_t channel, uint32_t shards)
{
	/* Snowflakes share their low bits: mix before drawing from them. */
	uint64_t key = channel * 0x9e3779b97f4a7c15u;
	int64_t b = -1, j = 0;

	key ^= key >> 32;
	while (j < (int64_t)shards) {
		b = j;
		key = key * 2862933555777941757u + 1;
		j = (int64_t)((double)(b + 1) *
			      ((double)(1ll << 31) / (double)((key >> 33) + 1)));
	}
	return (uint32_t)b;
}

actor_ref store_route(struct actor_system *sys, uint32_t shard)
{
	char name[STORE_NAME_MAX];

	snprintf(name, sizeof(name), STORE_NAME_FORMAT, shard);
	return actor_lookup(sys, name);
}

struct store_delete_msg *store_delete_new(uint32_t type, uint32_t count)
{
	struct store_delete_msg *msg;

	if (count > STORE_DELETE_MAX)
		return NULL;
	msg = actor_msg_new(type, sizeof(*msg) + count * sizeof(msg->id[0]));
	if (msg)
		msg->count = count;
	return msg;
}
