// SPDX-License-Identifier: Apache-2.0
#include "proto/data.h"

#include <stdio.h>

#include "actor/system.h"
#include "proto/wire.h"

int data_types_register(void)
{
	static const struct actor_type types[] = {
		PROTO_ROW_TYPES("data", DATA, DATA_APPEND)
		[DATA_IDLE - DATA_APPEND] = {
			"data.idle", sizeof(struct actor_msg), NULL,
		},
		[DATA_RESUME - DATA_APPEND] = {
			"data.resume", sizeof(struct actor_msg), NULL,
		},
	};

	return actor_types_register(DATA_APPEND, types,
				    sizeof(types) / sizeof(types[0]));
}

int data_core_of(uint64_t channel_id, int cores)
{
	return (int)store_shard_of(channel_id, (uint32_t)cores);
}

actor_ref data_route(struct actor_system *sys, uint64_t channel_id)
{
	char name[DATA_NAME_MAX];

	snprintf(name, sizeof(name), DATA_NAME_FORMAT,
		 data_core_of(channel_id, actor_system_cores(sys)));
	return actor_lookup(sys, name);
}
