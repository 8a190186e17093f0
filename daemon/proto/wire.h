/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proto/store.c and proto/data.c share: the two speak the same messages
 * under different numbers.
 */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

#include "base/check.h"
#include "proto/store.h"

#define STORE_NAME_FORMAT "store.%u"
#define STORE_NAME_MAX 24
#define DATA_NAME_FORMAT "data.%d"
#define DATA_NAME_MAX 24

void proto_put_fini(struct actor_msg *msg);
void proto_rows_fini(struct actor_msg *msg);

#define PROTO_ROW_TYPE(part, what, type, drop) \
	{ part "." what, sizeof(struct type), drop }

/* The types P_APPEND .. P_ROWS, in the order of their enum. */
#define PROTO_ROW_TYPES(part, P, first)					\
	[P##_APPEND - first] = PROTO_ROW_TYPE(part, "append",		\
					      store_put_msg, proto_put_fini), \
	[P##_EDIT - first] = PROTO_ROW_TYPE(part, "edit",		\
					    store_put_msg, proto_put_fini), \
	[P##_DELETE - first] = PROTO_ROW_TYPE(part, "delete",		\
					      store_delete_msg, NULL),	\
	[P##_GET - first] = PROTO_ROW_TYPE(part, "get",			\
					   store_read_msg, NULL),	\
	[P##_PAGE - first] = PROTO_ROW_TYPE(part, "page",		\
					    store_read_msg, NULL),	\
	[P##_WRITTEN - first] = PROTO_ROW_TYPE(part, "written",		\
					       store_written_msg, NULL), \
	[P##_ROWS - first] = PROTO_ROW_TYPE(part, "rows",		\
					    store_rows_msg, proto_rows_fini),

#endif
