// SPDX-License-Identifier: Apache-2.0
/* Bytes as a message's record: refused, or decoded to what encodes to a record
 * that decodes to the same. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "proto/json.h"
#include "proto/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct message *a, const struct message *b)
{
	check(a->author.id == b->author.id);
	check(a->content_len == b->content_len);
	check(!memcmp(a->content, b->content, a->content_len));
	check(a->mention_count == b->mention_count);
	check(a->edited_ms == b->edited_ms);
	check(a->flags == b->flags);
}

static void show(const struct message *m)
{
	const struct message_view view = { .guild_id = 1 };
	struct buf buf = BUF_INIT;
	struct jsonw w;

	jsonw_init(&w, &buf);
	json_message(&w, m, &view);
	check(!buf.err);
	buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message m, again;
	struct blob *record;

	if (record_decode(&m, data, size))
		return 0;
	show(&m);
	record = record_encode(&m);
	check(record);
	check(!record_decode(&again, record->data, record->len));
	check_same(&m, &again);
	blob_put(record);
	return 0;
}
