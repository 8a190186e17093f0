// SPDX-License-Identifier: Apache-2.0
#include "proto/error.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/blob.h"

/* Ascending codes. */
static const struct error {
	int code;
	unsigned int status;
	const char *message;
} errors[] = {
	{ ERROR_TOO_LARGE_AT_EDGE, 413, "413: Payload Too Large" },
	{ ERROR_INTERNAL, 500, "500: Internal Server Error" },
	{ ERROR_RATE_LIMITED, 429, "You are being rate limited." },
	{ ERROR_METHOD, 405, "405: Method Not Allowed" },
	{ ERROR_NO_ROUTE, 404, "404: Not Found" },
	{ ERROR_UNAUTHORIZED, 401, "401: Unauthorized" },
	{ ERROR_UNKNOWN_CHANNEL, 404, "Unknown Channel" },
	{ ERROR_UNKNOWN_GUILD, 404, "Unknown Guild" },
	{ ERROR_UNKNOWN_INVITE, 404, "Unknown Invite" },
	{ ERROR_UNKNOWN_MEMBER, 404, "Unknown Member" },
	{ ERROR_UNKNOWN_MESSAGE, 404, "Unknown Message" },
	{ ERROR_UNKNOWN_OVERWRITE, 404, "Unknown Overwrite" },
	{ ERROR_UNKNOWN_ROLE, 404, "Unknown Role" },
	{ ERROR_UNKNOWN_USER, 404, "Unknown User" },
	{ ERROR_UNKNOWN_EMOJI, 404, "Unknown Emoji" },
	{ ERROR_UNKNOWN_WEBHOOK, 404, "Unknown Webhook" },
	{ ERROR_UNKNOWN_BAN, 404, "Unknown Ban" },
	{ ERROR_NOT_FOR_BOTS, 403, "Bots cannot use this endpoint" },
	{ ERROR_SLOWMODE, 429, "This action cannot be performed due to slowmode rate limit" },
	{ ERROR_MAX_PINS, 400, "Maximum number of pins reached for the channel (250)" },
	{ ERROR_MAX_ROLES, 400, "Maximum number of guild roles reached (250)" },
	{ ERROR_MAX_WEBHOOKS, 400, "Maximum number of webhooks reached (15)" },
	{ ERROR_MAX_REACTIONS, 400, "Maximum number of reactions reached (20)" },
	{ ERROR_MAX_CHANNELS, 400, "Maximum number of guild channels reached (500)" },
	{ ERROR_MAX_ATTACHMENTS, 400, "Maximum number of attachments in a message reached (10)" },
	{ ERROR_MAX_INVITES, 400, "Maximum number of invites reached (1000)" },
	{ ERROR_MAX_OVERWRITES, 400, "Maximum number of permission overwrites reached (1000)" },
	{ ERROR_LOGIN_FAILED, 401, "Unauthorized" },
	{ ERROR_ENTITY_TOO_LARGE, 413, "Request entity too large" },
	{ ERROR_USER_BANNED, 403, "The user is banned from this guild" },
	{ ERROR_MISSING_ACCESS, 403, "Missing Access" },
	{ ERROR_DIRECT, 403, "Cannot execute action on a DM channel" },
	{ ERROR_NOT_AUTHOR, 403, "Cannot edit a message authored by another user" },
	{ ERROR_EMPTY_MESSAGE, 400, "Cannot send an empty message" },
	{ ERROR_CANNOT_DIRECT, 403, "Cannot send messages to this user" },
	{ ERROR_NOT_TEXT, 400, "Cannot send messages in a non-text channel" },
	{ ERROR_MISSING_PERMISSION, 403, "Missing Permissions" },
	{ ERROR_INVALID_TOKEN, 401, "Invalid authentication token provided" },
	{ ERROR_BULK_COUNT, 400,
	  "Provided too few or too many messages to delete. Must provide at least 2 and "
	  "fewer than 100 messages to delete" },
	{ ERROR_PIN_ELSEWHERE, 400,
	  "A message can only be pinned to the channel it was sent in" },
	{ ERROR_SYSTEM_MESSAGE, 403, "Cannot execute action on a system message" },
	{ ERROR_CHANNEL_TYPE, 400, "Cannot execute action on this channel type" },
	{ ERROR_WEBHOOK_TOKEN, 401, "Invalid Webhook Token" },
	{ ERROR_INVALID_ROLE, 400, "Invalid role" },
	{ ERROR_RECIPIENT, 400, "Invalid Recipient(s)" },
	{ ERROR_BULK_TOO_OLD, 400, "A message provided was too old to bulk delete" },
	{ ERROR_FORM, 400, "Invalid Form Body" },
	{ ERROR_JSON, 400, "The request body contains invalid JSON." },
	{ ERROR_REACTION_BLOCKED, 403, "Reaction was blocked" },
	{ ERROR_OVERLOADED, 503,
	  "API resource is currently overloaded. Try again a little later" },
	{ ERROR_REPLY_NO_HISTORY, 400, "Cannot reply without permission to read message history" },
};

static int compare(const void *key, const void *entry)
{
	int code = *(const int *)key;
	int other = ((const struct error *)entry)->code;

	return code < other ? -1 : code > other;
}

static const struct error *find(enum error_code code)
{
	const int internal = ERROR_INTERNAL;
	int key = code;
	const struct error *e;

	e = bsearch(&key, errors, sizeof(errors) / sizeof(errors[0]),
		    sizeof(errors[0]), compare);
	if (!e)
		e = bsearch(&internal, errors,
			    sizeof(errors) / sizeof(errors[0]),
			    sizeof(errors[0]), compare);
	return e;
}

unsigned int error_status(enum error_code code)
{
	return find(code)->status;
}

const char *error_message(enum error_code code)
{
	return find(code)->message;
}

struct blob *error_body(enum error_code code)
{
	const struct error *e = find(code);
	char text[256];

	snprintf(text, sizeof(text), "{\"message\": \"%s\", \"code\": %d}",
		 e->message, e->code < 0 ? 0 : e->code);
	return blob_from_str(text);
}
