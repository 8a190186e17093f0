// SPDX-License-Identifier: GPL-2.0-only
/*
 * dm-superdisk: a persistent disk with the read latency of local SSDs.
 *
 *	args	the table line		target	construction, dispatch
 *	map	placement, validity	status	what dmsetup says
 *	guard	operations under way	read	hits, misses, rescues
 *	intent	regions in doubt	write	disk and SSD from one copy
 *	format	metadata on an SSD	fill	what was missed goes to the SSD
 *	meta	order of metadata I/O	range	discard, write-zeroes
 *	recover	who is believed		heal	pages that do not hold data
 *
 *	cache	slots in cache mode	admit	which misses are worth a write
 *	index	from block to slot	ghost	blocks seen lately
 *	policy	who goes next		stream	sequential reads and writes
 *
 *	leg	life of an SSD		member	add, remove, replace, bypass
 *	attach	all SSDs together	watch	SSDs that do not answer
 *	roster	who is a member		claim	devices in use
 *	job	copies under way	hold	intents of the fingerprint
 *	bounce	hits through a copy	stock	buffers for them
 *	hedge	how long they wait	io	blocking I/O
 *	heat	what is read how often	decay	heat falls, and is inherited
 *	plan	order and pace		warm	background copying
 *	audit	attach verify		weigh	SSDs of several caches
 *	sets	all that exist
 *	netlink, event, stats, trace	what can be seen from outside
 */
#include "sd.h"

#include <linux/module.h>

static int __init superdisk_init(void)
{
	int err;

	err = sd_netlink_init();
	if (err)
		return err;
	err = dm_register_target(&sd_target);
	if (err)
		sd_netlink_exit();
	return err;
}

static void __exit superdisk_exit(void)
{
	dm_unregister_target(&sd_target);
	sd_netlink_exit();
}

module_init(superdisk_init);
module_exit(superdisk_exit);

MODULE_DESCRIPTION("device-mapper persistent disk with SSD read latency");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: crc32c");
