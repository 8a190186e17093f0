/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saves how hot the blocks of a Super-Disk are, and gives it to another one,
 * or to the same on a machine with blank SSDs.  Calls block for some
 * milliseconds per TiB of disk.  One thread a module.
 */
#ifndef MONITOR_HEAT_H
#define MONITOR_HEAT_H

#include "monitor/module.h"

/*
 * Writes the heat of @dev to @path, durably: it is the old file or the new one
 * whatever happens.  -ENODEV, -EPERM, -EOPNOTSUPP when the device keeps none.
 */
int heat_save(struct module *module, uint32_t dev, const char *path);

/*
 * Raises the heat of @dev, whose blocks have @block_size bytes, to what @path
 * says.  A file of another block size is converted.  -ENOENT: no file;
 * -EBADMSG: damaged; -EOPNOTSUPP: of another version, or the device keeps none.
 */
int heat_load(struct module *module, uint32_t dev, uint32_t block_size,
	      const char *path);

#endif
