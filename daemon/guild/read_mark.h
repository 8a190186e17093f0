/* SPDX-License-Identifier: Apache-2.0 */
/* Who has read what, and who was mentioned: proto/readstate.h. */
#ifndef GUILD_READ_MARK_H
#define GUILD_READ_MARK_H

struct guild;
struct message;
struct state_channel;

/* Above so many members @everyone and roles count for nobody: clients show
 * those from the message itself. */
#define READ_MARK_MEMBERS_MAX 5000u

/* A new message, durable; only the ids of its mentions need be good. */
void read_mark_mentioned(struct guild *g, const struct state_channel *c,
			 const struct message *m);

#endif
