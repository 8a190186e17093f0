// SPDX-License-Identifier: Apache-2.0
#include "proto/record.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/buf.h"

enum record_bit {
	BIT_TTS		= 1 << 0,
	BIT_EVERYONE	= 1 << 1,
	BIT_PINNED	= 1 << 2,
	BIT_REACTED	= 1 << 3,
	BITS_KNOWN	= (1 << 4) - 1,
};

enum record_field {
	FIELD_FLAGS	= 1 << 0,	/* v */
	FIELD_EDITED	= 1 << 1,	/* v ms since 1970 */
	FIELD_WEBHOOK	= 1 << 2,	/* u64 */
	FIELD_REFERENCE	= 1 << 3,	/* u64 message, channel, guild */
	FIELD_MENTIONS	= 1 << 4,	/* v count, users */
	FIELD_ROLES	= 1 << 5,	/* v count, u64 each */
	FIELD_EMBEDS	= 1 << 6,	/* string */
	FIELD_ATTACHED	= 1 << 7,	/* string */
	FIELD_COMPONENTS = 1 << 8,	/* string */
	FIELDS_KNOWN	= (1 << 9) - 1,
};

enum user_bit {
	USER_BOT	= 1 << 0,
	USER_GLOBAL	= 1 << 1,
	USER_AVATAR	= 1 << 2,
	USER_BITS	= 3,
};

static void put_u8(struct buf *b, uint8_t n)
{
	buf_putc(b, (char)n);
}

static void put_u16(struct buf *b, uint16_t n)
{
	n = htole16(n);
	buf_append(b, &n, sizeof(n));
}

static void put_u64(struct buf *b, uint64_t n)
{
	n = htole64(n);
	buf_append(b, &n, sizeof(n));
}

static void put_varint(struct buf *b, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		put_u8(b, (uint8_t)(n | 0x80));
	put_u8(b, (uint8_t)n);
}

static void put_bytes(struct buf *b, const char *text, size_t len)
{
	put_varint(b, len);
	buf_append(b, text, len);
	put_u8(b, 0);
}

static void put_string(struct buf *b, const char *text)
{
	put_bytes(b, text, strlen(text));
}

static void put_user(struct buf *b, const struct user *u)
{
	put_u64(b, u->id);
	put_u16(b, (uint16_t)(u->discriminator << USER_BITS |
			      (u->avatar ? USER_AVATAR : 0) |
			      (u->global_name ? USER_GLOBAL : 0) |
			      (u->bot ? USER_BOT : 0)));
	put_string(b, u->name ? u->name : "");
	if (u->global_name)
		put_string(b, u->global_name);
	if (u->avatar)
		put_string(b, u->avatar);
}

static uint8_t bits_of(const struct message *m)
{
	return (uint8_t)((m->tts ? BIT_TTS : 0) |
			 (m->mention_everyone ? BIT_EVERYONE : 0) |
			 (m->pinned ? BIT_PINNED : 0) |
			 (m->reacted ? BIT_REACTED : 0));
}

static uint32_t fields_of(const struct message *m)
{
	return (m->flags ? FIELD_FLAGS : 0) |
	       (m->edited_ms ? FIELD_EDITED : 0) |
	       (m->webhook_id ? FIELD_WEBHOOK : 0) |
	       (m->ref_message_id ? FIELD_REFERENCE : 0) |
	       (m->mention_count ? FIELD_MENTIONS : 0) |
	       (m->mention_role_count ? FIELD_ROLES : 0) |
	       (m->embeds ? FIELD_EMBEDS : 0) |
	       (m->attachments ? FIELD_ATTACHED : 0) |
	       (m->components ? FIELD_COMPONENTS : 0);
}

static void put_mentions(struct buf *b, const struct message *m)
{
	if (m->mention_count) {
		put_varint(b, m->mention_count);
		for (uint32_t i = 0; i < m->mention_count; i++)
			put_user(b, &m->mention[i]);
	}
	if (m->mention_role_count) {
		put_varint(b, m->mention_role_count);
		for (uint32_t i = 0; i < m->mention_role_count; i++)
			put_u64(b, m->mention_role[i]);
	}
}

static void put_fields(struct buf *b, const struct message *m)
{
	if (m->flags)
		put_varint(b, m->flags);
	if (m->edited_ms)
		put_varint(b, m->edited_ms);
	if (m->webhook_id)
		put_u64(b, m->webhook_id);
	if (m->ref_message_id) {
		put_u64(b, m->ref_message_id);
		put_u64(b, m->ref_channel_id);
		put_u64(b, m->ref_guild_id);
	}
	put_mentions(b, m);
	if (m->embeds)
		put_string(b, m->embeds);
	if (m->attachments)
		put_string(b, m->attachments);
	if (m->components)
		put_string(b, m->components);
}

struct blob *record_encode(const struct message *m)
{
	struct buf b = BUF_INIT;
	struct blob *blob;

	put_u8(&b, RECORD_VERSION);
	put_u8(&b, m->type);
	put_u8(&b, bits_of(m));
	put_varint(&b, fields_of(m));
	put_user(&b, &m->author);
	put_bytes(&b, m->content, m->content_len);
	put_fields(&b, m);
	blob = blob_from_buf(&b);
	buf_fini(&b);
	return blob;
}

/* What is left to read.  The first error sticks and empties it. */
struct reader {
	const uint8_t *at;
	size_t left;
	int err;
};

static const void *take(struct reader *r, size_t len)
{
	const void *at = r->at;

	if (r->err || len > r->left) {
		r->err = r->err ? r->err : -EPROTO;
		return NULL;
	}
	r->at += len;
	r->left -= len;
	return at;
}

static uint8_t get_u8(struct reader *r)
{
	const uint8_t *p = take(r, 1);

	return p ? *p : 0;
}

static uint16_t get_u16(struct reader *r)
{
	const void *p = take(r, 2);
	uint16_t n = 0;

	if (p)
		memcpy(&n, p, sizeof(n));
	return le16toh(n);
}

static uint64_t get_u64(struct reader *r)
{
	const void *p = take(r, 8);
	uint64_t n = 0;

	if (p)
		memcpy(&n, p, sizeof(n));
	return le64toh(n);
}

static uint64_t get_varint(struct reader *r, uint64_t max)
{
	uint64_t n = 0;
	uint8_t byte;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		byte = get_u8(r);
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
		if (shift == 63)
			r->err = -EPROTO;
	}
	if (n > max)
		r->err = -EPROTO;
	return r->err ? 0 : n;
}

/* NULL only on error. */
static const char *get_string(struct reader *r, size_t *ret_len)
{
	size_t len = get_varint(r, r->left);
	const char *text = take(r, len + 1);

	if (!text)
		return NULL;
	if (text[len] || memchr(text, 0, len)) {
		r->err = -EPROTO;
		return NULL;
	}
	if (ret_len)
		*ret_len = len;
	return text;
}

/* The model's users own their strings elsewhere; here they borrow them. */
static char *borrow_string(struct reader *r)
{
	return (char *)get_string(r, NULL);
}

static void get_user(struct reader *r, struct user *u)
{
	uint16_t bits;

	*u = (struct user){ .id = get_u64(r) };
	bits = get_u16(r);
	u->discriminator = bits >> USER_BITS;
	u->bot = bits & USER_BOT;
	u->name = borrow_string(r);
	if (bits & USER_GLOBAL)
		u->global_name = borrow_string(r);
	if (bits & USER_AVATAR)
		u->avatar = borrow_string(r);
}

static void get_mentions(struct reader *r, struct message *m, uint32_t fields)
{
	if (fields & FIELD_MENTIONS)
		m->mention_count = get_varint(r, MESSAGE_MENTIONS_MAX);
	for (uint32_t i = 0; i < m->mention_count; i++)
		get_user(r, &m->mention[i]);
	if (fields & FIELD_ROLES)
		m->mention_role_count = get_varint(r, MESSAGE_MENTIONS_MAX);
	for (uint32_t i = 0; i < m->mention_role_count; i++)
		m->mention_role[i] = get_u64(r);
}

static void get_fields(struct reader *r, struct message *m, uint32_t fields)
{
	if (fields & FIELD_FLAGS)
		m->flags = (uint32_t)get_varint(r, UINT32_MAX);
	if (fields & FIELD_EDITED)
		m->edited_ms = get_varint(r, UINT64_MAX);
	if (fields & FIELD_WEBHOOK)
		m->webhook_id = get_u64(r);
	if (fields & FIELD_REFERENCE) {
		m->ref_message_id = get_u64(r);
		m->ref_channel_id = get_u64(r);
		m->ref_guild_id = get_u64(r);
	}
	get_mentions(r, m, fields);
	if (fields & FIELD_EMBEDS)
		m->embeds = get_string(r, NULL);
	if (fields & FIELD_ATTACHED)
		m->attachments = get_string(r, NULL);
	if (fields & FIELD_COMPONENTS)
		m->components = get_string(r, NULL);
}

static void set_bits(struct message *m, uint8_t bits)
{
	m->tts = bits & BIT_TTS;
	m->mention_everyone = bits & BIT_EVERYONE;
	m->pinned = bits & BIT_PINNED;
	m->reacted = bits & BIT_REACTED;
}

/* Everything but the two arrays, which only their counts make valid. */
static void clear(struct message *m)
{
	memset(m, 0, offsetof(struct message, mention));
}

int record_decode(struct message *m, const void *data, size_t size)
{
	struct reader r = { .at = data, .left = size };
	uint32_t fields;
	uint8_t bits;

	clear(m);
	if (get_u8(&r) != RECORD_VERSION)
		return r.err ? r.err : -ENOTSUP;
	m->type = get_u8(&r);
	bits = get_u8(&r);
	fields = (uint32_t)get_varint(&r, UINT32_MAX);
	if ((bits & ~BITS_KNOWN) || (fields & ~FIELDS_KNOWN))
		return -ENOTSUP;
	set_bits(m, bits);
	get_user(&r, &m->author);
	m->content = get_string(&r, &m->content_len);
	get_fields(&r, m, fields);
	if (!r.err && r.left)
		r.err = -EPROTO;
	return r.err;
}
