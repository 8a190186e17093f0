// SPDX-License-Identifier: Apache-2.0
/* GET /guilds/{guild}/messages/search: the indexer finds ids, the data service
 * has the messages, and what the caller may see is decided here. */
#include <errno.h>
#include <stdlib.h>

#include "base/blob.h"
#include "guild/message.h"
#include "proto/search.h"

#define STATUS_ACCEPTED 202
#define NOT_INDEXED 110000
#define RETRY_AFTER_S 1

#define PERM_SEARCH (PERM_VIEW_CHANNEL | PERM_READ_HISTORY)

struct searching {
	struct op op;
	uint64_t reader_id;
	bool deep_index;
	bool failed;
	uint32_t total;
	uint32_t waiting;		/* reads under way */
	uint32_t count;
	struct search_hit hit[SEARCH_LIMIT_MAX];
	struct rows *rows[SEARCH_LIMIT_MAX];	/* NULL: gone */
};

struct hit_read {
	struct op op;
	struct searching *searching;
	uint32_t index;
};

static void searching_drop(struct op *op)
{
	struct searching *s = (struct searching *)op;

	for (uint32_t i = 0; i < s->count; i++)
		rows_put(s->rows[i]);
}

static bool may_search(const struct guild *g, uint64_t channel_id,
		       uint64_t reader_id)
{
	const struct state_channel *c = state_channel(&g->state, channel_id);

	return c && (state_channel_perms(&g->state, c, reader_id,
					 guild_now_ms(g)) & PERM_SEARCH) ==
		    PERM_SEARCH;
}

/* Much may have changed since the indexer was asked: gone messages are left
 * out, and those that the reader must not see any more. */
static void json_hit(struct guild *g, const struct searching *s, uint32_t i,
		     struct jsonw *w)
{
	const struct message_view view = { 0 };
	struct message *m = &g->scratch[0];
	uint64_t channel_id = s->hit[i].channel_id;

	if (!s->rows[i] || !s->rows[i]->count ||
	    !may_search(g, channel_id, s->reader_id) ||
	    message_of_row(g, channel_id, &s->rows[i]->row[0], m))
		return;
	jsonw_arr(w);
	json_message(w, m, &view);
	jsonw_end(w);
}

static void finish(struct guild *g, struct searching *s)
{
	struct answer a;
	struct jsonw *w;

	if (s->failed) {
		op_fail(g, &s->op, ERROR_OVERLOADED);
		return;
	}
	w = answer_open(&a);
	jsonw_obj(w);
	jsonw_key_bool(w, "doing_deep_historical_index", s->deep_index);
	jsonw_key_u64(w, "total_results", s->total);
	jsonw_key_arr(w, "messages");
	for (uint32_t i = 0; i < s->count; i++)
		json_hit(g, s, i, w);
	jsonw_end(w);
	jsonw_end(w);
	guild_reply_buf(g, &s->op.caller, &a.buf);
	op_free(g, &s->op);
}

static void hit_done(struct guild *g, struct op *op, struct actor_msg *answer)
{
	struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct hit_read *read = (struct hit_read *)op;
	struct searching *s = read->searching;

	if (!m->status)
		s->rows[read->index] = rows_get(m->rows);
	else if (m->status != -ENOENT)
		s->failed = true;
	op_free(g, op);
	if (!--s->waiting)
		finish(g, s);
}

static void read_hit(struct guild *g, struct searching *s, uint32_t i)
{
	struct hit_read *read = op_new(g, sizeof(*read), NULL, hit_done, NULL);

	if (!read) {
		s->failed = true;
		return;
	}
	read->searching = s;
	read->index = i;
	if (op_get(g, &read->op, s->hit[i].channel_id, STORE_SPACE_MESSAGE,
		   s->hit[i].id)) {
		s->failed = true;
		op_free(g, &read->op);
		return;
	}
	s->waiting++;
}

static void not_indexed(struct guild *g, struct searching *s, uint64_t indexed)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);
	struct blob *body;

	jsonw_obj(w);
	jsonw_key_str(w, "message", "Index not yet available. Try again later");
	jsonw_key_u64(w, "code", NOT_INDEXED);
	jsonw_key_u64(w, "documents_indexed", indexed);
	jsonw_key_u64(w, "retry_after", RETRY_AFTER_S);
	jsonw_end(w);
	body = blob_from_buf(&a.buf);
	buf_fini(&a.buf);
	guild_reply(g, &s->op.caller, STATUS_ACCEPTED, body);
	op_free(g, &s->op);
}

static void found(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct search_hits_msg *m = (struct search_hits_msg *)answer;
	struct searching *s = (struct searching *)op;

	if (m->status == -EAGAIN) {
		not_indexed(g, s, m->indexed);
		return;
	}
	if (m->status) {
		op_fail(g, op, ERROR_OVERLOADED);
		return;
	}
	s->deep_index = m->deep_index;
	s->total = m->total;
	s->count = m->count;
	for (uint32_t i = 0; i < m->count; i++)
		s->hit[i] = m->hit[i];
	for (uint32_t i = 0; i < s->count && !s->failed; i++)
		read_hit(g, s, i);
	if (!s->waiting)
		finish(g, s);
}

static int by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* All channels of the guild that the caller may search, ascending. */
static struct search_query_msg *query_new(const struct guild *g,
					  const struct rest_msg *call)
{
	struct search_query_msg *m;
	uint64_t id;
	size_t iter = 0;
	uint32_t n = 0;

	m = search_query_new((uint32_t)g->state.channels.count);
	if (!m)
		return NULL;
	while (hmap_next(&g->state.channels, &iter, &id, NULL))
		if (may_search(g, id, call->actor_id))
			m->readable[n++] = id;
	m->readable_count = n;
	qsort(m->readable, n, sizeof(id), by_id);
	m->guild_id = g->arg.direct ? call->actor_id : g->arg.guild_id;
	m->query = *(const struct search_query *)call->body;
	return m;
}

static enum error_code check_channels(const struct guild *g,
				      const struct rest_msg *call)
{
	const struct search_query *q = call->body;

	for (uint32_t i = 0; i < q->channel.count; i++) {
		if (!state_channel(&g->state, q->channel.id[i]))
			return ERROR_UNKNOWN_CHANNEL;
		if (!may_search(g, q->channel.id[i], call->actor_id))
			return ERROR_MISSING_ACCESS;
	}
	return ERROR_NONE;
}

enum error_code message_rest_search(struct guild *g, struct rest_msg *call)
{
	const struct caller caller = guild_caller(call);
	struct search_query_msg *m;
	struct searching *s;
	enum error_code err;

	/* Of direct messages only people's are indexed. */
	if (g->arg.direct && call->actor_is_bot)
		return ERROR_NOT_FOR_BOTS;
	if (call->kind == REST_DIRECT_SEARCH && !g->arg.direct)
		return ERROR_CHANNEL_TYPE;
	err = guild_call_perms(g, call, 0);
	if (!err)
		err = check_channels(g, call);
	if (err)
		return err;
	m = query_new(g, call);
	if (!m)
		return ERROR_OVERLOADED;
	s = op_new(g, sizeof(*s), &caller, found, searching_drop);
	if (!s) {
		actor_msg_free(&m->head);
		return ERROR_OVERLOADED;
	}
	s->reader_id = call->actor_id;
	m->head.tag = s->op.tag;
	if (actor_send(g->self, search_route(actor_system_of(g->self)),
		       &m->head))
		op_fail(g, &s->op, ERROR_OVERLOADED);
	return ERROR_NONE;
}
