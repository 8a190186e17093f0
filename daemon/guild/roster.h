/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Member lists, for people who look at one (op 14 with ranges): who may see a
 * channel, by hoisted role, then online, then (in small guilds) offline.  Rows
 * are groups' headings and members.  A list exists while someone looks at it;
 * what changes in it is told in steps, together, each ROSTER_NS, to those
 * who look at rows that it moves.
 *
 *	GUILD_MEMBER_LIST_UPDATE {guild_id, id, member_count, online_count,
 *	  groups: [{id, count}], ops: [SYNC | INSERT | UPDATE | DELETE]}
 */
#ifndef GUILD_ROSTER_H
#define GUILD_ROSTER_H

#include <stdint.h>

struct guild;
struct guild_attend_msg;
struct guild_session;
struct relay_attend_msg;
struct roster;

#define ROSTER_NS (500ull * 1000 * 1000)
#define ROSTER_OFFLINE_MAX 1000	/* members of a guild that shows them */

/*
 * A session looks at something else from now on.  Fills in what its relay must
 * know; when it does, roster_sync() is due.
 */
void roster_look(struct guild *g, struct guild_session *s,
		 const struct guild_attend_msg *m,
		 struct relay_attend_msg *out);
/* Tells a session all that it looks at. */
void roster_sync(struct guild *g, const struct guild_session *s);
/* It looks at nothing any more, or is no more. */
void roster_leave(struct guild *g, struct guild_session *s);

/* A user came, went, or is not what it was. */
void roster_user_changed(struct guild *g, uint64_t user_id);
/* Roles or channels have changed. */
void roster_all_changed(struct guild *g);

/* The timer has come. */
void roster_tell(struct guild *g);
void roster_fini(struct guild *g);

#endif
