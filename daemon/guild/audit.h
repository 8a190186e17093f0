/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: who changed what of a guild, and why.  An entry of a change is
 * in one transaction with it; it is told when both are durable.
 */
#ifndef GUILD_AUDIT_H
#define GUILD_AUDIT_H

#include <stdint.h>

#include "base/jsonw.h"
#include "guild/catalog.h"

struct change;
struct guild;
struct rest_msg;

enum audit_action {
	AUDIT_GUILD_UPDATE = 1,
	AUDIT_CHANNEL_CREATE = 10,
	AUDIT_CHANNEL_UPDATE = 11,
	AUDIT_CHANNEL_DELETE = 12,
	AUDIT_OVERWRITE_CREATE = 13,
	AUDIT_OVERWRITE_UPDATE = 14,
	AUDIT_OVERWRITE_DELETE = 15,
	AUDIT_MEMBER_KICK = 20,
	AUDIT_BAN_ADD = 22,
	AUDIT_BAN_REMOVE = 23,
	AUDIT_MEMBER_UPDATE = 24,
	AUDIT_MEMBER_ROLES = 25,
	AUDIT_ROLE_CREATE = 30,
	AUDIT_ROLE_UPDATE = 31,
	AUDIT_ROLE_DELETE = 32,
	AUDIT_INVITE_CREATE = 40,
	AUDIT_INVITE_DELETE = 42,
	AUDIT_WEBHOOK_CREATE = 50,
	AUDIT_WEBHOOK_UPDATE = 51,
	AUDIT_WEBHOOK_DELETE = 52,
	AUDIT_MESSAGE_DELETE = 72,
	AUDIT_MESSAGE_BULK_DELETE = 73,
	AUDIT_MESSAGE_PIN = 74,
	AUDIT_MESSAGE_UNPIN = 75,
};

#define AUDIT_DAYS 45		/* kept for so long */

/* Adds the entries that belong to its rows, while the state is as before. */
void audit_change(struct guild *g, struct change *c);
/* Tells of entries that are durable. */
void audit_tell(struct guild *g, const struct audit_entry *e, uint32_t count);

/* Something that is no change of the guild's rows: kept and told.  Nobody waits
 * for it.  `count` messages of a channel; `message_id` of pins. */
void audit_message(struct guild *g, const struct rest_msg *call,
		   enum audit_action action, uint64_t target_id,
		   uint64_t channel_id, uint64_t message_id, uint32_t count);

#endif
