/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views: what each user may see of a guild.  Most members share theirs with
 * all who hold the same roles, so it is worked out once for each set of roles
 * and kept until roles or channels change.
 */
#ifndef GUILD_GUILD_VIEW_H
#define GUILD_GUILD_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "guild/relay.h"

struct guild;

/* Part of struct guild, zeroed at first. */
struct guild_views {
	bool ready;		/* `named` is what the state says */
	struct hmap named;	/* users whom an overwrite names */
	struct hmap known;	/* hash of a set of roles -> struct known_view */
};

void guild_view_compute(struct guild *g, uint64_t user_id,
			struct relay_view *ret_view);
/* Roles, channels or the owner have changed. */
void guild_views_forget(struct guild *g);

static inline bool guild_view_has(const struct relay_view *view, uint32_t slot)
{
	return view->channel[slot / 64] >> (slot % 64) & 1;
}

/*
 * After any change of roles, overwrites, owner or members: the relays learn
 * what each user sees now, and users of channels that come or go for them;
 * but for the one in `quiet_slot`, of which everybody is told otherwise.
 */
void guild_views_changed(struct guild *g, uint32_t quiet_slot);
void guild_view_changed(struct guild *g, uint64_t user_id,
			uint32_t quiet_slot);

#endif
