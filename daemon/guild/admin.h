/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's commands on the catalog: `chatd admin ...`, on the data
 * folder when chatd is down, else by way of its directory; and what a first
 * start makes.  Everything blocks.
 */
#ifndef GUILD_ADMIN_H
#define GUILD_ADMIN_H

#include <stdint.h>

#include "base/buf.h"
#include "guild/catalog.h"
#include "guild/idgen.h"

#define ADMIN_ARGS_MAX 16

struct admin {
	struct catalog *catalog;
	struct idgen *ids;
	uint64_t now_ms;
	struct buf *out;			/* what to print */
	const struct catalog_visitor *added;	/* told of what is new */
};

/*
 * Runs one command, argv[0] its name, within the caller's transaction.
 * -EINVAL: usage, which is in `out` too; otherwise what the catalog says.
 */
int admin_run(const struct admin *a, int argc, const char *const *argv);

/* A guild with #general, a user with a password, two bots with tokens. */
int admin_first_start(const struct admin *a);

/* The commands, one a line. */
extern const char admin_usage[];

#endif
