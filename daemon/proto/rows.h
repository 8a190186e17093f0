/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of a read: rows, newest first, shared by everyone who asked.
 *
 * A row is opaque bytes for the store.  Rows point into blobs (cached blocks,
 * unflushed rows) which the result keeps alive, so nothing is copied between
 * the store and the one who encodes an answer.  Immutable once built.
 */
#ifndef PROTO_ROWS_H
#define PROTO_ROWS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct blob;

struct row {
	uint64_t id;
	const uint8_t *data;
	uint32_t size;			/* bytes */
};

struct rows {
	atomic_uint refs;
	uint32_t count;
	uint32_t owner_count;
	struct blob **owner;		/* behind row[]: what the rows point into */
	struct row row[];
};

/* Returns an empty result with room for so many rows and owners, or NULL. */
struct rows *rows_new(uint32_t max_rows, uint32_t max_owners);

/* Keeps a reference of its own to `owner`, once if it is the latest one. */
void rows_own(struct rows *rows, struct blob *owner);

/* Any thread. */
struct rows *rows_get(struct rows *rows);
void rows_put(struct rows *rows);	/* NULL is fine */

#endif
