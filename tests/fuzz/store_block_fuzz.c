// SPDX-License-Identifier: Apache-2.0
/* Blocks from anybody's bytes; and blocks of ours with anybody's changes. */
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "store/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAG 0x1122334455667788ull

static struct block_codec *codec;

/* Rows must lie within their owner, ascending. */
static void walk(const struct rows *rows)
{
	const struct blob *owner = rows->owner[0];

	for (uint32_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->row[i];

		check(row->data >= owner->data &&
		      row->data + row->size <= owner->data + owner->len);
		check(!i || row[-1].id < row->id);
	}
}

static void try_payload(const uint8_t *data, size_t size)
{
	struct blob *raw = blob_new(data + 1, size - 1);
	struct rows *rows;

	if (!raw)
		return;
	/* The first and last id cannot be guessed: 0 is as good as any. */
	if (!block_unpack(raw, data[0], 0, 0, &rows)) {
		walk(rows);
		rows_put(rows);
	}
	blob_put(raw);
}

/* The checksum is made right, so that what is behind it is reached. */
static void try_block(const uint8_t *data, size_t size)
{
	size_t len = size < sizeof(struct block_head) ?
		     sizeof(struct block_head) : size;
	uint8_t *buf = calloc(1, len);
	struct block_head *head = (struct block_head *)buf;
	struct block_id id = { .store_tag = TAG };
	struct block_ref ref;
	struct rows *rows;

	memcpy(buf, data, size);
	head->magic = htole32(BLOCK_MAGIC);
	head->store_tag = htole64(TAG);
	head->stored_bytes = htole32((uint32_t)(len - sizeof(*head)));
	head->crc = htole32(crc32c(0, buf + 8, len - 8));
	if (!block_probe(buf, len, TAG, &id, &ref) &&
	    !block_open(codec, buf, &id, &ref, &rows)) {
		walk(rows);
		rows_put(rows);
	}
	free(buf);
}

/* Rows cut from the input come back as they were. */
static void try_round_trip(const uint8_t *data, size_t size)
{
	struct block_id id = { .store_tag = TAG, .channel = 9, .seq = 1 }, who;
	struct row row[64];
	struct block_ref ref;
	struct rows *rows, *back;
	struct blob *raw;
	uint32_t n = 0;
	uint8_t *buf;

	for (size_t at = 0; at < size && n < 64; n++) {
		size_t len = data[at] < size - at ? data[at] : size - at;

		row[n] = (struct row){ 10 * n + len % 10, data + at,
				       (uint32_t)len };
		at += len + 1;
	}
	raw = n ? block_pack(row, n) : NULL;
	if (!raw)
		return;
	check(!block_unpack(raw, n, row[0].id, row[n - 1].id, &rows));
	buf = malloc(block_bound(row, n));
	block_seal(codec, &id, row, n, size % 2, buf);
	check(!block_probe(buf, block_bound(row, n), TAG, &who, &ref));
	check(!block_open(codec, buf, &id, &ref, &back));
	check(back->count == n);
	for (uint32_t i = 0; i < n; i++)
		check(back->row[i].id == row[i].id &&
		      back->row[i].size == row[i].size &&
		      !memcmp(back->row[i].data, row[i].data, row[i].size));
	rows_put(back);
	rows_put(rows);
	blob_put(raw);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!codec)
		check(!block_codec_new(true, &codec));
	if (size < 2)
		return 0;
	if (data[0] % 3 == 0)
		try_payload(data + 1, size - 1);
	else if (data[0] % 3 == 1)
		try_block(data + 1, size - 1);
	else
		try_round_trip(data + 1, size - 1);
	return 0;
}
