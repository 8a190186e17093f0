// SPDX-License-Identifier: Apache-2.0
#include "proto/readstate.h"

#include <stdio.h>

#include "base/jsonw.h"
#include "proto/store.h"

#define TYPE(id, name, type) \
	[(id) - PROTO_READSTATE] = { name, sizeof(type), NULL }

int readstate_types_register(void)
{
	static const struct actor_type types[] = {
		TYPE(READSTATE_ACK, "readstate.ack", struct readstate_ack_msg),
		TYPE(READSTATE_DONE, "readstate.done",
		     struct readstate_done_msg),
		TYPE(READSTATE_MENTION, "readstate.mention",
		     struct readstate_mention_msg),
		TYPE(READSTATE_LIST, "readstate.list",
		     struct readstate_list_msg),
		TYPE(READSTATE_ENTRIES, "readstate.entries",
		     struct readstate_entries_msg),
		TYPE(READSTATE_STEP, "readstate.step", struct actor_msg),
		TYPE(READSTATE_FORGET, "readstate.forget",
		     struct readstate_forget_msg),
	};

	return actor_types_register(PROTO_READSTATE, types,
				    sizeof(types) / sizeof(types[0]));
}

uint32_t readstate_shard(uint64_t user_id)
{
	return store_shard_of(user_id, READSTATE_SHARDS);
}

actor_ref readstate_shard_route(struct actor_system *sys, uint32_t shard)
{
	char name[READSTATE_NAME_MAX];

	snprintf(name, sizeof(name), READSTATE_NAME_FORMAT, shard);
	return actor_lookup(sys, name);
}

actor_ref readstate_route(struct actor_system *sys, uint64_t user_id)
{
	return readstate_shard_route(sys, readstate_shard(user_id));
}

struct readstate_mention_msg *readstate_mention_new(uint32_t count)
{
	struct readstate_mention_msg *m;

	m = actor_msg_new(READSTATE_MENTION,
			  sizeof(*m) + count * sizeof(m->user_id[0]));
	if (m)
		m->count = count;
	return m;
}

struct readstate_entries_msg *readstate_entries_new(uint32_t count)
{
	struct readstate_entries_msg *m;

	m = actor_msg_new(READSTATE_ENTRIES,
			  sizeof(*m) + count * sizeof(m->entry[0]));
	if (m)
		m->count = count;
	return m;
}

void readstate_json(struct jsonw *w, const struct readstate_entries_msg *m)
{
	jsonw_obj(w);
	jsonw_key_u64(w, "version", 0);
	jsonw_key_bool(w, "partial", false);
	jsonw_key_arr(w, "entries");
	for (uint32_t i = 0; i < m->count; i++) {
		jsonw_obj(w);
		jsonw_key_id(w, "id", m->entry[i].channel_id);
		jsonw_key_id(w, "last_message_id", m->entry[i].message_id);
		jsonw_key_u64(w, "mention_count", m->entry[i].mentions);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}
