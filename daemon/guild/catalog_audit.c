// SPDX-License-Identifier: Apache-2.0
/* The audit log's rows. */
#include "base/mem.h"
#include "base/snowflake.h"
#include "guild/audit.h"
#include "guild/catalog_impl.h"

#define KEPT_MS (AUDIT_DAYS * 86400000ull)

void audit_entry_fini(struct audit_entry *e)
{
	mem_free(e->changes);
	mem_free(e->options);
	mem_free(e->reason);
}

int catalog_add_audit(struct catalog *c, uint64_t guild_id,
		      const struct audit_entry *e)
{
	uint64_t ms = snowflake_unix_ms(e->id);
	int err;

	err = db_run(c->db, "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		     "iiiiisss", e->id, guild_id, e->user_id, e->target_id,
		     (uint64_t)e->action, e->changes, e->options, e->reason);
	if (err || ms < KEPT_MS + SNOWFLAKE_EPOCH_MS)
		return err;
	return db_run(c->db, "DELETE FROM audit WHERE guild_id = ? AND id < ?",
		      "ii", guild_id, snowflake_floor(ms - KEPT_MS));
}

struct visit {
	int (*entry)(void *ctx, const struct audit_entry *e);
	void *ctx;
};

static int visit_entry(void *ctx, struct db_row *row)
{
	const struct visit *v = ctx;
	/* Borrowed until the row moves on. */
	const struct audit_entry e = {
		.id = db_u64(row, 0),
		.user_id = db_u64(row, 1),
		.target_id = db_u64(row, 2),
		.action = (uint8_t)db_u64(row, 3),
		.changes = (char *)db_text(row, 4),
		.options = (char *)db_text(row, 5),
		.reason = (char *)db_text(row, 6),
	};

	return v->entry(v->ctx, &e);
}

#define SELECT_ENTRIES(order)						\
	"SELECT id, user_id, target_id, action, changes, options, reason" \
	" FROM audit WHERE guild_id = ?1 AND id > ?2 AND id < ?3"	\
	" AND (?4 = 0 OR user_id = ?4) AND (?5 = 0 OR action = ?5)"	\
	" ORDER BY id " order " LIMIT ?6"

int catalog_list_audit(struct catalog *c, uint64_t guild_id,
		       const struct audit_filter *f,
		       int (*entry)(void *ctx, const struct audit_entry *e),
		       void *ctx)
{
	struct visit v = { entry, ctx };

	return db_query(c->db, f->after ? SELECT_ENTRIES("ASC") :
					  SELECT_ENTRIES("DESC"),
			visit_entry, &v, "iiiiii", guild_id, f->after,
			f->before ? f->before : (uint64_t)INT64_MAX, f->user_id,
			(uint64_t)f->action, (uint64_t)f->limit);
}
