/* SPDX-License-Identifier: Apache-2.0 */
/* What a guild tells the search indexer (proto/search.h).  Nothing waits for
 * it, and what gets lost it finds out itself. */
#ifndef GUILD_SEARCH_FEED_H
#define GUILD_SEARCH_FEED_H

#include <stdint.h>

struct actor_msg;
struct guild;

/* The guild is ready, or the indexer asks. */
void search_feed_hello(struct guild *g);
/* These messages are new, changed or gone, and that is durable. */
void search_feed_changed(struct guild *g, uint64_t channel_id,
			 const uint64_t *id, uint32_t count);

#endif
