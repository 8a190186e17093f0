/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A UNIX socket in the store's folder by which chatd-store copies a store that
 * is open.  The connection is the hold: whoever closes it, or dies, lets go.
 *
 *	chatd		"held FRAME..." when every shard has stopped rewriting,
 *			with the last frame of each one's log that counts
 *	chatd-store	"copied": superblocks, indexes and logs are; rewriting
 *			goes on, but blocks that were there stay
 *	chatd		"ok"
 *	chatd-store	"done": blocks have been read, too
 *	chatd		"ok", or "stale": a shard began anew in between
 *
 * In between chatd-store says "still" now and then, which has no answer: who
 * says nothing for BACKUP_PATIENCE_MS is hung up on, for there is one place.
 */
#ifndef STORE_BACKUP_SOCKET_H
#define STORE_BACKUP_SOCKET_H

#include "actor/actor.h"

#define BACKUP_SOCKET_NAME "backup.sock"
#define BACKUP_LINE_MAX (24 + 21 * 256)	/* a frame number for each shard */

#define BACKUP_PATIENCE_MS 120000
#define BACKUP_STILL_MS 10000

/* arg: struct store *, borrowed.  To be spawned on a core. */
extern const struct actor_class backup_socket_class;

#endif
