// SPDX-License-Identifier: Apache-2.0
#include "guild/reaction_set.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/mem.h"

#define ROW_VERSION 1

void reaction_set_init(struct reaction_set *s)
{
	s->count = 0;
}

static void emoji_fini(struct reaction_emoji *e)
{
	mem_free(e->name);
	mem_free(e->by);
}

void reaction_set_fini(struct reaction_set *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		emoji_fini(&s->emoji[i]);
	s->count = 0;
}

void reaction_set_free(struct reaction_set *s)
{
	if (s)
		reaction_set_fini(s);
	mem_free(s);
}

struct reaction_emoji *reaction_set_find(const struct reaction_set *s,
					 const char *name)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (!strcmp(s->emoji[i].name, name))
			return (struct reaction_emoji *)&s->emoji[i];
	return NULL;
}

/* The first index with a user id not below this one. */
static uint32_t position(const struct reaction_emoji *e, uint64_t user_id)
{
	uint32_t low = 0, high = e->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (e->by[mid].user_id < user_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has(const struct reaction_emoji *e, uint64_t user_id)
{
	uint32_t i = position(e, user_id);

	return i < e->count && e->by[i].user_id == user_id;
}

bool reaction_set_has(const struct reaction_set *s, const char *name,
		      uint64_t user_id)
{
	const struct reaction_emoji *e = reaction_set_find(s, name);

	return e && has(e, user_id);
}

bool reaction_set_has_user(const struct reaction_set *s, uint64_t user_id)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (has(&s->emoji[i], user_id))
			return true;
	return false;
}

static int new_emoji(struct reaction_set *s, const char *name,
		     struct reaction_emoji **ret)
{
	struct reaction_emoji *e;

	if (s->count == REACTION_EMOJI_MAX)
		return -ENOSPC;
	e = &s->emoji[s->count];
	*e = (struct reaction_emoji){ .name = mem_strdup(name),
				      .first_ms = UINT64_MAX };
	if (!e->name)
		return -ENOMEM;
	s->count++;
	*ret = e;
	return 0;
}

static int grow(struct reaction_emoji *e)
{
	uint32_t room = e->room ? e->room * 2 : 4;
	struct reactor *more;

	if (e->count < e->room)
		return 0;
	more = mem_realloc(e->by, room * sizeof(*more));
	if (!more)
		return -ENOMEM;
	e->by = more;
	e->room = room;
	return 0;
}

static void drop_emoji(struct reaction_set *s, struct reaction_emoji *e)
{
	uint32_t i = (uint32_t)(e - s->emoji);

	emoji_fini(e);
	s->count--;
	memmove(&s->emoji[i], &s->emoji[i + 1],
		(s->count - i) * sizeof(s->emoji[0]));
}

int reaction_set_add(struct reaction_set *s, const char *name,
		     uint64_t user_id, uint64_t ms)
{
	struct reaction_emoji *e = reaction_set_find(s, name);
	uint32_t i;
	int err;

	if (!e) {
		err = new_emoji(s, name, &e);
		if (err)
			return err;
	}
	if (has(e, user_id))
		return 0;
	err = grow(e);
	if (err) {
		if (!e->count)
			drop_emoji(s, e);
		return err;
	}
	i = position(e, user_id);
	memmove(&e->by[i + 1], &e->by[i], (e->count - i) * sizeof(e->by[0]));
	e->by[i] = (struct reactor){ user_id, ms };
	e->count++;
	if (ms < e->first_ms)
		e->first_ms = ms;
	return 0;
}

static uint64_t earliest(const struct reaction_emoji *e)
{
	uint64_t ms = UINT64_MAX;

	for (uint32_t i = 0; i < e->count; i++)
		if (e->by[i].ms < ms)
			ms = e->by[i].ms;
	return ms;
}

void reaction_set_del(struct reaction_set *s, const char *name,
		      uint64_t user_id)
{
	struct reaction_emoji *e = reaction_set_find(s, name);
	uint32_t i;

	if (!e || !has(e, user_id))
		return;
	i = position(e, user_id);
	e->count--;
	memmove(&e->by[i], &e->by[i + 1], (e->count - i) * sizeof(e->by[0]));
	if (e->count)
		e->first_ms = earliest(e);
	else
		drop_emoji(s, e);
}

void reaction_set_del_emoji(struct reaction_set *s, const char *name)
{
	struct reaction_emoji *e = reaction_set_find(s, name);

	if (e)
		drop_emoji(s, e);
}

int reaction_set_load(struct reaction_set *s, uint64_t user_id,
		      const void *row, size_t size)
{
	const uint8_t *at = row, *end = at + size;
	char name[REACTION_NAME_MAX + 1];
	uint64_t ms;
	int err = 0;

	if (!size || *at++ != ROW_VERSION)
		return -EPROTO;
	while (at < end && !err) {
		size_t len;

		if (end - at < 9)
			return -EPROTO;
		memcpy(&ms, at, sizeof(ms));
		len = at[8];
		at += 9;
		if (!len || len > REACTION_NAME_MAX ||
		    len > (size_t)(end - at) || memchr(at, 0, len))
			return -EPROTO;
		memcpy(name, at, len);
		name[len] = 0;
		at += len;
		err = reaction_set_add(s, name, user_id, le64toh(ms));
	}
	return err;
}

static void put_one(struct buf *b, const struct reaction_emoji *e,
		    uint64_t user_id)
{
	uint64_t ms = htole64(e->by[position(e, user_id)].ms);

	buf_append(b, &ms, sizeof(ms));
	buf_putc(b, (char)strlen(e->name));
	buf_puts(b, e->name);
}

int reaction_set_row(const struct reaction_set *s, uint64_t user_id,
		     struct blob **ret_row)
{
	struct buf b = BUF_INIT;

	*ret_row = NULL;
	if (!reaction_set_has_user(s, user_id))
		return 0;
	buf_putc(&b, ROW_VERSION);
	for (uint32_t i = 0; i < s->count; i++)
		if (has(&s->emoji[i], user_id))
			put_one(&b, &s->emoji[i], user_id);
	*ret_row = blob_from_buf(&b);
	buf_fini(&b);
	return *ret_row ? 0 : -ENOMEM;
}

uint32_t reaction_set_view(const struct reaction_set *s, uint64_t reader_id,
			   struct reaction_view view[REACTION_EMOJI_MAX])
{
	const struct reaction_emoji *sorted[REACTION_EMOJI_MAX];

	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t at = i;

		while (at && sorted[at - 1]->first_ms > s->emoji[i].first_ms) {
			sorted[at] = sorted[at - 1];
			at--;
		}
		sorted[at] = &s->emoji[i];
	}
	for (uint32_t i = 0; i < s->count; i++)
		view[i] = (struct reaction_view){
			.emoji = sorted[i]->name,
			.count = sorted[i]->count,
			.me = has(sorted[i], reader_id),
		};
	return s->count;
}
