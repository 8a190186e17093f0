// SPDX-License-Identifier: Apache-2.0
#include "gateway/payload.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"

#define LARGE_THRESHOLD_MIN 50
#define LARGE_THRESHOLD_MAX 250
#define SNOWFLAKE_DIGITS_MAX 20

/* Copies a string that fits; -EINVAL when it is none or too long. */
static int get_string(const json_t *object, const char *key, char *ret,
		      size_t size)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_string(value) || json_string_length(value) >= size ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return -EINVAL;
	strcpy(ret, json_string_value(value));
	return 0;
}

/* A token may carry the prefix that it has in HTTP. */
static int get_token(const json_t *object, char ret[REST_TOKEN_MAX])
{
	int err = get_string(object, "token", ret, REST_TOKEN_MAX);

	if (!err && !strncmp(ret, "Bot ", 4))
		memmove(ret, ret + 4, strlen(ret + 4) + 1);
	return err;
}

static int parse_snowflake(const char *text, uint64_t *ret_id)
{
	char *end;

	if (!text || *text < '0' || *text > '9' ||
	    strlen(text) > SNOWFLAKE_DIGITS_MAX)
		return -EINVAL;
	errno = 0;
	*ret_id = strtoull(text, &end, 10);
	return errno || *end ? -EINVAL : 0;
}

static int get_snowflake(const json_t *value, uint64_t *ret_id)
{
	return parse_snowflake(json_string_value(value), ret_id);
}

/* An integer 0 .. max; `fallback` when it is absent or null. */
static int get_count(const json_t *object, const char *key, uint64_t max,
		     uint64_t fallback, uint64_t *ret)
{
	const json_t *value = json_object_get(object, key);
	json_int_t n = json_integer_value(value);

	if (!value || json_is_null(value)) {
		*ret = fallback;
		return 0;
	}
	if (!json_is_integer(value) || n < 0 || (uint64_t)n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int parse_nothing(const json_t *d, struct payload *payload)
{
	(void)d;
	(void)payload;
	return 0;
}

static int parse_heartbeat(const json_t *d, struct payload *payload)
{
	if (!d || json_is_null(d))
		return 0;
	if (!json_is_integer(d) || json_integer_value(d) < 0)
		return -EINVAL;
	payload->heartbeat = json_integer_value(d);
	return 0;
}

static const struct status_name {
	const char *name;
	uint8_t status;
} statuses[] = {
	{ "online", PRESENCE_ONLINE },
	{ "idle", PRESENCE_IDLE },
	{ "dnd", PRESENCE_DND },
	{ "invisible", PRESENCE_INVISIBLE },
	{ "offline", PRESENCE_INVISIBLE },
};

static int get_status(const json_t *d, uint8_t *ret_status)
{
	const char *name = json_string_value(json_object_get(d, "status"));
	size_t i;

	for (i = 0; name && i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (!strcmp(name, statuses[i].name)) {
			*ret_status = statuses[i].status;
			return 0;
		}
	return -EINVAL;
}

static int get_activities(const json_t *d, struct blob **ret_activities)
{
	const json_t *list = json_object_get(d, "activities");
	const json_t *activity;
	char *text;
	size_t i;

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return -EINVAL;
	json_array_foreach(list, i, activity)
		if (!json_is_string(json_object_get(activity, "name")))
			return -EINVAL;
	text = json_dumps(list, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	*ret_activities = blob_from_str(text);
	free(text);
	return *ret_activities ? 0 : -ENOMEM;
}

static int get_presence(const json_t *d, struct payload_presence *presence)
{
	int err = get_status(d, &presence->status);

	return err ? err : get_activities(d, &presence->activities);
}

static int parse_presence(const json_t *d, struct payload *payload)
{
	return get_presence(d, &payload->presence);
}

static int get_shard(const json_t *d, struct payload_identify *identify)
{
	const json_t *shard = json_object_get(d, "shard");
	json_int_t id = json_integer_value(json_array_get(shard, 0));
	json_int_t count = json_integer_value(json_array_get(shard, 1));

	if (!shard || json_is_null(shard))
		return 0;
	if (json_array_size(shard) != 2 || id < 0 || id > UINT32_MAX ||
	    count < 0 || count > UINT32_MAX)
		return -EINVAL;
	identify->has_shard = true;
	identify->shard_id = id;
	identify->shard_count = count;
	return 0;
}

static int get_intents(const json_t *d, struct payload_identify *identify)
{
	const json_t *intents = json_object_get(d, "intents");
	json_int_t bits = json_integer_value(intents);

	identify->has_intents = json_is_integer(intents);
	/* What does not fit has a bit that is not defined: kept as one. */
	identify->intents = bits < 0 || bits > UINT32_MAX ? UINT32_MAX : bits;
	return 0;
}

static int parse_identify(const json_t *d, struct payload *payload)
{
	struct payload_identify *identify = &payload->identify;
	const json_t *presence = json_object_get(d, "presence");
	uint64_t threshold;
	int err;

	err = get_token(d, identify->token);
	err = err ? err : get_intents(d, identify);
	err = err ? err : get_shard(d, identify);
	err = err ? err : get_count(d, "large_threshold", UINT16_MAX,
				    LARGE_THRESHOLD_MIN, &threshold);
	if (err)
		return err;
	identify->large_threshold =
		threshold < LARGE_THRESHOLD_MIN ? LARGE_THRESHOLD_MIN :
		threshold > LARGE_THRESHOLD_MAX ? LARGE_THRESHOLD_MAX :
						  threshold;
	identify->compress = json_is_true(json_object_get(d, "compress"));
	identify->presence.status = PRESENCE_ONLINE;
	if (!json_is_object(presence))
		return 0;
	return get_presence(presence, &identify->presence);
}

static int parse_resume(const json_t *d, struct payload *payload)
{
	struct payload_resume *resume = &payload->resume;
	int err = get_token(d, resume->token);

	err = err ? err : get_string(d, "session_id", resume->session_id,
				     sizeof(resume->session_id));
	return err ? err : get_count(d, "seq", INT64_MAX, 0, &resume->seq);
}

/* The guild of op 8: an id, or (of old) an array of one. */
static int get_guild(const json_t *d, uint64_t *ret_id)
{
	const json_t *guild = json_object_get(d, "guild_id");

	if (json_is_array(guild))
		guild = json_array_get(guild, 0);
	return get_snowflake(guild, ret_id);
}

static int get_user_ids(const json_t *ids, struct guild_members_msg *msg)
{
	uint32_t i;
	int err = 0;

	if (json_is_string(ids)) {
		msg->user_count = 1;
		return get_snowflake(ids, &msg->user_id[0]);
	}
	msg->user_count = json_array_size(ids);
	for (i = 0; i < msg->user_count && !err; i++)
		err = get_snowflake(json_array_get(ids, i), &msg->user_id[i]);
	return err;
}

static int fill_members(const json_t *d, const json_t *ids,
			struct guild_members_msg *msg)
{
	uint64_t limit;
	int err = get_user_ids(ids, msg);

	err = err ? err : get_count(d, "limit", UINT32_MAX, 0, &limit);
	if (err)
		return err;
	msg->limit = limit;
	msg->presences = json_is_true(json_object_get(d, "presences"));
	/* One that is too long is ignored, as if it were not there. */
	get_string(d, "nonce", msg->nonce, sizeof(msg->nonce));
	if (json_object_get(d, "query") && !msg->user_count) {
		msg->has_query = true;
		err = get_string(d, "query", msg->query, sizeof(msg->query));
	}
	return err ? err : msg->has_query || msg->user_count ? 0 : -EINVAL;
}

static int parse_members(const json_t *d, struct payload *payload)
{
	const json_t *ids = json_object_get(d, "user_ids");
	size_t count = json_is_string(ids) ? 1 : json_array_size(ids);
	struct guild_members_msg *msg;
	int err;

	if (count > PAYLOAD_USER_IDS_MAX)
		return -EINVAL;
	err = get_guild(d, &payload->members.guild_id);
	if (err)
		return err;
	msg = actor_msg_new(GUILD_MEMBERS_REQUEST,
			    sizeof(*msg) + count * sizeof(msg->user_id[0]));
	if (!msg)
		return -ENOMEM;
	payload->members.msg = msg;
	return fill_members(d, ids, msg);
}

static int get_range(const json_t *pair, struct guild_range *ret)
{
	json_int_t from = json_integer_value(json_array_get(pair, 0));
	json_int_t to = json_integer_value(json_array_get(pair, 1));

	if (json_array_size(pair) != 2 || from < 0 || to < from ||
	    to - from >= GUILD_RANGE_ROWS || to > INT32_MAX)
		return -EINVAL;
	*ret = (struct guild_range){ (uint32_t)from, (uint32_t)to };
	return 0;
}

static int get_ranges(const json_t *list, struct payload_attend *attend)
{
	const json_t *pair;
	size_t i;
	int err = 0;

	if (json_array_size(list) > GUILD_RANGES_MAX)
		return -EINVAL;
	json_array_foreach(list, i, pair)
		err = err ? err : get_range(pair, &attend->range[i]);
	attend->range_count = (uint8_t)json_array_size(list);
	return err;
}

static int parse_attend(const json_t *d, struct payload *payload)
{
	struct payload_attend *attend = &payload->attend;
	json_t *channels = json_object_get(d, "channels");
	const char *channel = json_object_iter_key(json_object_iter(channels));
	const json_t *active = json_object_get(d, "active");
	int err = get_snowflake(json_object_get(d, "guild_id"),
				&attend->guild_id);

	if (!err && channel)
		err = parse_snowflake(channel, &attend->channel_id);
	if (!err && channel)
		err = get_ranges(json_object_get(channels, channel), attend);
	attend->active = !active || json_is_true(active);
	return err;
}

static int (*const parsers[PAYLOAD_OPS])(const json_t *d,
					 struct payload *payload) = {
	[PAYLOAD_HEARTBEAT] = parse_heartbeat,
	[PAYLOAD_IDENTIFY] = parse_identify,
	[PAYLOAD_PRESENCE] = parse_presence,
	[PAYLOAD_VOICE_STATE] = parse_nothing,
	[PAYLOAD_RESUME] = parse_resume,
	[PAYLOAD_MEMBERS] = parse_members,
	[PAYLOAD_ATTEND] = parse_attend,
	[PAYLOAD_SOUNDBOARD] = parse_nothing,
	[PAYLOAD_CHANNEL_INFO] = parse_nothing,
};

static int parse_envelope(const json_t *root, struct payload *payload)
{
	const json_t *op = json_object_get(root, "op");
	json_int_t n = json_integer_value(op);
	int err;

	if (!json_is_integer(op))
		return -EBADMSG;
	if (n < 0 || n >= PAYLOAD_OPS || !parsers[n])
		return -EINVAL;
	payload->op = n;
	err = parsers[n](json_object_get(root, "d"), payload);
	if (err)
		payload_fini(payload);
	return err;
}

int payload_parse(const char *text, size_t len, struct payload *ret_payload)
{
	struct payload payload = { 0 };
	json_error_t error;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	int err;

	if (!root)
		return json_error_code(&error) == json_error_out_of_memory ?
		       -ENOMEM : -EBADMSG;
	err = parse_envelope(root, &payload);
	json_decref(root);
	if (!err)
		*ret_payload = payload;
	return err;
}

void payload_fini(struct payload *payload)
{
	switch (payload->op) {
	case PAYLOAD_IDENTIFY:
		blob_put(payload->identify.presence.activities);
		break;
	case PAYLOAD_PRESENCE:
		blob_put(payload->presence.activities);
		break;
	case PAYLOAD_MEMBERS:
		if (payload->members.msg)
			actor_msg_free(&payload->members.msg->head);
		break;
	default:
		break;
	}
}
