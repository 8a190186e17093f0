// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of the netlink family: whatever the bytes, parsing neither reads
 * beyond them nor writes beyond its tables, and what it reports is what they say,
 * read here once more and plainly.  The first byte chooses what they are taken
 * for, the rest follows a made header.  In the corpus recorded_* are messages of
 * the module as it sent them.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "base/check.h"
#include "monitor/heat_file.h"
#include "monitor/module.h"

#define UNTOUCHED 0xa5

static struct module_state state;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* --- the bytes, read plainly --------------------------------------------- */

/* Attributes of a message or of a nest. */
struct attrs {
	const uint8_t *at;
	size_t size;
};

struct attr {
	uint16_t type;
	struct attrs in;
};

/* The next one of @attrs, which moves on. */
static bool next_attr(struct attrs *attrs, struct attr *ret_attr)
{
	struct nlattr header;
	size_t step;

	if (attrs->size < sizeof(header))
		return false;
	memcpy(&header, attrs->at, sizeof(header));
	if (header.nla_len < sizeof(header) || header.nla_len > attrs->size)
		return false;
	*ret_attr = (struct attr){
		.type = header.nla_type & NLA_TYPE_MASK,
		.in = { attrs->at + sizeof(header),
			header.nla_len - sizeof(header) },
	};
	step = NLA_ALIGN(header.nla_len);
	step = step < attrs->size ? step : attrs->size;
	attrs->at += step;
	attrs->size -= step;
	return true;
}

/* The last one of a type counts; NULL in ->at: there is none. */
static struct attrs find(struct attrs attrs, uint16_t type)
{
	struct attrs found = { 0 };
	struct attr attr;

	while (next_attr(&attrs, &attr))
		if (attr.type == type)
			found = attr.in;
	return found;
}

static uint64_t number(struct attrs attrs, uint16_t type, size_t size)
{
	struct attrs attr = find(attrs, type);
	uint64_t value = 0;

	if (!attr.at)
		return 0;
	check(attr.size >= size);
	memcpy(&value, attr.at, size);
	return value;
}

static uint32_t u32_of(struct attrs attrs, uint16_t type)
{
	return (uint32_t)number(attrs, type, sizeof(uint32_t));
}

static uint64_t u64_of(struct attrs attrs, uint16_t type)
{
	return number(attrs, type, sizeof(uint64_t));
}

static void check_name(struct attrs attrs, uint16_t type, const char *name,
		       size_t room)
{
	struct attrs attr = find(attrs, type);
	size_t length = 0;

	if (attr.at)
		length = strnlen((const char *)attr.at, attr.size);
	check(strnlen(name, room) == (length < room ? length : room - 1));
}

static void check_counters(struct attrs attrs, const uint64_t *counter)
{
	const size_t room = SUPERDISK_C_NR * sizeof(*counter);
	struct attrs attr = find(attrs, SUPERDISK_ATTR_COUNTERS);
	size_t size = attr.size < room ? attr.size : room;
	const uint8_t *bytes = (const uint8_t *)counter;

	check(!size || !memcmp(bytes, attr.at, size));
	for (; size < room; size++)
		check(!bytes[size]);
}

/* No request is lost or counted twice, whatever bucket it is put into. */
static void check_stats(struct attrs attrs, const struct module_stats *stats)
{
	uint64_t count[SUPERDISK_PATH_NR] = { 0 }, bucket;
	bool any[SUPERDISK_PATH_NR] = { 0 };
	struct attrs left = attrs, buckets;
	struct attr attr;
	uint32_t path;

	check_counters(attrs, stats->counter);
	while (next_attr(&left, &attr)) {
		if (attr.type != SUPERDISK_ATTR_HIST)
			continue;
		buckets = find(attr.in, SUPERDISK_ATTR_BUCKETS);
		check(buckets.at &&
		      buckets.size == SUPERDISK_HIST_NR * sizeof(bucket));
		check(find(attr.in, SUPERDISK_ATTR_PATH).at);
		path = u32_of(attr.in, SUPERDISK_ATTR_PATH);
		for (size_t i = 0; path < SUPERDISK_PATH_NR &&
				   i < SUPERDISK_HIST_NR; i++) {
			memcpy(&bucket, buckets.at + i * sizeof(bucket),
			       sizeof(bucket));
			count[path] += bucket;
			any[path] |= bucket;
		}
	}
	for (path = 0; path < SUPERDISK_PATH_NR; path++)
		check(hist_count(&stats->path[path]) == count[path] &&
		      (any[path] || !stats->path[path].sum));
}

/* --- what was parsed ----------------------------------------------------- */

static void check_device(struct attrs attrs, const struct module_device *d)
{
	check(find(attrs, SUPERDISK_ATTR_DEV).at);
	check(d->dev == u32_of(attrs, SUPERDISK_ATTR_DEV));
	check(d->disk_dev == u32_of(attrs, SUPERDISK_ATTR_DISK_DEV));
	check(d->mode == u32_of(attrs, SUPERDISK_ATTR_MODE));
	check(d->block_size == u32_of(attrs, SUPERDISK_ATTR_BLOCK_SIZE));
	check(d->legs == u32_of(attrs, SUPERDISK_ATTR_NR_LEGS));
	check(d->warm == u32_of(attrs, SUPERDISK_ATTR_WARM));
	check(d->warm_kib_s == u32_of(attrs, SUPERDISK_ATTR_RATE));
	check(d->warm_copied == u64_of(attrs, SUPERDISK_ATTR_WARM_COPIED));
	check_name(attrs, SUPERDISK_ATTR_NAME, d->name, DEVICE_NAME_MAX);
	check_name(attrs, SUPERDISK_ATTR_POLICY, d->policy, MODULE_POLICY_MAX);
	check_stats(attrs, &d->stats);
}

static void check_leg(struct attrs attrs, const struct module_leg *l)
{
	check(find(attrs, SUPERDISK_ATTR_DEV).at &&
	      find(attrs, SUPERDISK_ATTR_LEG).at &&
	      find(attrs, SUPERDISK_ATTR_STATE).at);
	check(l->dev == u32_of(attrs, SUPERDISK_ATTR_DEV));
	check(l->leg == u32_of(attrs, SUPERDISK_ATTR_LEG));
	check(l->leg < SUPERDISK_MAX_LEGS);
	check(l->state == u32_of(attrs, SUPERDISK_ATTR_STATE));
	check(l->leg_dev == u32_of(attrs, SUPERDISK_ATTR_LEG_DEV));
	check(l->pages_valid == u64_of(attrs, SUPERDISK_ATTR_PAGES_VALID));
	check(l->pages_total == u64_of(attrs, SUPERDISK_ATTR_PAGES_TOTAL));
	check(l->pages_unverified ==
	      u64_of(attrs, SUPERDISK_ATTR_PAGES_UNVERIFIED));
	check(l->hedge_us == u32_of(attrs, SUPERDISK_ATTR_HEDGE_US));
	check(l->slots_used == u64_of(attrs, SUPERDISK_ATTR_SLOTS_USED));
	check(l->slots_total == u64_of(attrs, SUPERDISK_ATTR_SLOTS_TOTAL));
	check_stats(attrs, &l->stats);
}

/* What is behind the last device, and not what was parsed. */
static void check_untouched(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		check(((const uint8_t *)bytes)[i] == UNTOUCHED);
}

/* Onto a table with room for @room more. */
static void parse_state(struct nlmsghdr *message, size_t size,
			struct attrs attrs, size_t room)
{
	size_t devices = MODULE_DEVICES_MAX - room;
	size_t legs = MODULE_LEGS_MAX - room;
	int err;

	memset(&state, UNTOUCHED, sizeof(state));
	state.devices = devices;
	state.legs = legs;
	err = module_parse(message, size, &state);
	check(!err || (state.devices == devices && state.legs == legs));
	check(err == 0 || err == -EPROTO || (err == -ENOSPC && !room));
	if (err)
		return;
	check(room && state.devices + state.legs == devices + legs + 1);
	if (state.devices > devices)
		check_device(attrs, &state.device[devices]);
	else
		check_leg(attrs, &state.leg[legs]);
	check_untouched(&state.leg[0], sizeof(state.leg[0]));
}

static void parse_event(struct nlmsghdr *message, size_t size,
			struct attrs attrs)
{
	struct module_event event;

	memset(&event, UNTOUCHED, sizeof(event));
	if (module_parse_event(message, size, &event))
		return;
	check(find(attrs, SUPERDISK_ATTR_DEV).at &&
	      find(attrs, SUPERDISK_ATTR_EVENT).at);
	check(event.dev == u32_of(attrs, SUPERDISK_ATTR_DEV));
	check(event.event == u32_of(attrs, SUPERDISK_ATTR_EVENT));
	check(event.leg == (find(attrs, SUPERDISK_ATTR_LEG).at ?
			    (int32_t)u32_of(attrs, SUPERDISK_ATTR_LEG) : -1));
	check(event.state == u32_of(attrs, SUPERDISK_ATTR_STATE));
	check(event.error == (int32_t)u32_of(attrs, SUPERDISK_ATTR_ERROR));
	check_name(attrs, SUPERDISK_ATTR_NAME, event.name, DEVICE_NAME_MAX);
}

/* Each block is as hot at least where it lies in blocks of another size. */
static void convert(const struct heat_run *run, uint32_t from_size,
		    uint32_t to_size)
{
	uint8_t heat[SUPERDISK_HEAT_RUN];
	struct heat_run piece;
	uint32_t done = 0, i = 0;
	uint64_t first, last;

	while (heat_run_convert(run, from_size, to_size, &done, heat, &piece)) {
		check(piece.nr && piece.nr <= SUPERDISK_HEAT_RUN);
		check(done > i && done <= run->nr);
		for (; i < done; i++) {
			first = (run->first + i) * from_size / to_size;
			last = ((run->first + i + 1) * from_size - 1) / to_size;
			check(first >= piece.first &&
			      last < piece.first + piece.nr);
			for (; first <= last; first++)
				check(piece.heat[first - piece.first] >=
				      run->heat[i]);
		}
	}
	check(done == run->nr);
}

static void parse_heat(struct nlmsghdr *message, size_t size,
		       struct attrs attrs)
{
	struct attrs heat = find(attrs, SUPERDISK_ATTR_HEAT);
	uint32_t block_size;
	struct heat_run run;

	if (module_parse_heat(message, size, &block_size, &run))
		return;
	check(heat.at && run.heat == heat.at && run.nr == heat.size);
	check(run.nr && run.nr <= SUPERDISK_HEAT_RUN);
	check(find(attrs, SUPERDISK_ATTR_HEAT_BLOCK).at);
	check(run.first == u64_of(attrs, SUPERDISK_ATTR_HEAT_BLOCK));
	check(block_size == u32_of(attrs, SUPERDISK_ATTR_BLOCK_SIZE));
	check(block_size && !(block_size & (block_size - 1)));
	check(run.first <= UINT64_MAX / block_size - run.nr);
	if (block_size < 4096 || block_size > 65536)
		return;
	convert(&run, block_size, 65536);
	convert(&run, block_size, 4096);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t headers = NLMSG_HDRLEN + GENL_HDRLEN;
	struct nlmsghdr *message;
	struct genlmsghdr *generic;
	struct attrs attrs;
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
	attrs = (struct attrs){ (const uint8_t *)message + headers, 0 };
	if (message->nlmsg_len > headers && message->nlmsg_len < headers + size)
		attrs.size = message->nlmsg_len - headers;
	if (kind & 0x20)
		parse_heat(message, headers + size - 1, attrs);
	else if (kind & 0x40)
		parse_event(message, headers + size - 1, attrs);
	else
		parse_state(message, headers + size - 1, attrs,
			    kind & 0x10 ? 0 : 1);
	free(message);
	return 0;
}
