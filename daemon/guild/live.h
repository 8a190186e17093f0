/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `chatd admin` commands that look at the running process: its actors, its
 * messages, the flight recorder.  Near enough for people: the schedulers go on
 * meanwhile.
 */
#ifndef GUILD_LIVE_H
#define GUILD_LIVE_H

#include <stdbool.h>

struct actor_system;
struct buf;

bool live_is(const char *command);

/* argv[0] is a command.  Writes what is to be printed.  0; -EINVAL: usage, which
 * is in `out` too; -ENOMEM, -EIO.  Any thread. */
int live_run(struct actor_system *sys, int argc, const char *const *argv,
	     struct buf *out);

/* The commands, one a line. */
extern const char live_usage[];

#endif
