/* SPDX-License-Identifier: Apache-2.0 */
/* The world of store_crash_sim.c: what was asked of a shard, and what may be
 * true of each of its rows. */
#ifndef TESTS_STORE_MODEL_H
#define TESTS_STORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/rng.h"
#include "os/env.h"
#include "store/engine.h"

#define CHANNELS 5u		/* of the model: a channel and a space each */
#define REAL_CHANNELS 2u
#define IDS 600u		/* per channel; id = index + 1 */
#define CALLS 48u
#define ROW_MAX 9000u
#define ABSENT 0u		/* version of a row that is not there */

/* What may be true of a row: the acknowledged version, or one in flight. */
struct model_row {
	uint32_t version;
	uint32_t maybe[CALLS];
	uint32_t maybe_count;
};

struct world;

struct call {
	struct store_op op;
	struct world *w;
	bool busy;
	uint32_t version;
	uint32_t epoch;			/* of the channel, when it was sent */
	uint64_t ids[STORE_DELETE_MAX];
};

struct world {
	uint64_t seed;
	struct rng rng;
	struct os_env *env;
	struct os_loop *loop;
	struct engine *e;
	bool due;
	unsigned int unsafe;
	bool faults, compress;
	uint32_t holes_max;
	bool flips;			/* of bits, in what reads return */
	bool full;			/* the disk is, now and then */
	bool is_full;
	struct call calls[CALLS];
	struct model_row rows[CHANNELS][IDS + 1];
	uint32_t top[CHANNELS];		/* highest id used */
	uint32_t epoch[CHANNELS];	/* rises when a write begins or ends */
	uint32_t writing[CHANNELS];
	uint32_t version;
	uint64_t checks, acked, refused, unknown, no_space, lives, torn;
	const char *wrong;		/* the first thing that was */
};

static void fail(struct world *w, const char *what, uint32_t channel,
		 uint64_t id)
{
	if (!w->wrong)
		printf("# seed %llu: %s (channel %u, id %llu)\n",
		       (unsigned long long)w->seed, what, channel,
		       (unsigned long long)id);
	w->wrong = w->wrong ? w->wrong : what;
}

/* A partition of the shard for each channel of the model: equal ids are in
 * several spaces of one channel. */
static void op_set_channel(struct store_op *op, uint32_t channel)
{
	op->channel = channel % REAL_CHANNELS;
	op->space = (uint8_t)(channel / REAL_CHANNELS);
}

static uint32_t op_channel(const struct store_op *op)
{
	return (uint32_t)op->channel + op->space * REAL_CHANNELS;
}

/* A row's bytes follow from its version. */
static size_t row_size(uint32_t version)
{
	uint32_t x = version * 2654435761u;

	return x % 50 == 0 ? 8 + x % ROW_MAX : 8 + x % 400;
}

static struct blob *make_row(uint32_t version)
{
	struct blob *row = blob_new(NULL, row_size(version));

	check(row);
	memset(row->data, (int)(version % 251), row->len);
	memcpy(row->data, &version, sizeof(version));
	return row;
}

/* The version a row claims; ABSENT when its bytes are not that version's. */
static uint32_t row_version(const struct row *row)
{
	uint32_t version;

	if (row->size < 8)
		return ABSENT;
	memcpy(&version, row->data, sizeof(version));
	if (row->size != row_size(version))
		return ABSENT;
	for (uint32_t i = 4; i < row->size; i++)
		if (row->data[i] != (uint8_t)(version % 251))
			return ABSENT;
	return version;
}

/* --- the model ----------------------------------------------------------- */

static void maybe_add(struct world *w, uint32_t channel, uint64_t id,
		      uint32_t version)
{
	struct model_row *row = &w->rows[channel][id];

	check(row->maybe_count < CALLS);
	row->maybe[row->maybe_count++] = version;
}

static void maybe_remove(struct world *w, uint32_t channel, uint64_t id,
			 uint32_t version)
{
	struct model_row *row = &w->rows[channel][id];

	for (uint32_t i = 0; i < row->maybe_count; i++) {
		if (row->maybe[i] != version)
			continue;
		row->maybe[i] = row->maybe[--row->maybe_count];
		return;
	}
	check(!"in flight");
}

static bool is_allowed(const struct model_row *row, uint32_t version)
{
	if (row->version == version)
		return true;
	for (uint32_t i = 0; i < row->maybe_count; i++)
		if (row->maybe[i] == version)
			return true;
	return false;
}

/* Compares a page with the model's, of a channel nobody writes to. */
static void check_page(struct world *w, const struct store_op *op,
		       uint32_t channel)
{
	const struct rows *rows = op->rows;
	uint64_t want[STORE_PAGE_MAX];
	uint32_t n = 0, up = 0, down;
	uint64_t id = op->id;

	w->checks++;
	if (op->dir == STORE_AFTER)
		up = op->limit;
	else if (op->dir == STORE_AROUND)
		up = op->limit / 2u;
	down = op->limit - up;
	if (op->dir == STORE_BEFORE)
		id = id ? id - 1 : IDS;
	for (uint64_t i = id + 1; i <= IDS && up; i++)
		if (w->rows[channel][i].version != ABSENT) {
			want[n++] = i;
			up--;
		}
	for (uint32_t i = 0; i < n / 2; i++) {	/* newest first */
		uint64_t t = want[i];

		want[i] = want[n - 1 - i];
		want[n - 1 - i] = t;
	}
	for (uint64_t i = id < IDS ? id : IDS; i > 0 && down; i--)
		if (w->rows[channel][i].version != ABSENT) {
			want[n++] = i;
			down--;
		}
	if (rows->count != n)
		fail(w, "a page of wrong length", channel, op->id);
	for (uint32_t i = 0; i < n && i < rows->count; i++)
		if (rows->row[i].id != want[i] ||
		    row_version(&rows->row[i]) !=
			    w->rows[channel][want[i]].version)
			fail(w, "a wrong row in a page", channel, want[i]);
}

#endif
