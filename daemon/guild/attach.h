/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of messages.  They are stored before the message that names them; a
 * message's `attachments` are JSON whose URLs begin with a slash
 * (json_set_base_url()).
 */
#ifndef GUILD_ATTACH_H
#define GUILD_ATTACH_H

#include "guild/guild_impl.h"
#include "proto/body.h"

/*
 * Stores the files of a call, whose body is a struct body_message, and takes
 * it; `again` is called when they are durable, with `attachments` in the body
 * and no files, and embeds that show them.  ERROR_NONE: it will be answered.
 * When `again` returns an error they are dropped; when it refuses the call
 * later, it does so itself.
 */
enum error_code attach_store(struct guild *g, struct rest_msg *call,
			     uint64_t channel_id, guild_call *again);

/*
 * What an edit leaves of `old` (may be NULL), and adds.  *ret_json is
 * mem_free()d, NULL: none; drop[] are the ids of those that go.  -ENOMEM.
 */
int attach_edit(const char *old, const struct body_message *b, char **ret_json,
		uint64_t drop[FILES_MAX], uint32_t *ret_dropped);

/* The ids in `attachments` (may be NULL); returns how many. */
uint32_t attach_ids(const char *attachments, uint64_t id[FILES_MAX]);
/* No message names them any more. */
void attach_drop(struct guild *g, uint64_t channel_id, const uint64_t *id,
		 uint32_t count);
/* The same of all in `attachments` (may be NULL): the message that was to name
 * them has been refused. */
void attach_forget(struct guild *g, uint64_t channel_id,
		   const char *attachments);

#endif
