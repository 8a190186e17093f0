/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read states in memory: per user and channel the last message read and how
 * often the user was mentioned since.
 *
 * Users hash to a fixed number of parts, each a small open-addressing table;
 * a user's states are one array, ascending by channel.  A table that grows is
 * one part's, so no insertion ever waits for more than that; and a part is what
 * a checkpoint writes at a time.
 *
 * Plain data of one thread.
 */
#ifndef DATA_READ_TABLE_H
#define DATA_READ_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct buf;

#define READ_TABLE_PARTS 4096u
#define READ_STATES_PER_USER 8192u

struct read_state {
	uint64_t channel;
	uint64_t last;			/* message id; 0: none read */
	uint32_t mentions;
} __attribute__((packed));

_Static_assert(sizeof(struct read_state) == 20, "also a file's format");

struct read_part {
	struct read_user *slot;		/* NULL: no users */
	uint32_t mask;
	uint32_t users;
};

struct read_table {
	struct read_part part[READ_TABLE_PARTS];
	uint64_t users;
	uint64_t states;
	uint64_t bytes;			/* of memory, in all */
};

/* Big: in memory that is zeroed and stays. */
void read_table_init(struct read_table *t);
void read_table_fini(struct read_table *t);

/* Adds or replaces; one that says nothing, neither read nor mentioned, is taken
 * out.  -ENOMEM; -ENOSPC beyond READ_STATES_PER_USER. */
int read_table_set(struct read_table *t, uint64_t user,
		   const struct read_state *state);

/* NULL when there is none.  Valid until the next change. */
const struct read_state *read_table_get(const struct read_table *t,
					uint64_t user, uint64_t channel);

/* All of a user's, ascending by channel; NULL when there are none. */
const struct read_state *read_table_user(const struct read_table *t,
					 uint64_t user, uint32_t *ret_count);

/* Users of a part who have a state of this channel: the first `max` of them.
 * Returns how many. */
uint32_t read_table_find(const struct read_table *t, uint32_t part,
			 uint64_t channel, uint64_t *ret_user, uint32_t max);

/*
 * Appends the image of a part; nothing when it has no users.  Little endian:
 *
 *	u64 user, u32 count, count * { u64 channel, u64 last, u32 mentions }
 */
void read_table_dump(const struct read_table *t, uint32_t part,
		     struct buf *out);

/* Sets what images say.  -EPROTO when the bytes are none; -ENOMEM. */
int read_table_load(struct read_table *t, const void *data, size_t size);

#endif
