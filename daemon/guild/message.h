/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about messages of a guild share. */
#ifndef GUILD_MESSAGE_H
#define GUILD_MESSAGE_H

#include "guild/guild_impl.h"
#include "proto/body.h"
#include "proto/json.h"
#include "proto/rows.h"

/*
 * Decodes row i of a channel's rows into *m, with the author as it is now if
 * the guild still has it.  m borrows from the rows and the state.
 */
int message_of_row(const struct guild *g, uint64_t channel_id,
		   const struct row *row, struct message *m);

/* The event `name` about m in c, for those who may see its content, or not. */
struct blob *message_payload(const struct guild *g, const char *name,
			     const struct state_channel *c,
			     const struct message *m,
			     const struct message_view *view, bool stripped);

/* Publishes MESSAGE_CREATE or _UPDATE to everybody who sees the channel. */
void message_publish(struct guild *g, const char *name,
		     const struct state_channel *c, const struct message *m,
		     const struct message_view *view);

/* Answers a call with one message, as GET does. */
enum error_code message_answer_one(struct guild *g,
				   const struct rest_msg *call,
				   uint64_t message_id);

/* Something that happened, said in a channel in its author's name; `about_id`
 * is a message of the channel, 0: none. */
void message_say_system(struct guild *g, const struct state_channel *ch,
			enum message_type type, const struct member *author,
			uint64_t about_id);

/* Removes messages, at most a hundred, and says so by MESSAGE_DELETE_BULK.
 * 0 or a negative errno; what the store then says is only logged. */
int message_remove(struct guild *g, uint64_t channel_id, const uint64_t *id,
		   uint32_t count);

/* What a webhook says; the call asks for the message back, or not. */
enum error_code message_say_webhook(struct guild *g,
				    const struct rest_msg *call,
				    const struct state_channel *ch,
				    const struct user *author);

/* A webhook's call about a message of its own, in the call's channel.  Files
 * have been stored. */
enum error_code message_said_by_webhook(struct guild *g,
					struct rest_msg *call);

/* Has it something to say at all?  Content is trimmed in place. */
bool message_body_trim(struct body_message *b);

#endif
