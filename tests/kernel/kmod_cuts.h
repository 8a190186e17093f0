/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Power cuts in what was recorded of a mirror: the disk, then its SSDs, on one
 * device.  At each cut the module's own code recovers the SSDs from what was
 * there, and every page that it believes must hold what the disk holds.
 */
#ifndef KMOD_CUTS_H
#define KMOD_CUTS_H

#include <stdint.h>

struct cuts;
struct log_entry;

/* NULL if there is no memory.  Sizes in sectors. */
struct cuts *cuts_new(uint64_t disk, uint64_t ssd, uint32_t nr_ssds);
/*
 * The next entry, and its data: a cut after it if it is a barrier or comes
 * after one.  -EILSEQ if a promise is broken; what and where is printed.
 */
int cuts_entry(struct cuts *cuts, uint64_t number, const struct log_entry *e,
	       const void *data);
/* Prints what was done.  -ENODATA if that proves nothing. */
int cuts_verdict(const struct cuts *cuts);
void cuts_free(struct cuts *cuts);

#endif
