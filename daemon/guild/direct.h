/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct channel: a guild actor of two members and one channel, without
 * roles, relays and sessions.  What it has to say goes to the directory, which
 * knows the sessions of both (guild/directory_direct.c).  It is started when
 * somebody calls, and asks to go when nobody has for a while.
 */
#ifndef GUILD_DIRECT_H
#define GUILD_DIRECT_H

#include <stdint.h>

struct actor_msg;
struct blob;
struct guild;
struct jsonw;
struct state_channel;

#define DIRECT_IDLE_NS (300ull * 1000000000)

/* Its newest message is known. */
void direct_ready(struct guild *g);
/* DIRECT_IDLE_NS have passed. */
void direct_idle(struct guild *g, struct actor_msg *timer);

/* An event for sessions with what corresponds to `intents` of guilds; of
 * `user_id` alone, 0: of both.  Borrows `payload`. */
void direct_publish(struct guild *g, uint32_t intents, uint64_t user_id,
		    struct blob *payload);
/* Memory was out for an event. */
void direct_lost(struct guild *g);
/* See search_feed_changed(). */
void direct_changed(struct guild *g, const uint64_t *id, uint32_t count);

/* The channel as one of the two sees it. */
void direct_json(struct guild *g, struct jsonw *w,
		 const struct state_channel *c, uint64_t reader_id);

#endif
