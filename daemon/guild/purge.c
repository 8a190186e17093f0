// SPDX-License-Identifier: Apache-2.0
#include "guild/purge.h"

#include <string.h>

#include "base/log.h"
#include "base/snowflake.h"
#include "guild/guild_impl.h"
#include "guild/message.h"

#define PAGE 100

/* One channel, read from its newest message down. */
struct purge {
	struct op op;
	uint64_t channel_id;
	uint64_t first_id;	/* what is below it stays */
	uint32_t count;
	uint64_t user_id[PURGE_USERS_MAX];
};

static bool is_by(const struct purge *p, uint64_t user_id)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (p->user_id[i] == user_id)
			return true;
	return false;
}

/* Those of a page that go.  Returns how many. */
static uint32_t choose(struct guild *g, const struct purge *p,
		       const struct rows *rows, uint64_t id[PAGE])
{
	struct message *m = &g->scratch[0];
	uint32_t n = 0;

	for (uint32_t i = 0; i < rows->count && i < PAGE; i++)
		if (rows->row[i].id >= p->first_id &&
		    !message_of_row(g, p->channel_id, &rows->row[i], m) &&
		    is_by(p, m->author.id))
			id[n++] = rows->row[i].id;
	return n;
}

static int read_below(struct guild *g, struct purge *p, uint64_t id)
{
	return op_page(g, &p->op, p->channel_id, STORE_SPACE_MESSAGE,
		       STORE_BEFORE, id, PAGE);
}

static void page_read(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct purge *p = (struct purge *)op;
	uint64_t id[PAGE], last = 0;
	uint32_t n;
	int err = m->status;

	if (!err && m->rows->count) {
		n = choose(g, p, m->rows, id);
		last = m->rows->row[m->rows->count - 1].id;
		err = n ? message_remove(g, p->channel_id, id, n) : 0;
	}
	if (!err && last > p->first_id && m->rows->count == PAGE)
		err = read_below(g, p, last);
	else
		last = 0;
	if (err)
		log_warn("guild", "purge_incomplete", "channel=%llu error=%d",
			 (unsigned long long)p->channel_id, err);
	if (err || !last)
		op_free(g, op);
}

static void start_one(struct guild *g, const struct state_channel *c,
		      const struct purge *what)
{
	struct purge *p = op_new(g, sizeof(*p), NULL, page_read, NULL);

	if (!p)
		return;
	p->channel_id = c->channel.id;
	p->first_id = what->first_id;
	p->count = what->count;
	memcpy(p->user_id, what->user_id, what->count * sizeof(uint64_t));
	if (read_below(g, p, 0))
		op_free(g, &p->op);
}

void purge_start(struct guild *g, const uint64_t *user_id, uint32_t count,
		 uint64_t since_ms)
{
	struct purge what = { .first_id = snowflake_floor(since_ms) };
	uint64_t value;
	size_t iter = 0;

	what.count = count < PURGE_USERS_MAX ? count : PURGE_USERS_MAX;
	memcpy(what.user_id, user_id, what.count * sizeof(*user_id));
	while (hmap_next(&g->state.channels, &iter, NULL, &value)) {
		const struct state_channel *c = (void *)(uintptr_t)value;

		if (guild_is_text(&c->channel) &&
		    c->channel.last_message_id >= what.first_id)
			start_one(g, c, &what);
	}
}
