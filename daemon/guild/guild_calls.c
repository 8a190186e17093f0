// SPDX-License-Identifier: Apache-2.0
/* Which function answers which call. */
#include "guild/guild_impl.h"

guild_call *const guild_calls[REST_KINDS] = {
	[REST_GUILD_GET] = guild_rest_guild,
	[REST_GUILD_CHANNELS] = guild_rest_channels,
	[REST_THREADS_ACTIVE] = guild_rest_threads,
	[REST_GUILD_EMOJIS] = guild_rest_empty_list,
	[REST_GUILD_STICKERS] = guild_rest_empty_list,
	[REST_GUILD_INTEGRATIONS] = guild_rest_empty_list,
	[REST_GUILD_REGIONS] = guild_rest_regions,
	[REST_MEMBER_GET] = guild_rest_member,
	[REST_MEMBER_LIST] = guild_rest_members,
	[REST_MEMBER_SEARCH] = guild_rest_member_search,
	[REST_ROLE_LIST] = guild_rest_roles,
	[REST_ROLE_GET] = guild_rest_role,
	[REST_ROLE_COUNTS] = guild_rest_role_counts,
	[REST_CHANNEL_GET] = guild_rest_channel,
	[REST_MESSAGE_LIST] = message_rest_list,
	[REST_MESSAGE_GET] = message_rest_get,
	[REST_MESSAGE_CREATE] = message_rest_create,
};
