// SPDX-License-Identifier: Apache-2.0
#include "store/block.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/mem.h"

#define ZSTD_LEVEL 1
#define VARINT_MAX 10

struct block_codec {
	ZSTD_CCtx *compress;	/* NULL: store plain */
	ZSTD_DCtx *expand;
	uint8_t *raw;		/* BLOCK_BOUND, with `compress` */
};

int block_codec_new(bool compress, struct block_codec **ret_codec)
{
	struct block_codec *codec = mem_zalloc(sizeof(*codec));

	if (!codec)
		return -ENOMEM;
	codec->expand = ZSTD_createDCtx();
	if (compress) {
		codec->compress = ZSTD_createCCtx();
		codec->raw = mem_alloc(BLOCK_BOUND);
	}
	if (!codec->expand || (compress && !(codec->compress && codec->raw))) {
		block_codec_free(codec);
		return -ENOMEM;
	}
	*ret_codec = codec;
	return 0;
}

void block_codec_free(struct block_codec *codec)
{
	if (!codec)
		return;
	ZSTD_freeCCtx(codec->compress);
	ZSTD_freeDCtx(codec->expand);
	mem_free(codec->raw);
	mem_free(codec);
}

uint32_t block_cut(const struct row *rows, uint32_t count)
{
	size_t bytes = 0, rest = 0;
	uint32_t n = 0;

	while (n < count && n < BLOCK_ROWS && bytes < BLOCK_BYTES)
		bytes += rows[n++].size;
	if (count - n >= BLOCK_ROWS)
		return n;
	for (uint32_t i = n; i < count && rest <= BLOCK_BYTES; i++)
		rest += rows[i].size;
	return bytes + rest <= 2 * BLOCK_BYTES ? count : n;
}

static uint8_t *varint_put(uint8_t *pos, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*pos++ = (uint8_t)(v | 0x80);
	*pos++ = (uint8_t)v;
	return pos;
}

static size_t varint_size(uint64_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

/* NULL when there is none. */
static const uint8_t *varint_get(const uint8_t *pos, const uint8_t *end,
				 uint64_t *ret_v)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; pos < end && shift < 64; shift += 7) {
		v |= (uint64_t)(*pos & 0x7f) << shift;
		if (!(*pos++ & 0x80)) {
			*ret_v = v;
			return pos;
		}
	}
	return NULL;
}

static size_t payload_size(const struct row *rows, uint32_t count)
{
	uint64_t last = 0;
	size_t size = 0;

	for (uint32_t i = 0; i < count; i++) {
		size += varint_size(rows[i].id - last) +
			varint_size(rows[i].size) + rows[i].size;
		last = rows[i].id;
	}
	return size;
}

/* Returns its end. */
static uint8_t *put_payload(uint8_t *pos, const struct row *rows,
			    uint32_t count)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < count; i++) {
		pos = varint_put(pos, rows[i].id - last);
		pos = varint_put(pos, rows[i].size);
		last = rows[i].id;
	}
	for (uint32_t i = 0; i < count; i++) {
		if (rows[i].size)
			memcpy(pos, rows[i].data, rows[i].size);
		pos += rows[i].size;
	}
	return pos;
}

struct blob *block_pack(const struct row *rows, uint32_t count)
{
	struct blob *raw = blob_new(NULL, payload_size(rows, count));

	if (raw)
		check(put_payload(raw->data, rows, count) ==
		      raw->data + raw->len);
	return raw;
}

/* The table; returns where it ends, NULL when it makes no sense. */
static const uint8_t *unpack_table(const struct blob *raw, struct rows *rows,
				   uint32_t count)
{
	const uint8_t *pos = raw->data, *end = raw->data + raw->len;
	uint64_t id = 0, delta, size;

	for (uint32_t i = 0; i < count; i++) {
		pos = varint_get(pos, end, &delta);
		pos = pos ? varint_get(pos, end, &size) : NULL;
		if (!pos || size > raw->len || (i && !delta) ||
		    id + delta < id)
			return NULL;
		id += delta;
		rows->row[i].id = id;
		rows->row[i].size = (uint32_t)size;
	}
	return pos;
}

static bool unpack_bytes(const struct blob *raw, const uint8_t *pos,
			 struct rows *rows, uint32_t count)
{
	size_t left = (size_t)(raw->data + raw->len - pos);

	for (uint32_t i = 0; i < count; i++) {
		if (rows->row[i].size > left)
			return false;
		rows->row[i].data = pos;
		pos += rows->row[i].size;
		left -= rows->row[i].size;
	}
	return left == 0;
}

int block_unpack(struct blob *raw, uint32_t count, uint64_t first_id,
		 uint64_t last_id, struct rows **ret_rows)
{
	const uint8_t *pos;
	struct rows *rows;

	if (!count || count > raw->len)
		return -EBADMSG;
	rows = rows_new(count, 1);
	if (!rows)
		return -ENOMEM;
	pos = unpack_table(raw, rows, count);
	if (!pos || !unpack_bytes(raw, pos, rows, count) ||
	    rows->row[0].id != first_id ||
	    rows->row[count - 1].id != last_id) {
		rows_put(rows);
		return -EBADMSG;
	}
	rows->count = count;
	rows_own(rows, raw);
	*ret_rows = rows;
	return 0;
}

size_t block_bound(const struct row *rows, uint32_t count)
{
	return sizeof(struct block_head) + payload_size(rows, count) +
	       BLOCK_ALIGN;
}

static uint32_t block_crc(const uint8_t *buf, uint32_t stored_bytes)
{
	size_t from = offsetof(struct block_head, store_tag);

	return crc32c(0, buf + from,
		      sizeof(struct block_head) - from + stored_bytes);
}

/* Returns the bytes it takes at `to`; 0: it does not get smaller. */
static uint32_t put_compressed(struct block_codec *codec, uint8_t *to,
			       const struct row *rows, uint32_t count,
			       uint32_t raw_bytes)
{
	size_t n;

	check(raw_bytes <= BLOCK_BOUND);
	put_payload(codec->raw, rows, count);
	n = ZSTD_compressCCtx(codec->compress, to, raw_bytes - 1, codec->raw,
			      raw_bytes, ZSTD_LEVEL);
	return ZSTD_isError(n) ? 0 : (uint32_t)n;
}

uint32_t block_seal(struct block_codec *codec, const struct block_id *id,
		    const struct row *rows, uint32_t count, bool compress,
		    uint8_t *buf)
{
	struct block_head *head = (struct block_head *)buf;
	uint32_t raw_bytes = (uint32_t)payload_size(rows, count);
	uint32_t bytes, stored = 0;
	uint8_t *payload = buf + sizeof(*head);

	if (compress && codec->compress)
		stored = put_compressed(codec, payload, rows, count, raw_bytes);
	*head = (struct block_head){
		.magic = htole32(BLOCK_MAGIC),
		.store_tag = htole64(id->store_tag),
		.channel = htole64(id->channel),
		.first_id = htole64(rows[0].id),
		.last_id = htole64(rows[count - 1].id),
		.seq = htole64(id->seq),
		.raw_bytes = htole32(raw_bytes),
		.rows = htole32(count),
		.space = id->space,
		.coding = stored ? BLOCK_ZSTD : BLOCK_PLAIN,
	};
	if (!stored) {
		put_payload(payload, rows, count);
		stored = raw_bytes;
	}
	head->stored_bytes = htole32(stored);
	head->crc = htole32(block_crc(buf, stored));
	bytes = (uint32_t)sizeof(*head) + stored;
	memset(buf + bytes, 0, -bytes & (BLOCK_ALIGN - 1));
	return bytes;
}

/* The head alone, and that the block ends within len. */
static int check_head(const struct block_head *head, size_t len,
		      uint64_t store_tag)
{
	if (len < sizeof(*head) || le32toh(head->magic) != BLOCK_MAGIC ||
	    le64toh(head->store_tag) != store_tag)
		return -ENOENT;
	if (le32toh(head->stored_bytes) > len - sizeof(*head) ||
	    le32toh(head->raw_bytes) > BLOCK_RAW_MAX)
		return -EBADMSG;
	return 0;
}

int block_probe(const uint8_t *buf, size_t len, uint64_t store_tag,
		struct block_id *ret_id, struct block_ref *ret_ref)
{
	const struct block_head *head = (const struct block_head *)buf;
	int err = check_head(head, len, store_tag);

	if (err)
		return err;
	if (le32toh(head->crc) != block_crc(buf, le32toh(head->stored_bytes)) ||
	    !head->rows || le32toh(head->rows) > UINT16_MAX)
		return -EBADMSG;
	*ret_id = (struct block_id){
		.store_tag = store_tag,
		.channel = le64toh(head->channel),
		.seq = le64toh(head->seq),
		.space = head->space,
	};
	*ret_ref = (struct block_ref){
		.first_id = le64toh(head->first_id),
		.last_id = le64toh(head->last_id),
		.bytes = (uint32_t)sizeof(*head) + le32toh(head->stored_bytes),
		.rows = (uint16_t)le32toh(head->rows),
	};
	return 0;
}

static struct blob *decode_payload(struct block_codec *codec,
				   const struct block_head *head)
{
	uint32_t raw_bytes = le32toh(head->raw_bytes);
	uint32_t stored = le32toh(head->stored_bytes);
	struct blob *raw;
	size_t n;

	if (head->coding == BLOCK_PLAIN)
		return raw_bytes == stored ? blob_new(head + 1, stored) : NULL;
	if (head->coding != BLOCK_ZSTD)
		return NULL;
	raw = blob_new(NULL, raw_bytes);
	if (!raw)
		return NULL;
	n = ZSTD_decompressDCtx(codec->expand, raw->data, raw_bytes, head + 1,
				stored);
	if (!ZSTD_isError(n) && n == raw_bytes)
		return raw;
	blob_put(raw);
	return NULL;
}

int block_open(struct block_codec *codec, const uint8_t *buf,
	       const struct block_id *id, const struct block_ref *ref,
	       struct rows **ret_rows)
{
	const struct block_head *head = (const struct block_head *)buf;
	struct block_ref found;
	struct block_id who;
	struct blob *raw;
	int err;

	if (block_probe(buf, ref->bytes, id->store_tag, &who, &found) ||
	    who.channel != id->channel || who.space != id->space ||
	    found.bytes != ref->bytes || found.rows != ref->rows ||
	    found.first_id != ref->first_id || found.last_id != ref->last_id)
		return -EBADMSG;
	raw = decode_payload(codec, head);
	if (!raw)
		return -EBADMSG;
	err = block_unpack(raw, ref->rows, ref->first_id, ref->last_id,
			   ret_rows);
	blob_put(raw);
	return err;
}
