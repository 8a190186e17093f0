/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passive sessions hear of messages: which channels have new ones, once in
 * UNREAD_NS however many there are.
 */
#ifndef GUILD_UNREAD_H
#define GUILD_UNREAD_H

#include <stdint.h>

struct guild;
struct state_channel;

#define UNREAD_NS (1000ull * 1000 * 1000)

/* A message has come into a channel. */
void unread_mark(struct guild *g, const struct state_channel *c);
/* The guild's timer has come. */
void unread_tell(struct guild *g);

#endif
