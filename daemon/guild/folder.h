/* SPDX-License-Identifier: Apache-2.0 */
/* The data folder: one chatd's at a time, with the catalog in it. */
#ifndef GUILD_FOLDER_H
#define GUILD_FOLDER_H

#include <stdint.h>

#include "base/buf.h"
#include "guild/catalog.h"
#include "guild/idgen.h"

struct folder {
	int lock_fd;
	struct catalog *catalog;
	struct idgen *ids;
};

/* Makes it (mode 0700) if absent.  -EWOULDBLOCK: another chatd has it. */
int folder_open(const char *dir, uint32_t worker, struct folder *ret_folder);
/* `catalog` may have been taken out (NULL). */
void folder_close(struct folder *folder);

/* Runs an administrator's command in a transaction of its own; what it has
 * to say is added to `out`. */
int folder_admin(struct folder *folder, uint64_t now_ms, int argc,
		 const char *const *argv, struct buf *out);
/* Fills an empty catalog, and says with what; nothing in one that is not. */
int folder_first_start(struct folder *folder, uint64_t now_ms,
		       struct buf *out);

#endif
