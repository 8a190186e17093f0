/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of an SSD and its disk, for the crash simulator: reads, writes and
 * fills, many under way, on the module's own tables and metadata.
 */
#ifndef KMOD_LIFE_H
#define KMOD_LIFE_H

#include "kmod_power.h"

#define BLOCK_SECTORS	16u
#define PAGES		(BLOCK_SECTORS / SD_PAGE_SECTORS)
#define DISK_BLOCKS	1500u
#define DISK_SECTORS	(DISK_BLOCKS * BLOCK_SECTORS)
#define SSD_SECTORS	(DISK_SECTORS + 8 * SD_DATA_ALIGN_SECTORS)
#define CACHE_SLOTS	176u	/* in two chunks */

/* What can be switched off. */
enum mechanism {
	ALL_ON, NO_INTENT, NO_INTENT_FUA, NO_DISK_FLUSH, NO_SSD_FLUSH,
	NO_SPOIL, NO_SAMPLE_INTENT, NO_FINGERPRINT, NO_INVALIDATE,
	/* Of cache mode alone: */
	NO_STORED_FREE, NO_IDLE_CHECK, NO_OWNER_COUNT, NO_UNIT_DOUBT,
	/* Of attach verify: */
	NO_COMPARE, NO_UNVERIFIED_NOTE, NO_STORED_VERDICT,
	/* After a flush of the disk that failed: */
	NO_OWED_FLUSH,
	NR_MECHANISMS
};

/* All that there is; one a process. */
struct life {
	struct device ssd, disk;
	struct sd_geom geom;
	struct sd_layout layout;
	struct sd_table table;
	struct sd_guard guard;
	struct sd_meta meta;
	enum mechanism off;
	bool cached;			/* cache mode */
	bool checkpointing;
	bool auditing;			/* pages wait to be verified */
	u64 audit_at;			/* the walk over them */
	bool loading;			/* nothing goes on meanwhile */
	u64 versions;			/* last one written */
	const char *broken;		/* the first promise that was */
};

extern struct life life;

/* Nothing is under way. */
void life_reset(void);
void life_fail(const char *what);
/* n steps of what is under way, or begins. */
void life_steps(u32 n);
/* The same while metadata I/O is under way: for power_meanwhile. */
void life_meanwhile(void);
/* A valid page of it that differs from the disk is a failure. */
void life_check_block(u64 block, const char *what);
void life_pass(void);
/* False: the disk could not be flushed. */
bool life_checkpoint(void);
void life_make_room(void);
/* Nothing is left to be verified: say so on the SSD. */
void life_finish_audit(void);
/* Nearly all slots hold blocks, so that they change hands from the start. */
void life_fill_cache(void);

#endif
