/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A long sorted list that knows the position of each entry: kept in buckets, so
 * that an insertion moves one bucket and a position sums up their sizes (about
 * a microsecond each at 250,000 entries).  Plain data of one owner.
 */
#ifndef GUILD_RANKED_H
#define GUILD_RANKED_H

#include <stdbool.h>
#include <stdint.h>

#define RANKED_NAME 20

/* Ascending by group, name (padded with NUL), id. */
struct ranked_entry {
	uint64_t id;
	uint32_t group;
	char name[RANKED_NAME];
};

struct ranked_bucket;

struct ranked {
	struct ranked_bucket **bucket;
	uint32_t *size;			/* of each bucket: at least 1 */
	uint32_t buckets, room;
	uint32_t count;			/* of all entries */
};

/* Zeroed is empty. */
void ranked_fini(struct ranked *r);

/* -ENOMEM; -EEXIST: it is there. */
int ranked_insert(struct ranked *r, const struct ranked_entry *e,
		  uint32_t *ret_position);
/* False: it is not there. */
bool ranked_remove(struct ranked *r, const struct ranked_entry *e,
		   uint32_t *ret_position);
bool ranked_find(const struct ranked *r, const struct ranked_entry *e,
		 uint32_t *ret_position);
/* NULL: beyond the end.  Borrowed until the next change. */
const struct ranked_entry *ranked_at(const struct ranked *r, uint32_t position);

#endif
