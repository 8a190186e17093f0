/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a partition: one row or a page of rows, merged from its deltas and
 * its blocks.  Pure: blocks come from a lookup function.
 *
 * When a block is not at hand the walk goes on as if all of its living rows
 * counted, so that one attempt names every block the answer needs, and hardly
 * ever one more.  The caller fetches them and asks again.
 */
#ifndef STORE_PAGE_H
#define STORE_PAGE_H

#include <stdbool.h>

#include "proto/store.h"
#include "store/part.h"

/* Returns a block's rows, borrowed until the page is built, or NULL. */
typedef struct rows *(*page_lookup_fn)(void *ctx, const struct block_ref *ref);

struct page_query {
	uint64_t id;
	uint16_t dir;		/* enum store_dir */
	uint16_t limit;
};

/* The blocks that are missing, by index in part->blocks. */
#define PAGE_MISSING_MAX 64

struct page_missing {
	uint32_t count;
	uint32_t block[PAGE_MISSING_MAX];
};

/*
 * 0 and the rows, newest first, perhaps none; -EAGAIN and what is missing;
 * -ENOMEM.
 */
int page_read(const struct part *part, const struct page_query *query,
	      page_lookup_fn lookup, void *ctx, struct rows **ret_rows,
	      struct page_missing *ret_missing);

/* 0 and one row, -ENOENT, -EAGAIN, -ENOMEM. */
int page_get(const struct part *part, uint64_t id, page_lookup_fn lookup,
	     void *ctx, struct rows **ret_rows,
	     struct page_missing *ret_missing);

/* Is there such a row?  1, 0, or -EAGAIN. */
int page_has(const struct part *part, uint64_t id, page_lookup_fn lookup,
	     void *ctx, struct page_missing *ret_missing);

/* The place of id in ascending rows: the first not below it. */
uint32_t rows_from(const struct rows *rows, uint64_t id);

#endif
