/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which channels of a core are asked for most: the HEAT_CHANNELS that a
 * space-saving sketch keeps, each with exact counts since it came in.  A new
 * channel takes the place of the lightest one and inherits its weight, so that
 * what is asked for often stays.
 *
 * One thread counts, any thread reads: fields are atomic, and a reader that
 * finds the channel unchanged behind the counts has a whole entry.
 */
#ifndef DATA_HEAT_H
#define DATA_HEAT_H

#include <stdint.h>

#define HEAT_CHANNELS 64u

enum heat_kind { HEAT_READ, HEAT_RUN, HEAT_KINDS };

struct heat;

struct heat_entry {
	uint64_t channel;	/* 0: none */
	uint64_t count[HEAT_KINDS];
};

/* NULL: memory is out. */
struct heat *heat_new(void);
void heat_free(struct heat *heat);

/* Counts one; `where` is a hint of the caller's, 0 at first, for this channel
 * and heat alone. */
void heat_count(struct heat *heat, uint32_t *where, uint64_t channel,
		enum heat_kind kind);

/*
 * Merges what is kept into the `max` hottest in `top`, most reads first, which
 * holds `count` of other cores already.  Returns how many it holds then.
 */
uint32_t heat_top(const struct heat *heat, struct heat_entry *top,
		  uint32_t count, uint32_t max);

#endif
