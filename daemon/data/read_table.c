// SPDX-License-Identifier: Apache-2.0
#include "data/read_table.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"

#define SLOTS_MIN 4u
#define ROOM_MIN 4u

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "images are copies of memory");

/* count == 0: the slot is free. */
struct read_user {
	uint64_t user;
	struct read_state *state;
	uint32_t count;
	uint32_t room;
};

/* Before the states of a user in an image. */
struct image_user {
	uint64_t user;
	uint32_t count;
} __attribute__((packed));

void read_table_init(struct read_table *t)
{
	memset(t, 0, sizeof(*t));
	t->bytes = sizeof(*t);
}

void read_table_fini(struct read_table *t)
{
	for (uint32_t p = 0; p < READ_TABLE_PARTS; p++) {
		struct read_part *part = &t->part[p];

		for (uint32_t i = 0; part->slot && i <= part->mask; i++)
			mem_free(part->slot[i].state);
		mem_free(part->slot);
	}
	read_table_init(t);
}

/* The low bits pick the part, the high ones the slot in it. */
static struct read_part *part_of(const struct read_table *t, uint64_t hash)
{
	return (struct read_part *)&t->part[hash % READ_TABLE_PARTS];
}

/* Where the user is, or would be.  There is always a free slot. */
static struct read_user *probe(const struct read_part *part, uint64_t user,
			       uint64_t hash)
{
	uint32_t i = (uint32_t)(hash >> 32) & part->mask;

	while (part->slot[i].count && part->slot[i].user != user)
		i = (i + 1) & part->mask;
	return &part->slot[i];
}

static int part_grow(struct read_table *t, struct read_part *part)
{
	uint32_t old = part->slot ? part->mask + 1 : 0;
	uint32_t slots = old ? 2 * old : SLOTS_MIN;
	struct read_part next = { .mask = slots - 1, .users = part->users };

	next.slot = mem_zalloc(slots * sizeof(*next.slot));
	if (!next.slot)
		return -ENOMEM;
	for (uint32_t i = 0; i < old; i++) {
		const struct read_user *u = &part->slot[i];

		if (u->count)
			*probe(&next, u->user, hash_u64(u->user)) = *u;
	}
	mem_free(part->slot);
	*part = next;
	t->bytes += (slots - old) * sizeof(*next.slot);
	return 0;
}

/* The index of the first state that is not below `channel`. */
static uint32_t lower(const struct read_user *u, uint64_t channel)
{
	uint32_t low = 0, high = u->count;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (u->state[mid].channel < channel)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* By an eighth: many users with some slack cost more than a few copies. */
static int user_grow(struct read_table *t, struct read_user *u)
{
	uint32_t room = u->room ? u->room + u->room / 8 + 1 : ROOM_MIN;
	struct read_state *state;

	state = mem_realloc(u->state, room * sizeof(*state));
	if (!state)
		return -ENOMEM;
	t->bytes += (room - u->room) * sizeof(*state);
	u->state = state;
	u->room = room;
	return 0;
}

static int insert(struct read_table *t, struct read_user *u, uint32_t at,
		  const struct read_state *state)
{
	int err;

	if (u->count == READ_STATES_PER_USER)
		return -ENOSPC;
	err = u->count == u->room ? user_grow(t, u) : 0;
	if (err)
		return err;
	memmove(&u->state[at + 1], &u->state[at],
		(u->count - at) * sizeof(*state));
	u->state[at] = *state;
	u->count++;
	t->states++;
	return 0;
}

/* Takes what *u holds; there is no such user. */
static int put_user(struct read_table *t, const struct read_user *u,
		    uint64_t hash)
{
	struct read_part *part = part_of(t, hash);
	int err = 0;

	/* At most 3/4 full. */
	if (!part->slot || 4 * (part->users + 1) > 3 * (part->mask + 1))
		err = part_grow(t, part);
	if (err)
		return err;
	*probe(part, u->user, hash) = *u;
	part->users++;
	t->users++;
	return 0;
}

static int add_user(struct read_table *t, uint64_t user, uint64_t hash,
		    const struct read_state *state)
{
	struct read_user fresh = { .user = user };
	int err = insert(t, &fresh, 0, state);

	if (!err)
		err = put_user(t, &fresh, hash);
	if (err && fresh.state) {
		t->states--;
		t->bytes -= fresh.room * sizeof(*state);
		mem_free(fresh.state);
	}
	return err;
}

/*
 * Frees a slot.  What lies behind it, up to the next free one, moves up where
 * a search for it would pass by: so there are no marks of those who have gone.
 */
static void close_gap(struct read_part *part, struct read_user *gone)
{
	uint32_t gap = (uint32_t)(gone - part->slot), i = gap;

	for (;;) {
		const struct read_user *u;
		uint32_t home;

		i = (i + 1) & part->mask;
		u = &part->slot[i];
		if (!u->count)
			break;
		home = (uint32_t)(hash_u64(u->user) >> 32) & part->mask;
		if (((i - home) & part->mask) < ((i - gap) & part->mask))
			continue;
		part->slot[gap] = *u;
		gap = i;
	}
	part->slot[gap] = (struct read_user){ 0 };
}

static void drop_user(struct read_table *t, struct read_user *u, uint64_t hash)
{
	struct read_part *part = part_of(t, hash);

	t->bytes -= u->room * sizeof(*u->state);
	t->users--;
	part->users--;
	mem_free(u->state);
	close_gap(part, u);
}

static void drop_state(struct read_table *t, struct read_user *u, uint32_t at,
		       uint64_t hash)
{
	u->count--;
	t->states--;
	memmove(&u->state[at], &u->state[at + 1],
		(u->count - at) * sizeof(*u->state));
	if (!u->count)
		drop_user(t, u, hash);
}

static struct read_user *find_user(const struct read_table *t, uint64_t user)
{
	uint64_t hash = hash_u64(user);
	const struct read_part *part = part_of(t, hash);
	struct read_user *u;

	if (!part->slot)
		return NULL;
	u = probe(part, user, hash);
	return u->count ? u : NULL;
}

int read_table_set(struct read_table *t, uint64_t user,
		   const struct read_state *state)
{
	bool is_nothing = !state->last && !state->mentions;
	struct read_user *u = find_user(t, user);
	uint64_t hash = hash_u64(user);
	uint32_t at;

	if (!u)
		return is_nothing ? 0 : add_user(t, user, hash, state);
	at = lower(u, state->channel);
	if (at == u->count || u->state[at].channel != state->channel)
		return is_nothing ? 0 : insert(t, u, at, state);
	if (is_nothing)
		drop_state(t, u, at, hash);
	else
		u->state[at] = *state;
	return 0;
}

static const struct read_state *state_of(const struct read_user *u,
					 uint64_t channel)
{
	uint32_t at = lower(u, channel);

	return at < u->count && u->state[at].channel == channel ?
	       &u->state[at] : NULL;
}

const struct read_state *read_table_get(const struct read_table *t,
					uint64_t user, uint64_t channel)
{
	const struct read_user *u = find_user(t, user);

	return u ? state_of(u, channel) : NULL;
}

uint32_t read_table_find(const struct read_table *t, uint32_t part,
			 uint64_t channel, uint64_t *ret_user, uint32_t max)
{
	const struct read_part *p = &t->part[part];
	uint32_t n = 0;

	for (uint32_t i = 0; p->slot && i <= p->mask && n < max; i++)
		if (p->slot[i].count && state_of(&p->slot[i], channel))
			ret_user[n++] = p->slot[i].user;
	return n;
}

const struct read_state *read_table_user(const struct read_table *t,
					 uint64_t user, uint32_t *ret_count)
{
	const struct read_user *u = find_user(t, user);

	*ret_count = u ? u->count : 0;
	return u ? u->state : NULL;
}

void read_table_dump(const struct read_table *t, uint32_t part,
		     struct buf *out)
{
	const struct read_part *p = &t->part[part];

	for (uint32_t i = 0; p->slot && i <= p->mask; i++) {
		const struct read_user *u = &p->slot[i];
		const struct image_user head = { u->user, u->count };

		if (!u->count)
			continue;
		buf_append(out, &head, sizeof(head));
		buf_append(out, u->state, u->count * sizeof(*u->state));
	}
}

static bool is_ascending(const struct read_state *state, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++)
		if (state[i - 1].channel >= state[i].channel)
			return false;
	return true;
}

/* A user that is not there yet, in one go.  -EPROTO: not ascending. */
static int load_new_user(struct read_table *t, const struct image_user *head,
			 const uint8_t *states)
{
	uint64_t hash = hash_u64(head->user);
	size_t size = head->count * sizeof(struct read_state);
	struct read_user u = { head->user, mem_alloc(size), head->count,
			       head->count };
	int err = u.state ? 0 : -ENOMEM;

	if (err)
		return err;
	memcpy(u.state, states, size);
	if (!is_ascending(u.state, u.count))
		err = -EPROTO;
	if (!err)
		err = put_user(t, &u, hash);
	if (err) {
		mem_free(u.state);
		return err;
	}
	t->states += u.count;
	t->bytes += size;
	return 0;
}

static int load_user(struct read_table *t, const struct image_user *head,
		     const uint8_t *states)
{
	struct read_state state;
	int err = 0;

	if (!find_user(t, head->user))
		return load_new_user(t, head, states);
	for (uint32_t i = 0; !err && i < head->count; i++) {
		memcpy(&state, states + i * sizeof(state), sizeof(state));
		err = read_table_set(t, head->user, &state);
	}
	return err;
}

int read_table_load(struct read_table *t, const void *data, size_t size)
{
	const uint8_t *at = data;
	struct image_user head;
	int err = 0;

	while (!err && size) {
		if (size < sizeof(head))
			return -EPROTO;
		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		size -= sizeof(head);
		if (!head.count || head.count > READ_STATES_PER_USER ||
		    size / sizeof(struct read_state) < head.count)
			return -EPROTO;
		err = load_user(t, &head, at);
		at += head.count * sizeof(struct read_state);
		size -= head.count * sizeof(struct read_state);
	}
	/* More than a user may have: no image of ours. */
	return err == -ENOSPC ? -EPROTO : err;
}
