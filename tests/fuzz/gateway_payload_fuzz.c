// SPDX-License-Identifier: Apache-2.0
/* What a client sends over the gateway, as JSON: what was made of it must stand
 * in it. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "gateway/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_absent(const json_t *value)
{
	return !value || json_is_null(value);
}

/* The digits of an id; zeroes may stand before them. */
static void check_id(uint64_t id, const char *text)
{
	char digits[24];

	check(text && *text);
	while (*text == '0' && text[1])
		text++;
	snprintf(digits, sizeof(digits), "%" PRIu64, id);
	check(!strcmp(text, digits));
}

static void check_number(uint64_t is, const json_t *value)
{
	check(is == (is_absent(value) ? 0 :
		     (uint64_t)json_integer_value(value)));
	check(is_absent(value) || json_integer_value(value) >= 0);
}

static void check_token(const char *is, const json_t *d)
{
	const char *token = json_string_value(json_object_get(d, "token"));

	check(token && strlen(token) < REST_TOKEN_MAX);
	check(!strcmp(is, token + (strncmp(token, "Bot ", 4) ? 0 : 4)));
}

static void check_presence(const struct payload_presence *presence,
			   const json_t *d)
{
	static const char *const names[] = {
		[PRESENCE_ONLINE] = "online", [PRESENCE_IDLE] = "idle",
		[PRESENCE_DND] = "dnd", [PRESENCE_INVISIBLE] = "invisible",
	};
	const char *name = json_string_value(json_object_get(d, "status"));
	const json_t *list = json_object_get(d, "activities");
	json_t *copy;

	check(presence->status <= PRESENCE_INVISIBLE);
	check(name && (!strcmp(name, names[presence->status]) ||
		       (!strcmp(name, "offline") &&
			presence->status == PRESENCE_INVISIBLE)));
	check(is_absent(list) == !presence->activities);
	if (!presence->activities)
		return;
	copy = json_loadb((char *)presence->activities->data,
			  presence->activities->len, 0, NULL);
	check(json_is_array(copy) && json_equal(copy, list));
	json_decref(copy);
}

static void check_identify(const struct payload_identify *is, const json_t *d)
{
	const json_t *intents = json_object_get(d, "intents");
	const json_t *large = json_object_get(d, "large_threshold");
	const json_t *shard = json_object_get(d, "shard");
	json_int_t bits = json_integer_value(intents);
	json_int_t most = is_absent(large) ? 50 : json_integer_value(large);

	check_token(is->token, d);
	check(is->has_intents == json_is_integer(intents));
	check(is->intents == (bits < 0 || bits > UINT32_MAX ? UINT32_MAX :
							      bits));
	check(is->large_threshold == (most < 50 ? 50 : most > 250 ? 250 :
								    most));
	check(is->compress == json_is_true(json_object_get(d, "compress")));
	check(is->has_shard == !is_absent(shard));
	if (is->has_shard) {
		check_number(is->shard_id, json_array_get(shard, 0));
		check_number(is->shard_count, json_array_get(shard, 1));
	}
	if (json_is_object(json_object_get(d, "presence")))
		check_presence(&is->presence, json_object_get(d, "presence"));
	else
		check(is->presence.status == PRESENCE_ONLINE &&
		      !is->presence.activities);
}

static void check_resume(const struct payload_resume *is, const json_t *d)
{
	const char *id = json_string_value(json_object_get(d, "session_id"));

	check_token(is->token, d);
	check(id && !strcmp(is->session_id, id));
	check_number(is->seq, json_object_get(d, "seq"));
}

static void check_members(const struct payload_members *members,
			  const json_t *d)
{
	const struct guild_members_msg *msg = members->msg;
	const json_t *guild = json_object_get(d, "guild_id");
	const json_t *ids = json_object_get(d, "user_ids");
	const char *query = json_string_value(json_object_get(d, "query"));

	if (json_is_array(guild))
		guild = json_array_get(guild, 0);
	check_id(members->guild_id, json_string_value(guild));
	check(msg->user_count <= PAYLOAD_USER_IDS_MAX);
	check(msg->user_count == (json_is_string(ids) ? 1 :
						json_array_size(ids)));
	check(msg->head.size >= sizeof(*msg) +
				msg->user_count * sizeof(uint64_t));
	for (uint32_t i = 0; i < msg->user_count; i++)
		check_id(msg->user_id[i],
			 json_string_value(json_is_string(ids) ? ids :
					   json_array_get(ids, i)));
	check(memchr(msg->nonce, 0, sizeof(msg->nonce)));
	check(memchr(msg->query, 0, sizeof(msg->query)));
	check(msg->user_count || msg->has_query);
	check(!msg->has_query || (query && !strcmp(msg->query, query)));
	check_number(msg->limit, json_object_get(d, "limit"));
	check(msg->presences == json_is_true(json_object_get(d, "presences")));
}

static void check_attend(const struct payload_attend *attend, const json_t *d)
{
	json_t *channels = json_object_get(d, "channels");
	const char *first = json_object_iter_key(json_object_iter(channels));
	const json_t *ranges = first ? json_object_get(channels, first) : NULL;
	const json_t *active = json_object_get(d, "active");

	check_id(attend->guild_id,
		 json_string_value(json_object_get(d, "guild_id")));
	if (first)
		check_id(attend->channel_id, first);
	else
		check(!attend->channel_id);
	check(attend->active == (!active || json_is_true(active)));
	check(attend->range_count <= GUILD_RANGES_MAX);
	check(attend->range_count == json_array_size(ranges));
	for (int i = 0; i < attend->range_count; i++) {
		const json_t *pair = json_array_get(ranges, i);

		check_number(attend->range[i].from, json_array_get(pair, 0));
		check_number(attend->range[i].to, json_array_get(pair, 1));
		check(attend->range[i].from <= attend->range[i].to &&
		      attend->range[i].to - attend->range[i].from <
		      GUILD_RANGE_ROWS);
	}
}

static void check_payload(const struct payload *payload, const json_t *root)
{
	const json_t *d = json_object_get(root, "d");

	check(payload->op < PAYLOAD_OPS);
	check_number(payload->op, json_object_get(root, "op"));
	if (payload->op == PAYLOAD_HEARTBEAT)
		check_number(payload->heartbeat, d);
	if (payload->op == PAYLOAD_IDENTIFY)
		check_identify(&payload->identify, d);
	if (payload->op == PAYLOAD_RESUME)
		check_resume(&payload->resume, d);
	if (payload->op == PAYLOAD_PRESENCE)
		check_presence(&payload->presence, d);
	if (payload->op == PAYLOAD_MEMBERS)
		check_members(&payload->members, d);
	if (payload->op == PAYLOAD_ATTEND)
		check_attend(&payload->attend, d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct payload payload;
	json_t *root;
	int err;

	if (size > PAYLOAD_SIZE_MAX)
		return 0;
	err = payload_parse((const char *)data, size, &payload);
	if (err) {
		check(err == -EBADMSG || err == -EINVAL);
		return 0;
	}
	root = json_loadb((const char *)data, size, 0, NULL);
	check_payload(&payload, root);
	json_decref(root);
	payload_fini(&payload);
	return 0;
}
