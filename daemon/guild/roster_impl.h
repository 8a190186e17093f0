/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the member lists share. */
#ifndef GUILD_ROSTER_IMPL_H
#define GUILD_ROSTER_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/list.h"
#include "guild/ranked.h"
#include "guild/roster.h"
#include "guild/state.h"
#include "proto/guild.h"

struct blob;

#define ROSTER_GROUPS_MAX (STATE_ROLES_MAX + 2)
#define ROSTER_EVERYONE 1	/* number of the list of channels all see */

struct roster_group {
	uint64_t role_id;	/* 0: online, and behind it offline */
	uint32_t count;
};

/*
 * Invariants while it is not stale: `known` has a user's entry exactly when
 * `ranked` has it, and group[i].count counts those of group i.
 */
struct roster_list {
	struct list link;
	uint16_t number;		/* ROSTER_EVERYONE, or more */
	uint64_t channel_id;		/* whose viewers they are */
	uint32_t watchers;
	bool stale;			/* to be made anew and told to all */
	struct ranked ranked;
	struct hmap known;		/* user id -> struct ranked_entry */
	uint32_t groups;
	struct roster_group group[ROSTER_GROUPS_MAX];
	struct buf ops;			/* steps not told yet, JSON */
	uint32_t row;			/* the first that they touch */
};

/* What a session looks at. */
struct roster_watch {
	struct roster_list *list;
	uint64_t channel_id;
	uint32_t slot;			/* as its relay knows it */
	uint32_t ranges;
	struct guild_range range[GUILD_RANGES_MAX];
};

/* roster_list.c: the order and the steps. */

/* Makes it anew; on -ENOMEM it stays stale. */
int roster_list_make(struct guild *g, struct roster_list *l);
void roster_list_fini(struct roster_list *l);
void roster_list_changed(struct guild *g, struct roster_list *l,
			 uint64_t user_id);

/* roster_json.c: what is said of them; each NULL when memory is out. */

/* Writes an INSERT or UPDATE, or (with no user) a DELETE, of a row. */
void roster_json_step(struct guild *g, struct roster_list *l, const char *op,
		      uint32_t row, uint64_t user_id);
struct blob *roster_json_steps(struct guild *g, struct roster_list *l);
struct blob *roster_json_sync(struct guild *g, const struct roster_watch *w);

#endif
