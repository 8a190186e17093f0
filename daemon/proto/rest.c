// SPDX-License-Identifier: Apache-2.0
#include "proto/rest.h"

#include "base/blob.h"
#include "base/check.h"
#include "proto/body.h"
#include "proto/search.h"

#define BODY(name) .parse = body_##name##_parse, .fini = body_##name##_fini
#define PAGE(standard, most) .default_limit = (standard), .max_limit = (most)

#define AT(place_, major_, limit_, window_)				\
	.place = REST_AT_##place_, .major = REST_MAJOR_##major_,	\
	.limit = (limit_), .window_s = (window_)

static const struct rest_info infos[REST_KINDS] = {
	[REST_NONE] = { .name = "none" },
	[REST_LOGIN] = { "login", AT(DIRECTORY, NONE, 10, 60), .open = true,
			 BODY(login) },
	[REST_LOGOUT] = { "logout", AT(DIRECTORY, NONE, 10, 60) },
	[REST_USER_ME] = { "user_me", AT(DIRECTORY, NONE, 30, 10) },
	[REST_USER_EDIT] = { "user_edit", AT(DIRECTORY, NONE, 2, 60),
			     BODY(user) },
	[REST_USER_GET] = { "user_get", AT(DIRECTORY, NONE, 30, 30) },
	[REST_USER_GUILDS] = { "user_guilds", AT(DIRECTORY, NONE, 10, 10),
			       PAGE(200, 200) },
	[REST_DIRECT_LIST] = { "direct_list", AT(DIRECTORY, NONE, 10, 10) },
	[REST_DIRECT_OPEN] = { "direct_open", AT(DIRECTORY, NONE, 30, 10),
			       BODY(direct) },
	[REST_APPLICATION_ME] = { "application_me",
				  AT(DIRECTORY, NONE, 30, 30) },
	[REST_INVITE_GET] = { "invite_get", AT(INVITE, NONE, 25, 10),
			      .open = true },
	[REST_USER_LEAVE] = { "user_leave", AT(GUILD, NONE, 5, 10) },
	[REST_GUILD_GET] = { "guild_get", AT(GUILD, GUILD, 10, 10) },
	[REST_GUILD_EDIT] = { "guild_edit", AT(GUILD, GUILD, 5, 10),
			      BODY(guild) },
	[REST_GUILD_CHANNELS] = { "guild_channels", AT(GUILD, GUILD, 10, 10) },
	[REST_CHANNEL_CREATE] = { "channel_create", AT(GUILD, GUILD, 20, 10),
				  BODY(channel) },
	[REST_CHANNELS_MOVE] = { "channels_move", AT(GUILD, GUILD, 10, 10),
				 BODY(moves) },
	[REST_THREADS_ACTIVE] = { "threads_active", AT(GUILD, GUILD, 10, 10) },
	[REST_GUILD_INVITES] = { "guild_invites", AT(GUILD, GUILD, 10, 10) },
	[REST_GUILD_WEBHOOKS] = { "guild_webhooks", AT(GUILD, GUILD, 10, 10) },
	[REST_GUILD_EMOJIS] = { "guild_emojis", AT(GUILD, GUILD, 10, 10) },
	[REST_GUILD_STICKERS] = { "guild_stickers", AT(GUILD, GUILD, 10, 10) },
	[REST_GUILD_INTEGRATIONS] = { "guild_integrations",
				      AT(GUILD, GUILD, 10, 10) },
	[REST_GUILD_REGIONS] = { "guild_regions", AT(GUILD, GUILD, 10, 10) },
	[REST_GUILD_AUDIT_LOG] = { "guild_audit_log",
				   AT(GUILD, GUILD, 10, 10), PAGE(50, 100) },
	[REST_MESSAGE_SEARCH] = { "message_search", AT(GUILD, GUILD, 10, 5),
				  .parse_query = search_query_parse,
				  .fini = search_query_fini },
	[REST_DIRECT_SEARCH] = { "direct_search",
				 AT(CHANNEL, CHANNEL, 10, 5),
				 .parse_query = search_query_parse,
				 .fini = search_query_fini },
	[REST_MEMBER_GET] = { "member_get", AT(GUILD, GUILD, 50, 10) },
	[REST_MEMBER_LIST] = { "member_list", AT(GUILD, GUILD, 10, 10),
			       PAGE(1, 1000) },
	[REST_MEMBER_SEARCH] = { "member_search", AT(GUILD, GUILD, 10, 10),
				 PAGE(1, 1000) },
	[REST_MEMBER_EDIT] = { "member_edit", AT(GUILD, GUILD, 10, 10),
			       BODY(member) },
	[REST_MEMBER_KICK] = { "member_kick", AT(GUILD, GUILD, 5, 5) },
	[REST_MEMBER_ROLE_ADD] = { "member_role_add",
				   AT(GUILD, GUILD, 10, 10) },
	[REST_MEMBER_ROLE_REMOVE] = { "member_role_remove",
				      AT(GUILD, GUILD, 10, 10) },
	[REST_BAN_LIST] = { "ban_list", AT(GUILD, GUILD, 10, 10),
			    PAGE(1000, 1000) },
	[REST_BAN_GET] = { "ban_get", AT(GUILD, GUILD, 10, 10) },
	[REST_BAN_ADD] = { "ban_add", AT(GUILD, GUILD, 5, 5), BODY(bans) },
	[REST_BAN_REMOVE] = { "ban_remove", AT(GUILD, GUILD, 5, 5) },
	[REST_BAN_BULK] = { "ban_bulk", AT(GUILD, GUILD, 5, 5), BODY(bans) },
	[REST_ROLE_LIST] = { "role_list", AT(GUILD, GUILD, 10, 10) },
	[REST_ROLE_GET] = { "role_get", AT(GUILD, GUILD, 10, 10) },
	[REST_ROLE_COUNTS] = { "role_counts", AT(GUILD, GUILD, 10, 10) },
	[REST_ROLE_CREATE] = { "role_create", AT(GUILD, GUILD, 10, 10),
			       BODY(role) },
	[REST_ROLES_MOVE] = { "roles_move", AT(GUILD, GUILD, 10, 10),
			      BODY(moves) },
	[REST_ROLE_EDIT] = { "role_edit", AT(GUILD, GUILD, 10, 10),
			     BODY(role) },
	[REST_ROLE_DELETE] = { "role_delete", AT(GUILD, GUILD, 10, 10) },
	[REST_CHANNEL_GET] = { "channel_get", AT(CHANNEL, CHANNEL, 50, 10) },
	[REST_CHANNEL_EDIT] = { "channel_edit", AT(CHANNEL, CHANNEL, 10, 15),
				BODY(channel) },
	[REST_CHANNEL_DELETE] = { "channel_delete",
				  AT(CHANNEL, CHANNEL, 10, 10) },
	[REST_OVERWRITE_PUT] = { "overwrite_put", AT(CHANNEL, CHANNEL, 10, 10),
				 BODY(overwrite) },
	[REST_OVERWRITE_DELETE] = { "overwrite_delete",
				    AT(CHANNEL, CHANNEL, 10, 10) },
	[REST_TYPING] = { "typing", AT(CHANNEL, CHANNEL, 5, 5) },
	[REST_CHANNEL_INVITES] = { "channel_invites",
				   AT(CHANNEL, CHANNEL, 10, 10) },
	[REST_INVITE_CREATE] = { "invite_create", AT(CHANNEL, CHANNEL, 5, 15),
				 BODY(invite) },
	[REST_CHANNEL_WEBHOOKS] = { "channel_webhooks",
				    AT(CHANNEL, CHANNEL, 10, 10) },
	[REST_WEBHOOK_CREATE] = { "webhook_create",
				  AT(CHANNEL, CHANNEL, 5, 15), BODY(webhook) },
	[REST_MESSAGE_LIST] = { "message_list", AT(CHANNEL, CHANNEL, 50, 10),
				PAGE(50, 100) },
	[REST_MESSAGE_GET] = { "message_get", AT(CHANNEL, CHANNEL, 50, 10) },
	[REST_MESSAGE_CREATE] = { "message_create",
				  AT(CHANNEL, CHANNEL, 50, 5), .files = true,
				  BODY(message) },
	[REST_MESSAGE_EDIT] = { "message_edit", AT(CHANNEL, CHANNEL, 10, 5),
				.files = true, BODY(message) },
	[REST_MESSAGE_DELETE] = { "message_delete",
				  AT(CHANNEL, CHANNEL, 10, 5) },
	[REST_MESSAGE_BULK_DELETE] = { "message_bulk_delete",
				       AT(CHANNEL, CHANNEL, 5, 5),
				       BODY(messages) },
	[REST_MESSAGE_ACK] = { "message_ack", AT(CHANNEL, CHANNEL, 50, 5),
			       BODY(ack) },
	[REST_REACTION_ADD] = { "reaction_add", AT(CHANNEL, CHANNEL, 10, 2) },
	[REST_REACTION_REMOVE] = { "reaction_remove",
				   AT(CHANNEL, CHANNEL, 10, 2) },
	[REST_REACTION_LIST] = { "reaction_list",
				 AT(CHANNEL, CHANNEL, 10, 10), PAGE(25, 100) },
	[REST_REACTION_CLEAR] = { "reaction_clear",
				  AT(CHANNEL, CHANNEL, 10, 10) },
	[REST_REACTION_CLEAR_EMOJI] = { "reaction_clear_emoji",
					AT(CHANNEL, CHANNEL, 10, 10) },
	[REST_PIN_LIST] = { "pin_list", AT(CHANNEL, CHANNEL, 10, 10),
			    PAGE(50, 50) },
	[REST_PIN_LIST_OLD] = { "pin_list_old", AT(CHANNEL, CHANNEL, 10, 10) },
	[REST_PIN_ADD] = { "pin_add", AT(CHANNEL, CHANNEL, 5, 5) },
	[REST_PIN_REMOVE] = { "pin_remove", AT(CHANNEL, CHANNEL, 5, 5) },
	[REST_WEBHOOK_GET] = { "webhook_get", AT(WEBHOOK, WEBHOOK, 10, 10),
			       .open = true },
	[REST_WEBHOOK_EDIT] = { "webhook_edit", AT(WEBHOOK, WEBHOOK, 10, 10),
				.open = true, BODY(webhook) },
	[REST_WEBHOOK_DELETE] = { "webhook_delete",
				  AT(WEBHOOK, WEBHOOK, 10, 10), .open = true },
	[REST_WEBHOOK_EXECUTE] = { "webhook_execute",
				   AT(WEBHOOK, WEBHOOK, 5, 2), .open = true,
				   .files = true, BODY(message) },
	[REST_WEBHOOK_SAID_GET] = { "webhook_said_get",
				    AT(WEBHOOK, WEBHOOK, 5, 2), .open = true },
	[REST_WEBHOOK_SAID_EDIT] = { "webhook_said_edit",
				     AT(WEBHOOK, WEBHOOK, 5, 2), .open = true,
				     .files = true, BODY(message) },
	[REST_WEBHOOK_SAID_DELETE] = { "webhook_said_delete",
				       AT(WEBHOOK, WEBHOOK, 5, 2),
				       .open = true },
	[REST_INVITE_ACCEPT] = { "invite_accept", AT(INVITE, NONE, 10, 10),
				 .fini = body_joiner_fini },
	[REST_INVITE_DELETE] = { "invite_delete", AT(INVITE, NONE, 10, 10) },
};

const struct rest_info *rest_info(enum rest_kind kind)
{
	check(kind < REST_KINDS);
	return &infos[kind];
}

struct rest_msg *rest_msg_new(enum rest_kind kind)
{
	struct rest_msg *msg = ACTOR_MSG_NEW(struct rest_msg, REST_CALL);

	if (!msg)
		return NULL;
	msg->kind = kind;
	msg->query.limit = infos[kind].default_limit;
	return msg;
}

struct rest_reply_msg *rest_reply_new(unsigned int status, struct blob *body)
{
	struct rest_reply_msg *reply;

	reply = ACTOR_MSG_NEW(struct rest_reply_msg, REST_REPLY);
	if (!reply) {
		blob_put(body);
		return NULL;
	}
	reply->status = (uint16_t)status;
	reply->body = body;
	return reply;
}

#define RETRY_AFTER_S 1

struct rest_reply_msg *rest_reply_error(enum error_code code)
{
	struct rest_reply_msg *reply;
	unsigned int status = error_status(code);

	reply = rest_reply_new(status, error_body(code));
	if (reply && (status == 429 || status == 503))
		reply->retry_after_s = RETRY_AFTER_S;
	return reply;
}
