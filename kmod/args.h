/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table line.  Pure core.
 *
 *	DISK NR_SSDS SSD... [NR_WORDS (KEY VALUE)...]
 *
 * An SSD written `-` is a vacant position.  Options that are not named have
 * their defaults; sd_args_print() prints a line that parses to the same.
 */
#ifndef SD_ARGS_H
#define SD_ARGS_H

#include "core.h"
#include "policy.h"
#include "recover.h"

#define SD_VACANT	"-"

enum sd_policy_kind { SD_POLICY_S3FIFO, SD_POLICY_SIEVE };

#define SD_HEDGE_AUTO	1u	/* hedge_us: see hedge.h */

struct sd_options {
	u32 mode;		/* enum superdisk_mode */
	u32 block_sectors;
	u32 verify;
	u32 attach;		/* enum sd_attach */
	u32 hedge_us;		/* ask the disk after so long; 0: never */
	u32 read_ms;		/* do not wait longer for an SSD; 0: do */
	u32 timeout_ms;		/* an SSD silent for so long is out */
	u32 checkpoint_ms;
	u32 buffer_kib;		/* copies of writes and fills under way */
	u32 read_kib;		/* reads under way, of each SSD */
	u32 warm_kib;		/* background copying, KiB/s; 0: off */
	u32 heat_s;		/* half-life of heat; 0: none is kept */
	/* Cache mode: */
	u32 policy;		/* enum sd_policy_kind */
	u32 sequential_kib;	/* longer reads are not cached; 0: all are */
	u32 fill_dwpd;		/* SSD's size, that fills may write a day; 0: any */
};

struct sd_args {
	const char *disk;
	u32 nr_legs;
	const char *ssd[SD_MAX_LEGS];
	struct sd_options opt;
};

const struct sd_policy_ops *sd_options_policy(const struct sd_options *o);

/* Borrows argv.  0, or -EINVAL with *ret_why. */
int sd_args_parse(struct sd_args *a, u32 argc, char **argv,
		  const char **ret_why);
/* Decimal digits only: no sign, no blank, nothing out of bounds. */
int sd_number_parse(const char *s, u32 low, u32 high, u32 *ret);
void sd_options_default(struct sd_options *o);
/* Print the options that are not at their default, "" if all are. */
int sd_options_print(const struct sd_options *o, char *buf, u32 size);

#endif
