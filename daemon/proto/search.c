// SPDX-License-Identifier: Apache-2.0
#include "proto/search.h"

#define TYPE(id, name, type) \
	[(id) - PROTO_SEARCH] = { name, sizeof(type), NULL }

int search_types_register(void)
{
	static const struct actor_type types[] = {
		TYPE(SEARCH_HELLO, "search.hello", struct search_hello_msg),
		TYPE(SEARCH_CHANGED, "search.changed",
		     struct search_changed_msg),
		TYPE(SEARCH_WHO, "search.who", struct actor_msg),
		TYPE(SEARCH_QUERY, "search.query", struct search_query_msg),
		TYPE(SEARCH_HITS, "search.hits", struct search_hits_msg),
		TYPE(SEARCH_REINDEX, "search.reindex",
		     struct search_reindex_msg),
		TYPE(SEARCH_FORGET, "search.forget", struct search_forget_msg),
		TYPE(SEARCH_FORGOTTEN, "search.forgotten",
		     struct search_forgotten_msg),
	};

	return actor_types_register(PROTO_SEARCH, types,
				    sizeof(types) / sizeof(types[0]));
}

actor_ref search_route(struct actor_system *sys)
{
	return actor_lookup(sys, SEARCH_NAME);
}

struct search_hello_msg *search_hello_new(uint32_t count)
{
	struct search_hello_msg *m;

	m = actor_msg_new(SEARCH_HELLO,
			  sizeof(*m) + count * sizeof(m->channel[0]));
	if (m)
		m->count = count;
	return m;
}

struct search_changed_msg *search_changed_new(uint32_t count)
{
	struct search_changed_msg *m;

	m = actor_msg_new(SEARCH_CHANGED,
			  sizeof(*m) + count * sizeof(m->id[0]));
	if (m)
		m->count = count;
	return m;
}

struct search_query_msg *search_query_new(uint32_t readable_count)
{
	struct search_query_msg *m;

	m = actor_msg_new(SEARCH_QUERY,
			  sizeof(*m) + readable_count * sizeof(uint64_t));
	if (m)
		m->readable_count = readable_count;
	return m;
}
