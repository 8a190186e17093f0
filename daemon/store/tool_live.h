/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store that chatd has open, as it was at one moment: superblocks, indexes
 * and logs are copied, blocks stay where they are and are kept by chatd
 * (backup_socket.h).  Blocking.
 */
#ifndef STORE_TOOL_LIVE_H
#define STORE_TOOL_LIVE_H

#include <stdint.h>

struct tool_live;

/*
 * Makes the folder `copy`, which tool_walk_at() can walk.  -ENOENT,
 * -ECONNREFUSED: chatd does not run; -ETIMEDOUT.
 */
int tool_live_open(const char *store, uint32_t shards, const char *copy,
		   struct tool_live **ret_live);
/* To be called now and then while it is walked: chatd waits for us. */
void tool_live_still(struct tool_live *live);
/* For each shard, the last frame of its log that counts.  Borrowed. */
const uint64_t *tool_live_ends(const struct tool_live *live);
/* Removes the copy.  -ESTALE: what was read may not be what there was. */
int tool_live_close(struct tool_live *live);

#endif
