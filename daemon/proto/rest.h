/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REST calls as messages.
 *
 * The gateway turns a request into one rest_msg: its kind from the route
 * table, the ids of its path, and query and body through rest_parse().  It
 * sends that to the actor registered as "directory", which checks the token,
 * finds the guild concerned and forwards; whoever decides answers the sender
 * with exactly one rest_reply_msg, tag kept.  The sender sets a deadline of
 * its own.
 */
#ifndef PROTO_REST_H
#define PROTO_REST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actor/actor.h"
#include "proto/error.h"
#include "proto/types.h"

struct blob;
struct buf;

enum rest_msg_type {
	REST_CALL = PROTO_REST,		/* struct rest_msg */
	REST_REPLY,			/* struct rest_reply_msg */
};

/* The comment gives the route below /api/v10, with the names of rest_id. */
enum rest_kind {
	REST_NONE,
	/* answered by the directory */
	REST_LOGIN,		/* POST /auth/login (ours) {login, password} */
	REST_LOGOUT,		/* POST /auth/logout (ours) */
	REST_USER_ME,		/* GET /users/@me */
	REST_USER_EDIT,		/* PATCH /users/@me */
	REST_USER_GET,		/* GET /users/{user} */
	REST_USER_GUILDS,	/* GET /users/@me/guilds */
	REST_DIRECT_LIST,	/* GET /users/@me/channels */
	REST_DIRECT_OPEN,	/* POST /users/@me/channels */
	REST_APPLICATION_ME,	/* GET /applications/@me, /oauth2/applications/@me */
	REST_INVITE_GET,	/* GET /invites/{text} */
	/* answered by the guild of {guild} */
	REST_USER_LEAVE,	/* DELETE /users/@me/guilds/{guild} */
	REST_GUILD_GET,		/* GET /guilds/{guild} */
	REST_GUILD_EDIT,	/* PATCH /guilds/{guild} */
	REST_GUILD_CHANNELS,	/* GET /guilds/{guild}/channels */
	REST_CHANNEL_CREATE,	/* POST /guilds/{guild}/channels */
	REST_CHANNELS_MOVE,	/* PATCH /guilds/{guild}/channels */
	REST_THREADS_ACTIVE,	/* GET /guilds/{guild}/threads/active */
	REST_GUILD_INVITES,	/* GET /guilds/{guild}/invites */
	REST_GUILD_WEBHOOKS,	/* GET /guilds/{guild}/webhooks */
	REST_GUILD_EMOJIS,	/* GET /guilds/{guild}/emojis */
	REST_GUILD_STICKERS,	/* GET /guilds/{guild}/stickers */
	REST_GUILD_INTEGRATIONS,/* GET /guilds/{guild}/integrations */
	REST_GUILD_REGIONS,	/* GET /guilds/{guild}/regions, /voice/regions */
	REST_GUILD_AUDIT_LOG,	/* GET /guilds/{guild}/audit-logs */
	REST_MESSAGE_SEARCH,	/* GET /guilds/{guild}/messages/search */
	REST_MEMBER_GET,	/* GET /guilds/{guild}/members/{user} */
	REST_MEMBER_LIST,	/* GET /guilds/{guild}/members */
	REST_MEMBER_SEARCH,	/* GET /guilds/{guild}/members/search */
	REST_MEMBER_EDIT,	/* PATCH /guilds/{guild}/members/{user} */
	REST_MEMBER_KICK,	/* DELETE /guilds/{guild}/members/{user} */
	REST_MEMBER_ROLE_ADD,	/* PUT /guilds/{guild}/members/{user}/roles/{role} */
	REST_MEMBER_ROLE_REMOVE,/* DELETE the same */
	REST_BAN_LIST,		/* GET /guilds/{guild}/bans */
	REST_BAN_GET,		/* GET /guilds/{guild}/bans/{user} */
	REST_BAN_ADD,		/* PUT /guilds/{guild}/bans/{user} */
	REST_BAN_REMOVE,	/* DELETE /guilds/{guild}/bans/{user} */
	REST_BAN_BULK,		/* POST /guilds/{guild}/bulk-ban */
	REST_ROLE_LIST,		/* GET /guilds/{guild}/roles */
	REST_ROLE_GET,		/* GET /guilds/{guild}/roles/{role} */
	REST_ROLE_COUNTS,	/* GET /guilds/{guild}/roles/member-counts */
	REST_ROLE_CREATE,	/* POST /guilds/{guild}/roles */
	REST_ROLES_MOVE,	/* PATCH /guilds/{guild}/roles */
	REST_ROLE_EDIT,		/* PATCH /guilds/{guild}/roles/{role} */
	REST_ROLE_DELETE,	/* DELETE /guilds/{guild}/roles/{role} */
	/* answered by the guild of {channel} */
	REST_CHANNEL_GET,	/* GET /channels/{channel} */
	REST_CHANNEL_EDIT,	/* PATCH /channels/{channel} */
	REST_CHANNEL_DELETE,	/* DELETE /channels/{channel} */
	REST_OVERWRITE_PUT,	/* PUT /channels/{channel}/permissions/{overwrite} */
	REST_OVERWRITE_DELETE,	/* DELETE the same */
	REST_TYPING,		/* POST /channels/{channel}/typing */
	REST_CHANNEL_INVITES,	/* GET /channels/{channel}/invites */
	REST_INVITE_CREATE,	/* POST /channels/{channel}/invites */
	REST_CHANNEL_WEBHOOKS,	/* GET /channels/{channel}/webhooks */
	REST_WEBHOOK_CREATE,	/* POST /channels/{channel}/webhooks */
	REST_MESSAGE_LIST,	/* GET /channels/{channel}/messages */
	REST_MESSAGE_GET,	/* GET /channels/{channel}/messages/{message} */
	REST_MESSAGE_CREATE,	/* POST /channels/{channel}/messages */
	REST_MESSAGE_EDIT,	/* PATCH /channels/{channel}/messages/{message} */
	REST_MESSAGE_DELETE,	/* DELETE /channels/{channel}/messages/{message} */
	REST_MESSAGE_BULK_DELETE,/* POST /channels/{channel}/messages/bulk-delete */
	REST_DIRECT_SEARCH,	/* GET /channels/{channel}/messages/search */
	REST_MESSAGE_ACK,	/* POST /channels/{channel}/messages/{message}/ack */
	REST_REACTION_ADD,	/* PUT .../messages/{message}/reactions/{text}/@me */
	REST_REACTION_REMOVE,	/* DELETE .../reactions/{text}/{user} (@me too) */
	REST_REACTION_LIST,	/* GET .../reactions/{text} */
	REST_REACTION_CLEAR,	/* DELETE .../reactions */
	REST_REACTION_CLEAR_EMOJI,/* DELETE .../reactions/{text} */
	REST_PIN_LIST,		/* GET /channels/{channel}/messages/pins */
	REST_PIN_LIST_OLD,	/* GET /channels/{channel}/pins */
	REST_PIN_ADD,		/* PUT .../messages/pins/{message}, .../pins/{message} */
	REST_PIN_REMOVE,	/* DELETE the same */
	/* answered by the guild of {webhook} */
	REST_WEBHOOK_GET,	/* GET /webhooks/{webhook}[/{text}] */
	REST_WEBHOOK_EDIT,	/* PATCH /webhooks/{webhook}[/{text}] */
	REST_WEBHOOK_DELETE,	/* DELETE /webhooks/{webhook}[/{text}] */
	REST_WEBHOOK_EXECUTE,	/* POST /webhooks/{webhook}/{text} */
	REST_WEBHOOK_SAID_GET,	/* GET /webhooks/{webhook}/{text}/messages/{message} */
	REST_WEBHOOK_SAID_EDIT,	/* PATCH the same */
	REST_WEBHOOK_SAID_DELETE,/* DELETE the same */
	/* answered by the guild of the invite {text} */
	REST_INVITE_ACCEPT,	/* POST /invites/{text} (users) */
	REST_INVITE_DELETE,	/* DELETE /invites/{text} */
	REST_KINDS,
};

/* What a path names; `@me` in the place of {user} is REST_ID_ME. */
enum rest_id {
	REST_ID_GUILD,
	REST_ID_CHANNEL,
	REST_ID_MESSAGE,
	REST_ID_USER,
	REST_ID_ROLE,
	REST_ID_OVERWRITE,
	REST_ID_WEBHOOK,
	REST_IDS,
};

#define REST_ID_ME UINT64_MAX

/* Parsed query parameters; 0 or false where absent. */
struct rest_query {
	uint64_t before;	/* a snowflake; 0 is one, too */
	uint64_t after;
	uint64_t around;
	bool has_before, has_after, has_around;
	uint64_t user_id;
	uint32_t action_type;
	uint32_t limit;		/* never 0 after rest_parse() */
	bool with_counts;
	bool wait;
	char text[104];		/* ?query= */
};

#define REST_TEXT_MAX 128	/* emoji, invite code, webhook token */
#define REST_TOKEN_MAX 128
/* Bytes of JSON, alone or in a form: taken apart it is many times as large. */
#define REST_JSON_MAX (64u << 10)

struct rest_msg {
	struct actor_msg head;
	uint16_t kind;			/* enum rest_kind */
	bool actor_is_bot;		/* the directory's */
	uint64_t actor_id;		/* the directory's: who asks, 0 nobody */
	uint64_t id[REST_IDS];
	struct rest_query query;
	/* Without its "Bot " or "Bearer "; empty when there was none. */
	char token[REST_TOKEN_MAX];
	char text[REST_TEXT_MAX];	/* percent-decoded {text} of the path */
	char *reason;			/* for the audit log; NULL; owned */
	void *body;			/* by kind (proto/body.h); owned */
};

struct rest_reply_msg {
	struct actor_msg head;
	uint16_t status;		/* of HTTP */
	uint16_t retry_after_s;		/* with 429 and 503 */
	struct blob *body;		/* JSON; owned; NULL: none (204) */
};

/* Whose rate-limit bucket a call falls into, besides its caller and kind. */
enum rest_major {
	REST_MAJOR_NONE,
	REST_MAJOR_GUILD,
	REST_MAJOR_CHANNEL,
	REST_MAJOR_WEBHOOK,
};

enum rest_place {
	REST_AT_NOWHERE,
	REST_AT_DIRECTORY,
	REST_AT_GUILD,
	REST_AT_CHANNEL,
	REST_AT_WEBHOOK,
	REST_AT_INVITE,
};

/* What is fixed for each kind. */
struct rest_info {
	const char *name;	/* for logs, metrics and X-RateLimit-Bucket */
	uint8_t place;		/* enum rest_place */
	uint8_t major;		/* enum rest_major */
	bool open;		/* needs no token */
	bool files;		/* its body is a struct body_message */
	uint16_t limit;		/* calls in the window */
	uint16_t window_s;
	uint16_t default_limit;	/* of ?limit=; 0: the query has none */
	uint16_t max_limit;
	/* Decodes the query into msg->body, in place of query; mostly NULL. */
	int (*parse_query)(const char *query, size_t len, void **ret_body,
			   struct form *form);
	/* Decodes a body; NULL: bodies are ignored.  See proto/body.h. */
	int (*parse)(const void *json, void **ret_body, struct form *form);
	void (*fini)(void *body);
};

/* Never NULL for a kind below REST_KINDS. */
const struct rest_info *rest_info(enum rest_kind kind);

/* Returns a zeroed call of `kind`; NULL when memory is out. */
struct rest_msg *rest_msg_new(enum rest_kind kind);

/*
 * Fills msg->query and msg->body from the query string (behind the `?`, may
 * be empty) and the JSON body (may be empty).  Returns NULL when they are
 * good, else the reply to give: 400 with 50035 and its tree, or 50109.
 */
struct rest_reply_msg *rest_parse(struct rest_msg *msg, const char *query,
				  size_t query_len, const char *body,
				  size_t body_len);

/*
 * The same for a body of multipart/form-data: JSON in the part payload_json, or
 * fields one by one, and files.  40005 beyond REST_JSON_MAX.  Takes the memory of
 * `body` where there are files, which only messages may have.
 */
struct rest_reply_msg *rest_parse_upload(struct rest_msg *msg,
					 const char *query, size_t query_len,
					 struct buf *body,
					 const char *boundary);

/* Takes `body` (may be NULL).  Returns NULL when memory is out. */
struct rest_reply_msg *rest_reply_new(unsigned int status, struct blob *body);
/* {"message", "code"} with the status that belongs to `code`. */
struct rest_reply_msg *rest_reply_error(enum error_code code);

#endif
