// SPDX-License-Identifier: Apache-2.0
#include "gateway/route.h"

#include <string.h>

#include "base/check.h"

#define SEGMENTS_MAX 8
#define SNOWFLAKE_DIGITS_MAX 20

struct route {
	uint8_t method;
	uint8_t own;
	uint16_t kind;
	const char *path;
};

/*
 * A template's {name} is an id, but for {text}.  Of routes that fit the first
 * one wins, so a literal stands before an id in the same place.
 */
static const struct route routes[] = {
	{ ROUTE_GET, ROUTE_OWN_GATEWAY, REST_NONE, "/gateway" },
	{ ROUTE_GET, ROUTE_OWN_GATEWAY_BOT, REST_NONE, "/gateway/bot" },

	{ ROUTE_POST, 0, REST_LOGIN, "/auth/login" },
	{ ROUTE_POST, 0, REST_LOGOUT, "/auth/logout" },
	{ ROUTE_GET, 0, REST_USER_ME, "/users/@me" },
	{ ROUTE_PATCH, 0, REST_USER_EDIT, "/users/@me" },
	{ ROUTE_GET, 0, REST_USER_GUILDS, "/users/@me/guilds" },
	{ ROUTE_GET, 0, REST_DIRECT_LIST, "/users/@me/channels" },
	{ ROUTE_POST, 0, REST_DIRECT_OPEN, "/users/@me/channels" },
	{ ROUTE_DELETE, 0, REST_USER_LEAVE, "/users/@me/guilds/{guild}" },
	{ ROUTE_GET, 0, REST_USER_GET, "/users/{user}" },
	{ ROUTE_GET, 0, REST_APPLICATION_ME, "/applications/@me" },
	{ ROUTE_GET, 0, REST_APPLICATION_ME, "/oauth2/applications/@me" },

	{ ROUTE_GET, 0, REST_INVITE_GET, "/invites/{text}" },
	{ ROUTE_POST, 0, REST_INVITE_ACCEPT, "/invites/{text}" },
	{ ROUTE_DELETE, 0, REST_INVITE_DELETE, "/invites/{text}" },
	{ ROUTE_GET, 0, REST_GUILD_REGIONS, "/voice/regions" },

	{ ROUTE_GET, 0, REST_GUILD_GET, "/guilds/{guild}" },
	{ ROUTE_PATCH, 0, REST_GUILD_EDIT, "/guilds/{guild}" },
	{ ROUTE_GET, 0, REST_GUILD_CHANNELS, "/guilds/{guild}/channels" },
	{ ROUTE_POST, 0, REST_CHANNEL_CREATE, "/guilds/{guild}/channels" },
	{ ROUTE_PATCH, 0, REST_CHANNELS_MOVE, "/guilds/{guild}/channels" },
	{ ROUTE_GET, 0, REST_THREADS_ACTIVE, "/guilds/{guild}/threads/active" },
	{ ROUTE_GET, 0, REST_GUILD_INVITES, "/guilds/{guild}/invites" },
	{ ROUTE_GET, 0, REST_GUILD_WEBHOOKS, "/guilds/{guild}/webhooks" },
	{ ROUTE_GET, 0, REST_GUILD_EMOJIS, "/guilds/{guild}/emojis" },
	{ ROUTE_GET, 0, REST_GUILD_STICKERS, "/guilds/{guild}/stickers" },
	{ ROUTE_GET, 0, REST_GUILD_INTEGRATIONS, "/guilds/{guild}/integrations" },
	{ ROUTE_GET, 0, REST_GUILD_REGIONS, "/guilds/{guild}/regions" },
	{ ROUTE_GET, 0, REST_GUILD_AUDIT_LOG, "/guilds/{guild}/audit-logs" },

	{ ROUTE_GET, 0, REST_MESSAGE_SEARCH,
	  "/guilds/{guild}/messages/search" },

	{ ROUTE_GET, 0, REST_MEMBER_LIST, "/guilds/{guild}/members" },
	{ ROUTE_GET, 0, REST_MEMBER_SEARCH, "/guilds/{guild}/members/search" },
	{ ROUTE_GET, 0, REST_MEMBER_GET, "/guilds/{guild}/members/{user}" },
	{ ROUTE_PATCH, 0, REST_MEMBER_EDIT, "/guilds/{guild}/members/{user}" },
	{ ROUTE_DELETE, 0, REST_MEMBER_KICK, "/guilds/{guild}/members/{user}" },
	{ ROUTE_PUT, 0, REST_MEMBER_ROLE_ADD,
	  "/guilds/{guild}/members/{user}/roles/{role}" },
	{ ROUTE_DELETE, 0, REST_MEMBER_ROLE_REMOVE,
	  "/guilds/{guild}/members/{user}/roles/{role}" },
	{ ROUTE_GET, 0, REST_BAN_LIST, "/guilds/{guild}/bans" },
	{ ROUTE_GET, 0, REST_BAN_GET, "/guilds/{guild}/bans/{user}" },
	{ ROUTE_PUT, 0, REST_BAN_ADD, "/guilds/{guild}/bans/{user}" },
	{ ROUTE_DELETE, 0, REST_BAN_REMOVE, "/guilds/{guild}/bans/{user}" },
	{ ROUTE_POST, 0, REST_BAN_BULK, "/guilds/{guild}/bulk-ban" },
	{ ROUTE_GET, 0, REST_ROLE_LIST, "/guilds/{guild}/roles" },
	{ ROUTE_POST, 0, REST_ROLE_CREATE, "/guilds/{guild}/roles" },
	{ ROUTE_PATCH, 0, REST_ROLES_MOVE, "/guilds/{guild}/roles" },
	{ ROUTE_GET, 0, REST_ROLE_COUNTS, "/guilds/{guild}/roles/member-counts" },
	{ ROUTE_GET, 0, REST_ROLE_GET, "/guilds/{guild}/roles/{role}" },
	{ ROUTE_PATCH, 0, REST_ROLE_EDIT, "/guilds/{guild}/roles/{role}" },
	{ ROUTE_DELETE, 0, REST_ROLE_DELETE, "/guilds/{guild}/roles/{role}" },

	{ ROUTE_GET, 0, REST_CHANNEL_GET, "/channels/{channel}" },
	{ ROUTE_PATCH, 0, REST_CHANNEL_EDIT, "/channels/{channel}" },
	{ ROUTE_DELETE, 0, REST_CHANNEL_DELETE, "/channels/{channel}" },
	{ ROUTE_PUT, 0, REST_OVERWRITE_PUT,
	  "/channels/{channel}/permissions/{overwrite}" },
	{ ROUTE_DELETE, 0, REST_OVERWRITE_DELETE,
	  "/channels/{channel}/permissions/{overwrite}" },
	{ ROUTE_POST, 0, REST_TYPING, "/channels/{channel}/typing" },
	{ ROUTE_GET, 0, REST_CHANNEL_INVITES, "/channels/{channel}/invites" },
	{ ROUTE_POST, 0, REST_INVITE_CREATE, "/channels/{channel}/invites" },
	{ ROUTE_GET, 0, REST_CHANNEL_WEBHOOKS, "/channels/{channel}/webhooks" },
	{ ROUTE_POST, 0, REST_WEBHOOK_CREATE, "/channels/{channel}/webhooks" },

	{ ROUTE_GET, 0, REST_PIN_LIST_OLD, "/channels/{channel}/pins" },
	{ ROUTE_PUT, 0, REST_PIN_ADD, "/channels/{channel}/pins/{message}" },
	{ ROUTE_DELETE, 0, REST_PIN_REMOVE, "/channels/{channel}/pins/{message}" },
	{ ROUTE_GET, 0, REST_PIN_LIST, "/channels/{channel}/messages/pins" },
	{ ROUTE_PUT, 0, REST_PIN_ADD,
	  "/channels/{channel}/messages/pins/{message}" },
	{ ROUTE_DELETE, 0, REST_PIN_REMOVE,
	  "/channels/{channel}/messages/pins/{message}" },
	{ ROUTE_GET, 0, REST_MESSAGE_LIST, "/channels/{channel}/messages" },
	{ ROUTE_POST, 0, REST_MESSAGE_CREATE, "/channels/{channel}/messages" },
	{ ROUTE_POST, 0, REST_MESSAGE_BULK_DELETE,
	  "/channels/{channel}/messages/bulk-delete" },
	{ ROUTE_GET, 0, REST_DIRECT_SEARCH,
	  "/channels/{channel}/messages/search" },
	{ ROUTE_GET, 0, REST_MESSAGE_GET,
	  "/channels/{channel}/messages/{message}" },
	{ ROUTE_PATCH, 0, REST_MESSAGE_EDIT,
	  "/channels/{channel}/messages/{message}" },
	{ ROUTE_DELETE, 0, REST_MESSAGE_DELETE,
	  "/channels/{channel}/messages/{message}" },
	{ ROUTE_POST, 0, REST_MESSAGE_ACK,
	  "/channels/{channel}/messages/{message}/ack" },
	{ ROUTE_DELETE, 0, REST_REACTION_CLEAR,
	  "/channels/{channel}/messages/{message}/reactions" },
	{ ROUTE_GET, 0, REST_REACTION_LIST,
	  "/channels/{channel}/messages/{message}/reactions/{text}" },
	{ ROUTE_DELETE, 0, REST_REACTION_CLEAR_EMOJI,
	  "/channels/{channel}/messages/{message}/reactions/{text}" },
	{ ROUTE_PUT, 0, REST_REACTION_ADD,
	  "/channels/{channel}/messages/{message}/reactions/{text}/@me" },
	{ ROUTE_DELETE, 0, REST_REACTION_REMOVE,
	  "/channels/{channel}/messages/{message}/reactions/{text}/{user}" },

	{ ROUTE_GET, 0, REST_WEBHOOK_GET, "/webhooks/{webhook}" },
	{ ROUTE_PATCH, 0, REST_WEBHOOK_EDIT, "/webhooks/{webhook}" },
	{ ROUTE_DELETE, 0, REST_WEBHOOK_DELETE, "/webhooks/{webhook}" },
	{ ROUTE_GET, 0, REST_WEBHOOK_GET, "/webhooks/{webhook}/{text}" },
	{ ROUTE_PATCH, 0, REST_WEBHOOK_EDIT, "/webhooks/{webhook}/{text}" },
	{ ROUTE_DELETE, 0, REST_WEBHOOK_DELETE, "/webhooks/{webhook}/{text}" },
	{ ROUTE_POST, 0, REST_WEBHOOK_EXECUTE, "/webhooks/{webhook}/{text}" },
	{ ROUTE_GET, 0, REST_WEBHOOK_SAID_GET,
	  "/webhooks/{webhook}/{text}/messages/{message}" },
	{ ROUTE_PATCH, 0, REST_WEBHOOK_SAID_EDIT,
	  "/webhooks/{webhook}/{text}/messages/{message}" },
	{ ROUTE_DELETE, 0, REST_WEBHOOK_SAID_DELETE,
	  "/webhooks/{webhook}/{text}/messages/{message}" },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static const struct id_name {
	const char *template;
	const char *field;	/* as errors call it */
} id_names[REST_IDS] = {
	[REST_ID_GUILD] = { "{guild}", "guild_id" },
	[REST_ID_CHANNEL] = { "{channel}", "channel_id" },
	[REST_ID_MESSAGE] = { "{message}", "message_id" },
	[REST_ID_USER] = { "{user}", "user_id" },
	[REST_ID_ROLE] = { "{role}", "role_id" },
	[REST_ID_OVERWRITE] = { "{overwrite}", "overwrite_id" },
	[REST_ID_WEBHOOK] = { "{webhook}", "webhook_id" },
};

enum segment_kind { SEGMENT_LITERAL, SEGMENT_TEXT, SEGMENT_ID };

struct segment {
	const char *start;
	uint16_t len;
	uint8_t kind;
	uint8_t id;		/* enum rest_id of a SEGMENT_ID */
};

struct path {
	int count;
	struct segment segment[SEGMENTS_MAX];
};

static struct path compiled[ROUTES];

/* Splits at slashes; one at the end is ignored.  False: too many parts. */
static bool path_split(const char *text, struct path *path)
{
	const char *end;

	path->count = 0;
	while (*text == '/' && text[1]) {
		text++;
		end = strchrnul(text, '/');
		if (path->count == SEGMENTS_MAX || end - text > UINT16_MAX)
			return false;
		path->segment[path->count++] = (struct segment){
			.start = text,
			.len = end - text,
		};
		text = end;
	}
	return true;
}

static void segment_compile(struct segment *segment)
{
	int i;

	if (segment->start[0] != '{')
		return;
	segment->kind = SEGMENT_TEXT;
	for (i = 0; i < REST_IDS; i++)
		if (!strncmp(segment->start, id_names[i].template,
			     segment->len)) {
			segment->kind = SEGMENT_ID;
			segment->id = i;
		}
}

void route_init(void)
{
	size_t i;
	int s;

	for (i = 0; i < ROUTES; i++) {
		check(path_split(routes[i].path, &compiled[i]));
		for (s = 0; s < compiled[i].count; s++)
			segment_compile(&compiled[i].segment[s]);
	}
}

static bool snowflake_parse(const struct segment *segment, uint64_t *ret_id)
{
	uint64_t id = 0;
	uint16_t i;

	if (!segment->len || segment->len > SNOWFLAKE_DIGITS_MAX)
		return false;
	for (i = 0; i < segment->len; i++) {
		unsigned int digit = segment->start[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(id, 10, &id) ||
		    __builtin_add_overflow(id, digit, &id))
			return false;
	}
	*ret_id = id;
	return true;
}

static bool segment_is(const struct segment *segment, const char *text,
		       size_t len)
{
	return segment->len == len && !memcmp(segment->start, text, len);
}

/* Takes an id out of a path; one that is none is noted in match->bad_id. */
static void take_id(const struct segment *segment, uint8_t id,
		    struct route_match *match)
{
	if (id == REST_ID_USER && segment_is(segment, "@me", 3))
		match->id[id] = REST_ID_ME;
	else if (!snowflake_parse(segment, &match->id[id]))
		match->bad_id = id_names[id].field;
}

static bool take_text(const struct segment *segment, struct route_match *match)
{
	if (segment->len >= sizeof(match->text))
		return false;
	memcpy(match->text, segment->start, segment->len);
	match->text[segment->len] = 0;
	return true;
}

static bool route_fits(const struct path *route, const struct path *path,
		       struct route_match *match)
{
	const struct segment *want, *have;
	int i;

	if (route->count != path->count)
		return false;
	for (i = 0; i < route->count; i++) {
		want = &route->segment[i];
		have = &path->segment[i];
		if (want->kind == SEGMENT_ID)
			take_id(have, want->id, match);
		else if (want->kind == SEGMENT_TEXT ?
			 !take_text(have, match) :
			 !segment_is(have, want->start, want->len))
			return false;
	}
	return true;
}

enum error_code route_find(enum route_method method, const char *text,
			   struct route_match *ret_match)
{
	enum error_code error = ERROR_NO_ROUTE;
	struct path path;
	size_t i;

	if (!path_split(text, &path) || !path.count)
		return ERROR_NO_ROUTE;
	for (i = 0; i < ROUTES && error != ERROR_NONE; i++) {
		struct route_match match = { .kind = routes[i].kind,
					     .own = routes[i].own };

		if (!route_fits(&compiled[i], &path, &match))
			continue;
		if (routes[i].method != method) {
			if (error == ERROR_NO_ROUTE)
				error = ERROR_METHOD;
		} else if (error != ERROR_FORM || !match.bad_id) {
			error = match.bad_id ? ERROR_FORM : ERROR_NONE;
			*ret_match = match;
		}
	}
	return error;
}
