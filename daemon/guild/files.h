/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actor that keeps attached files (proto/files.h): DIR/CHANNEL/ID, one file
 * each, written and read on a thread that may block.  A file that no message
 * names, for a crash came between the two, stays, and nobody has its mark.
 */
#ifndef GUILD_FILES_H
#define GUILD_FILES_H

#include "actor/actor.h"
#include "guild/secret.h"

struct files_arg {
	const char *dir;	/* borrowed; made if it is not there */
	struct secret secret;
};

/* To be spawned on a core: it uses os_work(). */
extern const struct actor_class files_actor_class;

#endif
