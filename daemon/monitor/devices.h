/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of block devices.  A number is the kernel's: major << 20 | minor.
 * One thread.
 */
#ifndef MONITOR_DEVICES_H
#define MONITOR_DEVICES_H

#include <stdint.h>

#define DEVICE_NAME_MAX 64

struct devices;

/* *returns* a name cache over the sysfs folder @sys, "/sys" as a rule. */
int devices_new(const char *sys, struct devices **ret_devices);
void devices_free(struct devices *devices);

/*
 * The name of @number: of a device-mapper device the one it was created with,
 * else the kernel's; "MAJOR:MINOR" when it is gone and was never asked for.
 * *borrows*: valid until devices_free().
 */
const char *devices_name(struct devices *devices, uint32_t number);

/* Forgets all names: a device may have come under a number known before. */
void devices_forget(struct devices *devices);

#define DEVICE_PATH_MAX (DEVICE_NAME_MAX + 16)

/* The node of device @number, -ENODEV when there is none. */
int devices_path(struct devices *devices, uint32_t number,
		 char ret_path[DEVICE_PATH_MAX]);

/*
 * What tells device @number from all others, on whatever number it appears:
 * its WWID, serial number or the like.  -ENOENT when it has none.
 */
#define DEVICE_IDENTITY_MAX 160
int devices_identity(const struct devices *devices, uint32_t number,
		     char ret_identity[DEVICE_IDENTITY_MAX]);
/* The number under which @identity is here now, -ENODEV when it is not. */
int devices_by_identity(const struct devices *devices, const char *identity,
			uint32_t *ret_number);

/*
 * The number of the device that @name means, a path, a kernel name or a
 * device-mapper name.  -ENODEV when there is none.
 */
int devices_number(struct devices *devices, const char *name,
		   uint32_t *ret_number);

#endif
