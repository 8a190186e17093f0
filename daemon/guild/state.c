// SPDX-License-Identifier: Apache-2.0
#include "guild/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define CODE_SEED 0x696e76697465ull

void state_init(struct state *s)
{
	*s = (struct state){ 0 };
}

static void channel_free(struct state_channel *c)
{
	model_channel_fini(&c->channel);
	hmap_fini(&c->spoke_ms);
	mem_free(c);
}

static void role_free(struct role *r)
{
	model_role_fini(r);
	mem_free(r);
}

static void member_free(struct member *m)
{
	model_member_fini(m);
	mem_free(m);
}

static void ban_free(struct user *u)
{
	model_user_fini(u);
	mem_free(u);
}

static void invite_free(struct invite *i)
{
	model_invite_fini(i);
	mem_free(i);
}

static void webhook_free(struct webhook *w)
{
	model_webhook_fini(w);
	mem_free(w);
}

#define FREE_ALL(map, type, drop) do {					\
	size_t iter_ = 0;						\
	uint64_t value_;						\
	while (hmap_next(map, &iter_, NULL, &value_))			\
		drop((type *)(uintptr_t)value_);			\
	hmap_fini(map);							\
} while (0)

void state_fini(struct state *s)
{
	FREE_ALL(&s->channels, struct state_channel, channel_free);
	FREE_ALL(&s->roles, struct role, role_free);
	FREE_ALL(&s->members, struct member, member_free);
	FREE_ALL(&s->bans, struct user, ban_free);
	FREE_ALL(&s->invites, struct invite, invite_free);
	FREE_ALL(&s->webhooks, struct webhook, webhook_free);
	mem_free(s->sorted);
	model_guild_fini(&s->info);
}

/* A zeroed entry of `size` under key. */
static void *entry_new(struct hmap *map, uint64_t key, size_t size)
{
	void *entry = mem_zalloc(size);

	if (entry && hmap_set(map, key, (uintptr_t)entry)) {
		mem_free(entry);
		return NULL;
	}
	return entry;
}

static int take_slot(struct state *s, uint32_t *ret_slot)
{
	for (uint32_t i = 0; i < STATE_CHANNELS_MAX; i++) {
		if (s->slots[i / 64] >> (i % 64) & 1)
			continue;
		s->slots[i / 64] |= 1ull << (i % 64);
		*ret_slot = i;
		return 0;
	}
	return -ENOSPC;
}

static void give_slot(struct state *s, uint32_t slot)
{
	s->slots[slot / 64] &= ~(1ull << (slot % 64));
}

static int new_channel(struct state *s, struct channel *c)
{
	struct state_channel *entry;
	uint32_t slot;
	int err;

	err = take_slot(s, &slot);
	if (err)
		return err;
	entry = entry_new(&s->channels, c->id, sizeof(*entry));
	if (!entry) {
		give_slot(s, slot);
		return -ENOMEM;
	}
	entry->slot = slot;
	entry->channel = *c;
	return 0;
}

int state_put_channel(struct state *s, struct channel *c)
{
	struct state_channel *old = state_channel(s, c->id);

	if (!old)
		return new_channel(s, c);
	model_channel_fini(&old->channel);
	old->channel = *c;
	return 0;
}

int state_put_role(struct state *s, struct role *r)
{
	struct role *entry = state_role(s, r->id);

	if (entry)
		model_role_fini(entry);
	else
		entry = entry_new(&s->roles, r->id, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = *r;
	return 0;
}

int state_put_member(struct state *s, struct member *m)
{
	struct member *entry = state_member(s, m->user.id);

	if (entry) {
		model_member_fini(entry);
	} else {
		entry = entry_new(&s->members, m->user.id, sizeof(*entry));
		mem_free(s->sorted);
		s->sorted = NULL;
	}
	if (!entry)
		return -ENOMEM;
	*entry = *m;
	s->users++;
	return 0;
}

int state_put_ban(struct state *s, struct user *u)
{
	struct user *entry = state_ban(s, u->id);

	if (entry)
		model_user_fini(entry);
	else
		entry = entry_new(&s->bans, u->id, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = *u;
	return 0;
}

int state_put_invite(struct state *s, struct invite *i)
{
	struct invite *entry = state_invite(s, i->code);

	if (entry)
		model_invite_fini(entry);
	else
		entry = entry_new(&s->invites, state_code_key(i->code),
				  sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = *i;
	return 0;
}

int state_put_webhook(struct state *s, struct webhook *w)
{
	struct webhook *entry = state_webhook(s, w->id);

	if (entry)
		model_webhook_fini(entry);
	else
		entry = entry_new(&s->webhooks, w->id, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	*entry = *w;
	return 0;
}

void state_del_channel(struct state *s, uint64_t id)
{
	struct state_channel *c = state_channel(s, id);

	if (!c)
		return;
	hmap_del(&s->channels, id);
	give_slot(s, c->slot);
	channel_free(c);
}

static void drop_role(struct member *m, uint64_t id)
{
	for (uint32_t i = 0; i < m->role_count; i++) {
		if (m->role[i] != id)
			continue;
		m->role_count--;
		memmove(&m->role[i], &m->role[i + 1],
			(m->role_count - i) * sizeof(m->role[0]));
		return;
	}
}

static void drop_overwrite(struct channel *c, uint64_t id)
{
	for (uint32_t i = 0; i < c->overwrite_count; i++) {
		if (c->overwrite[i].id != id)
			continue;
		c->overwrite[i] = c->overwrite[--c->overwrite_count];
		return;
	}
}

void state_del_role(struct state *s, uint64_t id)
{
	struct role *r = state_role(s, id);
	uint64_t value;
	size_t iter = 0;

	if (!r)
		return;
	while (hmap_next(&s->members, &iter, NULL, &value))
		drop_role((struct member *)(uintptr_t)value, id);
	iter = 0;
	while (hmap_next(&s->channels, &iter, NULL, &value))
		drop_overwrite(&((struct state_channel *)(uintptr_t)value)
					->channel, id);
	hmap_del(&s->roles, id);
	role_free(r);
}

void state_del_member(struct state *s, uint64_t user_id)
{
	struct member *m = state_member(s, user_id);

	if (!m)
		return;
	hmap_del(&s->members, user_id);
	member_free(m);
	s->users++;
	mem_free(s->sorted);
	s->sorted = NULL;
}

void state_del_ban(struct state *s, uint64_t user_id)
{
	struct user *u = state_ban(s, user_id);

	if (!u)
		return;
	hmap_del(&s->bans, user_id);
	ban_free(u);
}

void state_del_invite(struct state *s, const char *code)
{
	struct invite *i = state_invite(s, code);

	if (!i)
		return;
	hmap_del(&s->invites, state_code_key(code));
	invite_free(i);
}

void state_del_webhook(struct state *s, uint64_t id)
{
	struct webhook *w = state_webhook(s, id);

	if (!w)
		return;
	hmap_del(&s->webhooks, id);
	webhook_free(w);
}

struct state_channel *state_channel(const struct state *s, uint64_t id)
{
	return hmap_get_ptr(&s->channels, id);
}

struct role *state_role(const struct state *s, uint64_t id)
{
	return hmap_get_ptr(&s->roles, id);
}

struct member *state_member(const struct state *s, uint64_t user_id)
{
	return hmap_get_ptr(&s->members, user_id);
}

struct user *state_ban(const struct state *s, uint64_t user_id)
{
	return hmap_get_ptr(&s->bans, user_id);
}

struct invite *state_invite(const struct state *s, const char *code)
{
	struct invite *i = hmap_get_ptr(&s->invites, state_code_key(code));

	return i && !strcmp(i->code, code) ? i : NULL;
}

struct webhook *state_webhook(const struct state *s, uint64_t id)
{
	return hmap_get_ptr(&s->webhooks, id);
}

uint64_t state_code_key(const char *code)
{
	return hash_bytes(code, strlen(code), CODE_SEED);
}

static int by_user(const void *a, const void *b)
{
	uint64_t x = (*(struct member *const *)a)->user.id;
	uint64_t y = (*(struct member *const *)b)->user.id;

	return x < y ? -1 : x > y;
}

struct member *const *state_sorted(struct state *s)
{
	size_t iter = 0, n = 0;
	uint64_t value;

	if (s->sorted)
		return s->sorted;
	s->sorted = mem_alloc((s->members.count + 1) * sizeof(*s->sorted));
	if (!s->sorted)
		return NULL;
	while (hmap_next(&s->members, &iter, NULL, &value))
		s->sorted[n++] = (struct member *)(uintptr_t)value;
	qsort(s->sorted, n, sizeof(*s->sorted), by_user);
	return s->sorted;
}

size_t state_sorted_after(struct state *s, uint64_t after)
{
	struct member *const *all = state_sorted(s);
	size_t low = 0, high = all ? s->members.count : 0;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (all[mid]->user.id <= after)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint64_t held(const struct state *s, const struct member *m)
{
	const struct role *r = state_role(s, s->info.id);
	uint64_t bits = r ? r->permissions : 0;

	for (uint32_t i = 0; i < m->role_count; i++) {
		r = state_role(s, m->role[i]);
		if (r)
			bits |= r->permissions;
	}
	return bits;
}

static bool subject(const struct state *s, uint64_t user_id, uint64_t now_ms,
		    struct perm_member *ret)
{
	const struct member *m = state_member(s, user_id);

	if (!m)
		return false;
	*ret = (struct perm_member){
		.user_id = user_id,
		.guild_id = s->info.id,
		.is_owner = user_id == s->info.owner_id,
		.is_timed_out = m->timeout_until_ms > now_ms,
		.held = held(s, m),
		.role = m->role,
		.role_count = m->role_count,
	};
	return true;
}

uint64_t state_perms(const struct state *s, uint64_t user_id, uint64_t now_ms)
{
	struct perm_member m;

	return subject(s, user_id, now_ms, &m) ? perm_in_guild(&m) : 0;
}

static bool is_voice(const struct channel *c)
{
	return c->type == CHANNEL_VOICE || c->type == CHANNEL_STAGE;
}

/* A timeout keeps the member silent, not out. */
static bool may_connect(const struct perm_member *m, const struct channel *c)
{
	struct perm_member heard = *m;

	heard.is_timed_out = false;
	return perm_in_channel(&heard, c->overwrite, c->overwrite_count) &
	       PERM_CONNECT;
}

uint64_t state_channel_perms(const struct state *s,
			     const struct state_channel *c, uint64_t user_id,
			     uint64_t now_ms)
{
	struct perm_member m;
	uint64_t perms;

	if (!subject(s, user_id, now_ms, &m))
		return 0;
	if (c->channel.type == CHANNEL_DIRECT)
		return PERM_DIRECT;
	perms = perm_in_channel(&m, c->channel.overwrite,
				c->channel.overwrite_count);
	/* Who may not enter such a channel sees that it is there. */
	if (is_voice(&c->channel) && !may_connect(&m, &c->channel))
		perms &= PERM_VIEW_CHANNEL;
	return perms;
}

int32_t state_top_position(const struct state *s, uint64_t user_id)
{
	const struct member *m = state_member(s, user_id);
	int32_t top = 0;

	if (user_id == s->info.owner_id)
		return INT32_MAX;
	for (uint32_t i = 0; m && i < m->role_count; i++) {
		const struct role *r = state_role(s, m->role[i]);

		if (r && r->position > top)
			top = r->position;
	}
	return top;
}
