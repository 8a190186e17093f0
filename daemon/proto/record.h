/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message as the bytes that the store keeps.
 *
 * Little endian.  Integers marked v are LEB128, strings are v length, bytes,
 * one NUL (so that a decoded message can point into its record).
 *
 *	u8 version	1
 *	u8 type
 *	u8 bits		enum record_bit
 *	v  mask		enum record_field: which of the fields below follow
 *	user		author
 *	string		content
 *	...		the fields of the mask, lowest bit first
 *
 *	user: u64 id, u16 discriminator << 3 | has_avatar << 2 |
 *	      has_global_name << 1 | bot, string name, [global_name], [avatar]
 *
 * The ids of message and channel are the row's key and not repeated.  A reader
 * refuses versions and fields that it does not know.
 */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "proto/model.h"

#define RECORD_VERSION 1

struct blob;

/* Returns the record of m; NULL when memory is out. */
struct blob *record_encode(const struct message *m);

/*
 * Fills *m, which borrows from `data`.  Its id and channel_id are the
 * caller's to set.  -EPROTO when the bytes are not a record, -ENOTSUP for a
 * version or field of the future.
 */
int record_decode(struct message *m, const void *data, size_t size);

#endif
