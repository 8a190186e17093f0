// SPDX-License-Identifier: Apache-2.0
/* Messages of the netlink family, read into plain structures. */
#include "monitor/module.h"

#include <errno.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "monitor/heat_file.h"
#include "monitor/text.h"

static const char *const mode_names[] = {
	[SUPERDISK_MODE_AUTO] = "auto",
	[SUPERDISK_MODE_MIRROR] = "mirror",
	[SUPERDISK_MODE_CACHE] = "cache",
	[SUPERDISK_MODE_PASSTHROUGH] = "passthrough",
};

static const char *const state_names[] = {
	[SUPERDISK_STATE_VACANT] = "vacant",
	[SUPERDISK_STATE_IN] = "in",
	[SUPERDISK_STATE_BYPASS] = "bypass",
	[SUPERDISK_STATE_FAILED] = "failed",
};

static const char *const event_names[] = {
	[SUPERDISK_EVENT_UNSPEC] = "?",
	[SUPERDISK_EVENT_ACTIVE] = "active",
	[SUPERDISK_EVENT_SUSPENDED] = "suspended",
	[SUPERDISK_EVENT_LEG_STATE] = "leg_state",
	[SUPERDISK_EVENT_LEG_COLD] = "leg_cold",
	[SUPERDISK_EVENT_PAGE_RETIRED] = "page_retired",
	[SUPERDISK_EVENT_WARM_DONE] = "warm_done",
	[SUPERDISK_EVENT_WARM_STARTED] = "warm_started",
	[SUPERDISK_EVENT_WARM_STOPPED] = "warm_stopped",
	[SUPERDISK_EVENT_LEG_VERIFIED] = "leg_verified",
};

static const char *const warm_names[] = {
	[SUPERDISK_WARM_OFF] = "off",
	[SUPERDISK_WARM_RUNNING] = "running",
	[SUPERDISK_WARM_DONE] = "done",
};

static const char *const path_names[] = {
	[SUPERDISK_PATH_HIT] = "hit",
	[SUPERDISK_PATH_MISS] = "miss",
	[SUPERDISK_PATH_RESCUE] = "rescue",
	[SUPERDISK_PATH_HEDGE_WIN] = "hedge_win",
	[SUPERDISK_PATH_WRITE] = "write",
	[SUPERDISK_PATH_WRITE_AROUND] = "write_around",
	[SUPERDISK_PATH_OTHER] = "other",
	[SUPERDISK_PATH_FILL] = "fill",
	[SUPERDISK_PATH_SSD_WRITE] = "ssd_write",
	[SUPERDISK_PATH_SSD_LATE] = "ssd_late",
	[SUPERDISK_PATH_WARM] = "warm",
	[SUPERDISK_PATH_HEAL] = "heal",
};

static const char *const counter_names[] = {
	[SUPERDISK_C_HITS] = "hits",
	[SUPERDISK_C_MISSES] = "misses",
	[SUPERDISK_C_WRITES] = "writes",
	[SUPERDISK_C_WRITE_AROUNDS] = "write_arounds",
	[SUPERDISK_C_FILLS] = "fills",
	[SUPERDISK_C_FILLS_DROPPED] = "fills_dropped",
	[SUPERDISK_C_RESCUES] = "rescues",
	[SUPERDISK_C_READ_ERRORS] = "read_errors",
	[SUPERDISK_C_WRITE_ERRORS] = "write_errors",
	[SUPERDISK_C_CSUM_ERRORS] = "csum_errors",
	[SUPERDISK_C_RACES] = "races",
	[SUPERDISK_C_RETIRED] = "retired",
	[SUPERDISK_C_HEDGES] = "hedges",
	[SUPERDISK_C_HEDGE_WINS] = "hedge_wins",
	[SUPERDISK_C_EVICTIONS] = "evictions",
	[SUPERDISK_C_INTENT_WRITES] = "intent_writes",
	[SUPERDISK_C_META_WRITES] = "meta_writes",
	[SUPERDISK_C_OVERDUE] = "overdue",
	[SUPERDISK_C_WARMED] = "warmed",
	[SUPERDISK_C_VERIFIED] = "verified",
	[SUPERDISK_C_MISMATCHES] = "mismatches",
	[SUPERDISK_C_HEALED] = "healed",
	[SUPERDISK_C_ADMISSIONS] = "admissions",
	[SUPERDISK_C_REFUSALS] = "refusals",
	[SUPERDISK_C_BYPASSED_BYTES] = "bypassed_bytes",
	[SUPERDISK_C_THROTTLED] = "throttled",
};

#define NAME_OF(names, number) \
	((number) < sizeof(names) / sizeof((names)[0]) && (names)[number] ? \
	 (names)[number] : "?")

const char *module_mode_name(uint32_t mode)
{
	return NAME_OF(mode_names, mode);
}

const char *module_state_name(uint32_t state)
{
	return NAME_OF(state_names, state);
}

const char *module_event_name(uint32_t event)
{
	return NAME_OF(event_names, event);
}

const char *module_warm_name(uint32_t warm)
{
	return NAME_OF(warm_names, warm);
}

const char *module_path_name(uint32_t path)
{
	return NAME_OF(path_names, path);
}

const char *module_counter_name(uint32_t counter)
{
	return NAME_OF(counter_names, counter);
}

static struct nla_policy policy[SUPERDISK_ATTR_MAX + 1] = {
	[SUPERDISK_ATTR_DEV] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_NAME] = { .type = NLA_NUL_STRING },
	[SUPERDISK_ATTR_MODE] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_BLOCK_SIZE] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_NR_LEGS] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_DISK_DEV] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_LEG] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_LEG_DEV] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_STATE] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_PAGES_VALID] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_PAGES_TOTAL] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_HIST] = { .type = NLA_NESTED },
	[SUPERDISK_ATTR_PATH] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_EVENT] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_ERROR] = { .type = NLA_S32 },
	[SUPERDISK_ATTR_RATE] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_BEGIN] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_WARM] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_WARM_COPIED] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_PAGES_UNVERIFIED] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_HEDGE_US] = { .type = NLA_U32 },
	[SUPERDISK_ATTR_HEAT_BLOCK] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_SLOTS_USED] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_SLOTS_TOTAL] = { .type = NLA_U64 },
	[SUPERDISK_ATTR_POLICY] = { .type = NLA_NUL_STRING },
};

/* The attributes of @message, which is first shown to lie within @size. */
static int open_message(struct nlmsghdr *message, size_t size,
			struct nlattr *attr[SUPERDISK_ATTR_MAX + 1],
			uint8_t *ret_command)
{
	if (size > INT32_MAX || !nlmsg_ok(message, (int)size) ||
	    !genlmsg_valid_hdr(message, 0))
		return -EPROTO;
	if (genlmsg_parse(message, 0, attr, SUPERDISK_ATTR_MAX, policy) < 0)
		return -EPROTO;
	*ret_command = ((struct genlmsghdr *)nlmsg_data(message))->cmd;
	return 0;
}

static uint32_t u32_of(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static uint64_t u64_of(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

/* Left as it is without @attr. */
static void take_name(struct nlattr *attr, char *name, size_t size)
{
	if (!attr)
		return;
	nla_strlcpy(name, attr, size);
	text_make_printable(name);
}

/* A newer module may send more counters than we know, an older one fewer. */
static void parse_counters(struct nlattr *attr,
			   uint64_t counter[SUPERDISK_C_NR])
{
	size_t size = attr ? (size_t)nla_len(attr) : 0;

	if (size > SUPERDISK_C_NR * sizeof(uint64_t))
		size = SUPERDISK_C_NR * sizeof(uint64_t);
	if (size)
		memcpy(counter, nla_data(attr), size);
}

/* Buckets of the module, each put where its middle lies in ours. */
static void convert_buckets(const void *data, struct hist_slots *hist)
{
	uint64_t bucket[SUPERDISK_HIST_NR];

	memcpy(bucket, data, sizeof(bucket));
	for (unsigned int i = 0; i < SUPERDISK_HIST_NR; i++) {
		uint64_t middle = (superdisk_hist_low(i) +
				   superdisk_hist_low(i + 1)) / 2;

		hist->count[hist_index(middle)] += bucket[i];
		hist->sum += bucket[i] * middle;
	}
}

static int parse_hist(struct nlattr *nest, struct module_stats *stats)
{
	struct nlattr *attr[SUPERDISK_ATTR_MAX + 1], *buckets;
	uint32_t path;

	if (nla_parse_nested(attr, SUPERDISK_ATTR_MAX, nest, policy) < 0)
		return -EPROTO;
	buckets = attr[SUPERDISK_ATTR_BUCKETS];
	if (!attr[SUPERDISK_ATTR_PATH] || !buckets ||
	    nla_len(buckets) != SUPERDISK_HIST_NR * (int)sizeof(uint64_t))
		return -EPROTO;
	path = nla_get_u32(attr[SUPERDISK_ATTR_PATH]);
	if (path < SUPERDISK_PATH_NR)
		convert_buckets(nla_data(buckets), &stats->path[path]);
	return 0;
}

/* genlmsg_parse() keeps the last of repeated attributes: walk for HIST. */
static int parse_stats(struct nlmsghdr *message, struct nlattr *attr[],
		       struct module_stats *stats)
{
	struct genlmsghdr *header = nlmsg_data(message);
	struct nlattr *each;
	int left, err = 0;

	parse_counters(attr[SUPERDISK_ATTR_COUNTERS], stats->counter);
	nla_for_each_attr(each, genlmsg_attrdata(header, 0),
			  genlmsg_attrlen(header, 0), left)
		if (!err && nla_type(each) == SUPERDISK_ATTR_HIST)
			err = parse_hist(each, stats);
	return err;
}

static int parse_device(struct nlmsghdr *message, struct nlattr *attr[],
			struct module_state *state)
{
	struct module_device *device = &state->device[state->devices];
	int err;

	if (!attr[SUPERDISK_ATTR_DEV])
		return -EPROTO;
	if (state->devices == MODULE_DEVICES_MAX)
		return -ENOSPC;
	memset(device, 0, sizeof(*device));
	device->dev = nla_get_u32(attr[SUPERDISK_ATTR_DEV]);
	device->disk_dev = u32_of(attr[SUPERDISK_ATTR_DISK_DEV]);
	device->mode = u32_of(attr[SUPERDISK_ATTR_MODE]);
	device->block_size = u32_of(attr[SUPERDISK_ATTR_BLOCK_SIZE]);
	device->legs = u32_of(attr[SUPERDISK_ATTR_NR_LEGS]);
	device->warm = u32_of(attr[SUPERDISK_ATTR_WARM]);
	device->warm_kib_s = u32_of(attr[SUPERDISK_ATTR_RATE]);
	device->warm_copied = u64_of(attr[SUPERDISK_ATTR_WARM_COPIED]);
	take_name(attr[SUPERDISK_ATTR_NAME], device->name, DEVICE_NAME_MAX);
	take_name(attr[SUPERDISK_ATTR_POLICY], device->policy,
		  MODULE_POLICY_MAX);
	err = parse_stats(message, attr, &device->stats);
	state->devices += !err;
	return err;
}

static int parse_leg(struct nlmsghdr *message, struct nlattr *attr[],
		     struct module_state *state)
{
	struct module_leg *leg = &state->leg[state->legs];
	int err;

	if (!attr[SUPERDISK_ATTR_DEV] || !attr[SUPERDISK_ATTR_LEG] ||
	    !attr[SUPERDISK_ATTR_STATE])
		return -EPROTO;
	if (state->legs == MODULE_LEGS_MAX)
		return -ENOSPC;
	memset(leg, 0, sizeof(*leg));
	leg->dev = nla_get_u32(attr[SUPERDISK_ATTR_DEV]);
	leg->leg = nla_get_u32(attr[SUPERDISK_ATTR_LEG]);
	leg->state = nla_get_u32(attr[SUPERDISK_ATTR_STATE]);
	leg->leg_dev = u32_of(attr[SUPERDISK_ATTR_LEG_DEV]);
	leg->pages_valid = u64_of(attr[SUPERDISK_ATTR_PAGES_VALID]);
	leg->pages_total = u64_of(attr[SUPERDISK_ATTR_PAGES_TOTAL]);
	leg->pages_unverified = u64_of(attr[SUPERDISK_ATTR_PAGES_UNVERIFIED]);
	leg->hedge_us = u32_of(attr[SUPERDISK_ATTR_HEDGE_US]);
	leg->slots_used = u64_of(attr[SUPERDISK_ATTR_SLOTS_USED]);
	leg->slots_total = u64_of(attr[SUPERDISK_ATTR_SLOTS_TOTAL]);
	if (leg->leg >= SUPERDISK_MAX_LEGS)
		return -EPROTO;
	err = parse_stats(message, attr, &leg->stats);
	state->legs += !err;
	return err;
}

int module_parse(struct nlmsghdr *message, size_t size,
		 struct module_state *state)
{
	struct nlattr *attr[SUPERDISK_ATTR_MAX + 1];
	uint8_t command;
	int err = open_message(message, size, attr, &command);

	if (err)
		return err;
	if (command == SUPERDISK_CMD_DEV_GET)
		return parse_device(message, attr, state);
	if (command == SUPERDISK_CMD_LEG_GET)
		return parse_leg(message, attr, state);
	return -EPROTO;
}

int module_parse_event(struct nlmsghdr *message, size_t size,
		       struct module_event *ret_event)
{
	struct nlattr *attr[SUPERDISK_ATTR_MAX + 1];
	uint8_t command;
	int err = open_message(message, size, attr, &command);

	if (err)
		return err;
	if (command != SUPERDISK_CMD_EVENT || !attr[SUPERDISK_ATTR_DEV] ||
	    !attr[SUPERDISK_ATTR_EVENT])
		return -EPROTO;
	memset(ret_event, 0, sizeof(*ret_event));
	ret_event->dev = nla_get_u32(attr[SUPERDISK_ATTR_DEV]);
	ret_event->event = nla_get_u32(attr[SUPERDISK_ATTR_EVENT]);
	ret_event->leg = attr[SUPERDISK_ATTR_LEG] ?
		(int32_t)nla_get_u32(attr[SUPERDISK_ATTR_LEG]) : -1;
	ret_event->state = u32_of(attr[SUPERDISK_ATTR_STATE]);
	if (attr[SUPERDISK_ATTR_ERROR])
		ret_event->error = nla_get_s32(attr[SUPERDISK_ATTR_ERROR]);
	take_name(attr[SUPERDISK_ATTR_NAME], ret_event->name, DEVICE_NAME_MAX);
	return 0;
}

int module_parse_heat(struct nlmsghdr *message, size_t size,
		      uint32_t *ret_block_size, struct heat_run *ret_run)
{
	struct nlattr *attr[SUPERDISK_ATTR_MAX + 1], *heat;
	uint32_t block_size;
	uint8_t command;
	int err = open_message(message, size, attr, &command);

	if (err)
		return err;
	heat = attr[SUPERDISK_ATTR_HEAT];
	block_size = u32_of(attr[SUPERDISK_ATTR_BLOCK_SIZE]);
	if (command != SUPERDISK_CMD_HEAT_GET || !heat ||
	    !attr[SUPERDISK_ATTR_HEAT_BLOCK] || nla_len(heat) < 1 ||
	    nla_len(heat) > SUPERDISK_HEAT_RUN || !block_size ||
	    block_size & (block_size - 1))
		return -EPROTO;
	*ret_block_size = block_size;
	*ret_run = (struct heat_run){
		.first = nla_get_u64(attr[SUPERDISK_ATTR_HEAT_BLOCK]),
		.nr = (uint32_t)nla_len(heat),
		.heat = nla_data(heat),
	};
	/* The end of the run, in bytes, is a place on a disk. */
	return ret_run->first <= UINT64_MAX / block_size - ret_run->nr ?
	       0 : -EPROTO;
}
