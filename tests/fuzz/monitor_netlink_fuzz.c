// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of the netlink family: whatever the bytes, parsing neither reads
 * beyond them nor reports a device or an SSD out of range.  The first byte
 * chooses what they are taken for, the rest follows a made header.  In the corpus
 * recorded_* are messages of the module as it sent them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "base/check.h"
#include "monitor/heat_file.h"
#include "monitor/module.h"

static struct module_state state;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_heat(struct nlmsghdr *message, size_t size)
{
	uint8_t heat[SUPERDISK_HEAT_RUN];
	struct heat_run run, piece;
	uint32_t block_size, done = 0;

	if (module_parse_heat(message, size, &block_size, &run))
		return;
	check(run.nr && run.nr <= SUPERDISK_HEAT_RUN);
	check(block_size && !(block_size & (block_size - 1)));
	if (block_size >= 4096 && block_size <= 65536)
		while (heat_run_convert(&run, block_size, 65536, &done, heat,
					&piece))
			check(piece.nr <= SUPERDISK_HEAT_RUN);
}

static void parse(struct nlmsghdr *message, size_t size, bool event)
{
	struct module_event parsed;

	if (event) {
		if (!module_parse_event(message, size, &parsed))
			check(memchr(parsed.name, 0, sizeof(parsed.name)));
		return;
	}
	state.devices = 0;
	state.legs = 0;
	/* twice, so that there is something before it */
	module_parse(message, size, &state);
	module_parse(message, size, &state);
	for (size_t i = 0; i < state.legs; i++)
		check(state.leg[i].leg < SUPERDISK_MAX_LEGS);
	for (size_t i = 0; i < state.devices; i++) {
		check(memchr(state.device[i].name, 0, DEVICE_NAME_MAX));
		check(memchr(state.device[i].policy, 0, MODULE_POLICY_MAX));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t headers = NLMSG_HDRLEN + GENL_HDRLEN;
	struct nlmsghdr *message;
	struct genlmsghdr *generic;
	uint8_t kind;

	if (!size)
		return 0;
	kind = data[0];
	/* exactly as long as it says, for the sanitizer to see an overrun */
	message = malloc(headers + size - 1);
	check(message);
	memset(message, 0, headers);
	message->nlmsg_len = (uint32_t)(headers + size - 1);
	generic = (struct genlmsghdr *)((char *)message + NLMSG_HDRLEN);
	generic->cmd = kind & 0x0f;
	memcpy((char *)message + headers, data + 1, size - 1);
	if (kind & 0x80 && size > 1)
		message->nlmsg_len = data[1]; /* one that lies */
	if (kind & 0x20)
		parse_heat(message, headers + size - 1);
	else
		parse(message, headers + size - 1, kind & 0x40);
	free(message);
	return 0;
}
