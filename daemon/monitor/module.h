/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dm-superdisk module over its netlink family; kmod/uapi/superdisk.h says
 * what is spoken.  One thread; calls wait for the kernel's answer.
 */
#ifndef MONITOR_MODULE_H
#define MONITOR_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "monitor/devices.h"
#include "monitor/hist.h"
#include "superdisk.h"

#define MODULE_DEVICES_MAX 16
#define MODULE_LEGS_MAX 64
#define MODULE_POLICY_MAX 32

/* Counters and latencies; sums of the latencies are estimated from buckets. */
struct module_stats {
	uint64_t counter[SUPERDISK_C_NR];
	struct hist_slots path[SUPERDISK_PATH_NR];
};

struct module_device {
	uint32_t dev, disk_dev, mode, block_size, legs;
	uint32_t warm;		/* enum superdisk_warm */
	uint32_t warm_kib_s;
	uint64_t warm_copied;	/* pages */
	char name[DEVICE_NAME_MAX];
	char policy[MODULE_POLICY_MAX];	/* who goes next; "": none has to */
	struct module_stats stats;
};

struct module_leg {
	uint32_t dev, leg, state;
	uint32_t leg_dev;	/* 0: vacant */
	uint64_t pages_valid, pages_total, pages_unverified;
	uint64_t slots_used, slots_total;	/* blocks; cache mode, else 0 */
	uint32_t hedge_us;	/* 0: not hedged */
	struct module_stats stats;
};

struct module_state {
	size_t devices, legs;
	struct module_device device[MODULE_DEVICES_MAX];
	struct module_leg leg[MODULE_LEGS_MAX];	/* in order of dev and leg */
};

struct module_event {
	uint32_t dev, event;
	int32_t leg;		/* -1: of the whole device */
	uint32_t state;		/* of a leg, for SUPERDISK_EVENT_LEG_STATE */
	int32_t error;
	char name[DEVICE_NAME_MAX];
};

/* Names of the numbers in the header, "?" beyond. */
const char *module_mode_name(uint32_t mode);
const char *module_state_name(uint32_t state);
const char *module_event_name(uint32_t event);
const char *module_path_name(uint32_t path);
const char *module_counter_name(uint32_t counter);
const char *module_warm_name(uint32_t warm);

/* --- parsing; the bytes come from the kernel, but nothing is assumed ------ */

struct nlmsghdr;
struct heat_run;	/* heat_file.h */

/*
 * Adds the device or leg in the message of @size bytes at @message to @state.
 * -EPROTO when it is not one, -ENOSPC when there is no room for more.
 */
int module_parse(struct nlmsghdr *message, size_t size,
		 struct module_state *state);
int module_parse_event(struct nlmsghdr *message, size_t size,
		       struct module_event *ret_event);
/* @ret_run *borrows* from @message. */
int module_parse_heat(struct nlmsghdr *message, size_t size,
		      uint32_t *ret_block_size, struct heat_run *ret_run);

/* --- talking -------------------------------------------------------------- */

struct module;

/* -ENOENT when the module is not loaded. */
int module_open(struct module **ret_module);
void module_close(struct module *module);

/* Everything about all devices.  -ENOENT when the module has gone. */
int module_read(struct module *module, struct module_state *ret_state);

/*
 * Sends @command (SUPERDISK_CMD_LEG_*, _WARM) for leg @leg of @dev; @path for
 * commands that take a device, @rate for SUPERDISK_CMD_WARM.  Returns what the
 * kernel answered.
 */
int module_command(struct module *module, uint8_t command, uint32_t dev,
		   uint32_t leg, const char *path, uint32_t rate);

/* Called by module_read_heat() in ascending order; *borrows* @run. */
typedef void module_heat_fn(uint32_t block_size, const struct heat_run *run,
			    void *ctx);

/* All blocks of @dev that were read lately. */
int module_read_heat(struct module *module, uint32_t dev, module_heat_fn *fn,
		     void *ctx);
/* These blocks are at least that hot. */
int module_write_heat(struct module *module, uint32_t dev, uint32_t block_size,
		      const struct heat_run *run);

/* Called by module_take_events(); *borrows* @event. */
typedef void module_event_fn(const struct module_event *event, void *ctx);

/* A descriptor that becomes readable when events wait. */
int module_events_fd(struct module *module);
/* -ENOBUFS when the kernel had to drop some: read the state anew. */
int module_take_events(struct module *module, module_event_fn *fn, void *ctx);

#endif
