/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data service: rows of a channel, read and written through the one actor
 * that the channel has at a time.  It gives every channel order, lets equal
 * reads share one store read, and never answers with less than what was
 * acknowledged before the read was sent.
 *
 * Send to data_route(); each request is answered once, with its tag:
 *
 *	DATA_APPEND, DATA_EDIT	struct store_put_msg	-> DATA_WRITTEN
 *	DATA_DELETE		struct store_delete_msg	-> DATA_WRITTEN
 *	DATA_GET, DATA_PAGE	struct store_read_msg	-> DATA_ROWS
 *
 * DATA_WRITTEN with status 0 means durable; appends to one channel are
 * acknowledged in the order sent.  Statuses: see proto/store.h.  -EOVERFLOW is
 * "503, Retry-After".  A permission is checked before the request is sent.
 */
#ifndef PROTO_DATA_H
#define PROTO_DATA_H

#include <stdint.h>

#include "actor/actor.h"
#include "proto/store.h"
#include "proto/types.h"

enum data_msg_type {
	DATA_APPEND = PROTO_DATA,	/* struct store_put_msg */
	DATA_EDIT,			/* struct store_put_msg */
	DATA_DELETE,			/* struct store_delete_msg, 1 or many */
	DATA_GET,			/* struct store_read_msg */
	DATA_PAGE,			/* struct store_read_msg */
	DATA_WRITTEN,			/* struct store_written_msg */
	DATA_ROWS,			/* struct store_rows_msg */
	DATA_IDLE,			/* the service's own */
	DATA_RESUME,			/* likewise */
};

#define DATA_PAGE_MAX 100		/* rows of one DATA_PAGE */

/* Registers the types above.  Once, before the actor system starts. */
int data_types_register(void);

/*
 * Where to send for a channel: the router on the core that serves it (jump
 * consistent hash over the cores).  Nobody while it is not up.  Any thread.
 */
actor_ref data_route(struct actor_system *sys, uint64_t channel_id);

/* The core that data_route() leads to. */
int data_core_of(uint64_t channel_id, int cores);

#endif
