// SPDX-License-Identifier: Apache-2.0
#include "guild/search_note.h"

#include <errno.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/snowflake.h"
#include "guild/guild_impl.h"
#include "proto/search.h"

#define DAY_MS 86400000ull
/* Every so many notes of a guild the outdated ones of the channel go. */
#define TRIM_EVERY 64u

static void ended(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_written_msg *w = (struct store_written_msg *)answer;

	/* Then the change itself hardly gets through either. */
	if (w->status)
		log_warn("guild", "note_failed", "guild=%llu error=%d",
			 (unsigned long long)g->arg.guild_id, -w->status);
	op_free(g, op);
}

/* --- outdated ones --- */

struct trim {
	struct op op;
	uint64_t channel_id;
};

static void trim_some(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	uint64_t keep = snowflake_floor(guild_now_ms(g) -
					SEARCH_NOTE_DAYS * DAY_MS);
	uint64_t id[DATA_PAGE_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; !m->status && i < m->rows->count; i++)
		if (m->rows->row[i].id < keep)
			id[n++] = m->rows->row[i].id;
	op->done = ended;
	if (!n || op_delete(g, op, ((struct trim *)op)->channel_id,
			    STORE_SPACE_NOTE, id, n))
		op_free(g, op);
}

static void trim(struct guild *g, uint64_t channel_id)
{
	struct trim *t = op_new(g, sizeof(*t), NULL, trim_some, NULL);

	if (!t)
		return;
	t->channel_id = channel_id;
	if (op_page(g, &t->op, channel_id, STORE_SPACE_NOTE, STORE_AFTER, 0,
		    DATA_PAGE_MAX))
		op_free(g, &t->op);
}

/* --- a note --- */

static int write_note(struct guild *g, uint64_t channel_id, struct blob *row)
{
	struct op *op = op_new(g, sizeof(*op), NULL, ended, NULL);
	uint64_t id;
	int err;

	if (!op) {
		blob_put(row);
		return -ENOMEM;
	}
	err = idgen_next(g->arg.ids, guild_now_ms(g), &id);
	if (err)
		blob_put(row);
	else
		err = op_append(g, op, channel_id, STORE_SPACE_NOTE, id, row);
	if (err)
		op_free(g, op);
	return err;
}

static bool is_young(const struct guild *g, uint64_t id)
{
	return snowflake_unix_ms(id) + SEARCH_YOUNG_MS > guild_now_ms(g);
}

void search_note(struct guild *g, uint64_t channel_id, const uint64_t *id,
		 uint32_t count)
{
	struct buf old = BUF_INIT;
	struct blob *row;
	int err;

	for (uint32_t i = 0; i < count; i++)
		if (!is_young(g, id[i]))
			buf_append(&old, &id[i], sizeof(id[i]));
	if (!old.len && !old.err)
		return;
	row = blob_from_buf(&old);
	buf_fini(&old);
	err = row ? write_note(g, channel_id, row) : -ENOMEM;
	if (err)
		log_warn("guild", "note_failed", "guild=%llu error=%d",
			 (unsigned long long)g->arg.guild_id, -err);
	if (!err && ++g->notes % TRIM_EVERY == 0)
		trim(g, channel_id);
}
