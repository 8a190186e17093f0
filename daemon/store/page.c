// SPDX-License-Identifier: Apache-2.0
#include "store/page.h"

#include <errno.h>

#include "base/bisect.h"
#include "base/blob.h"
#include "base/check.h"

uint32_t rows_from(const struct rows *rows, uint64_t id)
{
	return bisect_u64(rows->row, rows->count, sizeof(struct row),
			  offsetof(struct row, id), id);
}

/*
 * A walk over both layers in one direction.  `delta`, `block` and `row` are
 * the next candidates; they wrap below zero or reach the count when spent,
 * which one unsigned comparison finds out in either case.
 */
struct walk {
	const struct part *part;
	page_lookup_fn lookup;
	void *ctx;
	struct page_missing *missing;
	int step;			/* +1 to newer rows, -1 to older */
	uint32_t delta;
	uint32_t block;
	struct rows *rows;		/* of the block, once looked up */
	uint32_t row;
	uint64_t from;			/* where the walk began, inclusive */
	uint32_t assumed;		/* rows of missing blocks */
};

static void walk_start(struct walk *w, uint64_t from)
{
	const struct part *part = w->part;
	uint32_t d = part_delta_from(part, from);
	uint32_t b = part_block_from(part, from);

	w->from = from;
	if (w->step < 0) {
		/* The last that is not above `from`. */
		if (d == part->delta_count || part->deltas[d].id > from)
			d--;
		if (b == part->block_count || part->blocks[b].first_id > from)
			b--;
	}
	w->delta = d;
	w->block = b;
}

static void next_block(struct walk *w)
{
	w->block += (uint32_t)w->step;
	w->rows = NULL;
}

static void note_missing(struct walk *w, const struct block_ref *ref)
{
	bool cut = w->from > ref->first_id && w->from < ref->last_id;

	if (w->missing->count < PAGE_MISSING_MAX)
		w->missing->block[w->missing->count++] = w->block;
	/* Nobody knows how much of it lies beyond the start. */
	if (!cut)
		w->assumed += (uint32_t)(ref->rows - ref->dead);
}

static uint32_t first_row(const struct walk *w, const struct rows *rows)
{
	uint32_t i = rows_from(rows, w->from);

	if (w->step > 0)
		return i;
	return i < rows->count && rows->row[i].id == w->from ? i : i - 1;
}

/* The next delta, or NULL. */
static const struct delta *peek_delta(const struct walk *w)
{
	return w->delta < w->part->delta_count ? &w->part->deltas[w->delta]
					       : NULL;
}

/* Would the walk meet `a` before `b`? */
static bool before(const struct walk *w, uint64_t a, uint64_t b)
{
	return w->step > 0 ? a < b : a > b;
}

/*
 * The next row of the blocks, or NULL when there is none, or when `delta`
 * comes first anyway.  Steps over blocks that are dead or missing.
 */
static const struct row *peek_row(struct walk *w, const struct delta *delta)
{
	while (w->block < w->part->block_count) {
		const struct block_ref *ref = &w->part->blocks[w->block];

		if (w->rows) {
			if (w->row < w->rows->count)
				return &w->rows->row[w->row];
		} else if (ref->dead < ref->rows) {
			uint64_t edge = w->step > 0 ? ref->first_id
						    : ref->last_id;

			if (delta && before(w, delta->id, edge))
				return NULL;
			w->rows = w->lookup(w->ctx, ref);
			if (w->rows) {
				w->row = first_row(w, w->rows);
				continue;
			}
			note_missing(w, ref);
			return NULL;
		}
		next_block(w);
	}
	return NULL;
}

struct found {
	struct row row;
	struct blob *owner;
};

/* The next living row.  False at the end, or after a missing block. */
static bool walk_next(struct walk *w, struct found *ret)
{
	for (;;) {
		const struct delta *delta = peek_delta(w);
		uint32_t missing = w->missing->count;
		const struct row *row = peek_row(w, delta);

		if (w->missing->count != missing)
			return false;
		if (!delta && !row)
			return false;
		if (row && (!delta || before(w, row->id, delta->id))) {
			*ret = (struct found){ *row, w->rows->owner[0] };
			w->row += (uint32_t)w->step;
			return true;
		}
		if (row && row->id == delta->id)
			w->row += (uint32_t)w->step;
		w->delta += (uint32_t)w->step;
		if (!delta->owner)
			continue;
		*ret = (struct found){ part_delta_row(delta), delta->owner };
		return true;
	}
}

/*
 * Collects up to `limit` rows in the order met.  Past a missing block it only
 * goes on to find what else is missing.
 */
static uint32_t collect(struct walk *w, uint32_t limit, struct found *found)
{
	uint32_t n = 0;

	while (n + w->assumed < limit) {
		uint32_t missing = w->missing->count;

		if (walk_next(w, &found[n])) {
			n++;
			continue;
		}
		if (w->missing->count == missing ||
		    w->missing->count == PAGE_MISSING_MAX)
			break;
		next_block(w);
	}
	return n;
}

/* Up to `limit` rows from `from` on (inclusive), in one direction. */
static uint32_t scan(const struct part *part, uint64_t from, int step,
		     uint32_t limit, page_lookup_fn lookup, void *ctx,
		     struct page_missing *missing, struct found *found)
{
	struct walk w = {
		.part = part,
		.lookup = lookup,
		.ctx = ctx,
		.missing = missing,
		.step = step,
	};

	walk_start(&w, from);
	return collect(&w, limit, found);
}

static void add(struct rows *rows, const struct found *found)
{
	rows->row[rows->count++] = found->row;
	rows_own(rows, found->owner);
}

/* `newer` ascends from the middle up, `older` descends from it. */
static int build(const struct found *newer, uint32_t newer_count,
		 const struct found *older, uint32_t older_count,
		 struct rows **ret_rows)
{
	uint32_t count = newer_count + older_count;
	struct rows *rows = rows_new(count, count);

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = newer_count; i-- > 0;)
		add(rows, &newer[i]);
	for (uint32_t i = 0; i < older_count; i++)
		add(rows, &older[i]);
	*ret_rows = rows;
	return 0;
}

int page_read(const struct part *part, const struct page_query *query,
	      page_lookup_fn lookup, void *ctx, struct rows **ret_rows,
	      struct page_missing *ret_missing)
{
	struct found newer[STORE_PAGE_MAX], older[STORE_PAGE_MAX];
	uint32_t newer_count = 0, older_count = 0;
	uint32_t up = 0, down = 0;
	uint64_t id = query->id;

	check(query->limit <= STORE_PAGE_MAX);
	ret_missing->count = 0;
	if (query->dir == STORE_AFTER)
		up = query->limit;
	else if (query->dir == STORE_AROUND)
		up = query->limit / 2u;
	down = query->limit - up;
	if (query->dir == STORE_BEFORE)
		id = id ? id - 1 : UINT64_MAX;
	if (up && id < UINT64_MAX)
		newer_count = scan(part, id + 1, 1, up, lookup, ctx,
				   ret_missing, newer);
	if (down)
		older_count = scan(part, id, -1, down, lookup, ctx,
				   ret_missing, older);
	if (ret_missing->count)
		return -EAGAIN;
	return build(newer, newer_count, older, older_count, ret_rows);
}

/* Where a block row of this id is: 1 and the row, 0, or -EAGAIN. */
static int find_in_blocks(const struct part *part, uint64_t id,
			  page_lookup_fn lookup, void *ctx,
			  struct page_missing *missing, struct found *ret)
{
	uint32_t i = part_block_from(part, id), at;
	const struct block_ref *ref;
	struct rows *rows;

	if (i == part->block_count || part->blocks[i].first_id > id)
		return 0;
	ref = &part->blocks[i];
	rows = lookup(ctx, ref);
	if (!rows) {
		missing->block[missing->count++] = i;
		return -EAGAIN;
	}
	at = rows_from(rows, id);
	if (at == rows->count || rows->row[at].id != id)
		return 0;
	*ret = (struct found){ rows->row[at], rows->owner[0] };
	return 1;
}

static int find(const struct part *part, uint64_t id, page_lookup_fn lookup,
		void *ctx, struct page_missing *missing, struct found *ret)
{
	const struct delta *delta = part_delta_of(part, id);

	missing->count = 0;
	if (!delta)
		return find_in_blocks(part, id, lookup, ctx, missing, ret);
	if (!delta->owner)
		return 0;
	*ret = (struct found){ part_delta_row(delta), delta->owner };
	return 1;
}

int page_get(const struct part *part, uint64_t id, page_lookup_fn lookup,
	     void *ctx, struct rows **ret_rows,
	     struct page_missing *ret_missing)
{
	struct found found;
	int is = find(part, id, lookup, ctx, ret_missing, &found);

	if (is < 0)
		return is;
	return is ? build(&found, 1, NULL, 0, ret_rows) : -ENOENT;
}

int page_has(const struct part *part, uint64_t id, page_lookup_fn lookup,
	     void *ctx, struct page_missing *ret_missing)
{
	struct found found;

	return find(part, id, lookup, ctx, ret_missing, &found);
}
