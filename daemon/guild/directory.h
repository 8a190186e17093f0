/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory actor: tokens and logins, users and their guilds, and the
 * guild behind each id.  Speaks proto/directory.h and takes REST calls in.
 * The parent of the guilds.
 */
#ifndef GUILD_DIRECTORY_H
#define GUILD_DIRECTORY_H

#include "actor/actor.h"
#include "guild/idgen.h"
#include "guild/secret.h"

struct directory_arg {
	actor_ref catalog;
	struct idgen *ids;		/* borrowed */
	struct secret secret;
	/* Called once it is loaded and registered, or has failed to (a
	 * negative errno), on its scheduler's thread; may be NULL. */
	void (*ready)(void *ctx, int error);
	void *ctx;
	unsigned int unsafe;		/* for tests only: the guilds' */
};

/* To be spawned on a core: it uses os_work(). */
extern const struct actor_class directory_actor_class;

#endif
