// SPDX-License-Identifier: Apache-2.0
/* What a client sends over the gateway, as JSON. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "gateway/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_identify(const struct payload_identify *identify)
{
	check(memchr(identify->token, 0, sizeof(identify->token)));
	check(identify->large_threshold >= 50 &&
	      identify->large_threshold <= 250);
	check(identify->presence.status <= PRESENCE_INVISIBLE);
}

static void check_members(const struct payload_members *members)
{
	check(members->msg);
	check(members->msg->user_count <= PAYLOAD_USER_IDS_MAX);
	check(members->msg->head.size >= sizeof(*members->msg) +
	      members->msg->user_count * sizeof(uint64_t));
	check(memchr(members->msg->nonce, 0, sizeof(members->msg->nonce)));
	check(memchr(members->msg->query, 0, sizeof(members->msg->query)));
}

static void check_attend(const struct payload_attend *attend)
{
	check(attend->range_count <= GUILD_RANGES_MAX);
	for (int i = 0; i < attend->range_count; i++)
		check(attend->range[i].from <= attend->range[i].to &&
		      attend->range[i].to - attend->range[i].from <
		      GUILD_RANGE_ROWS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct payload payload;
	int err;

	if (size > PAYLOAD_SIZE_MAX)
		return 0;
	err = payload_parse((const char *)data, size, &payload);
	if (err) {
		check(err == -EBADMSG || err == -EINVAL);
		return 0;
	}
	check(payload.op < PAYLOAD_OPS);
	if (payload.op == PAYLOAD_IDENTIFY)
		check_identify(&payload.identify);
	if (payload.op == PAYLOAD_MEMBERS)
		check_members(&payload.members);
	if (payload.op == PAYLOAD_ATTEND)
		check_attend(&payload.attend);
	payload_fini(&payload);
	return 0;
}
