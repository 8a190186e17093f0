// SPDX-License-Identifier: Apache-2.0
/*
 * Direct channels: who talks to whom, the actor of each that is in use, and
 * what these tell the sessions of the two.
 *
 * An actor goes when as many calls as were sent to it have come, and it has
 * nothing under way: a channel never has two of them.  One that was restarted
 * has forgotten how many came, and stays.
 */
#include <errno.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/directory_state.h"
#include "proto/intent.h"
#include "proto/json.h"
#include "proto/session.h"

/* --- the table --- */

struct dir_direct *dir_direct(const struct directory *d, uint64_t id)
{
	return hmap_get_ptr(&d->directs, id);
}

static bool is_of(const struct dir_direct *dm, uint64_t user_id)
{
	return dm->is.user_id[0] == user_id || dm->is.user_id[1] == user_id;
}

struct dir_direct *dir_direct_of(const struct dir_entry *a,
				 const struct dir_entry *b)
{
	const struct dir_entry *fewer =
		a->direct_count < b->direct_count ? a : b;
	uint64_t other = fewer == a ? b->user.id : a->user.id;

	for (uint32_t i = 0; i < fewer->direct_count; i++)
		if (is_of(fewer->direct[i], other))
			return fewer->direct[i];
	return NULL;
}

static int add_to(struct directory *d, uint64_t user_id, struct dir_direct *dm)
{
	struct dir_entry *e = dir_user(d, user_id);
	struct dir_direct **list;

	if (!e)
		return -ENOENT;
	list = mem_realloc(e->direct, (e->direct_count + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	e->direct = list;
	list[e->direct_count++] = dm;
	return 0;
}

int dir_direct_add(struct directory *d, const struct direct *is)
{
	struct dir_direct *dm = dir_direct(d, is->id);
	int err;

	if (dm)
		return 0;
	dm = mem_zalloc(sizeof(*dm));
	if (!dm)
		return -ENOMEM;
	dm->is = *is;
	dm->ref = ACTOR_NOBODY;
	if (hmap_set(&d->directs, is->id, (uintptr_t)dm)) {
		mem_free(dm);
		return -ENOMEM;
	}
	err = add_to(d, is->user_id[0], dm);
	return err ? err : add_to(d, is->user_id[1], dm);
}

void dir_direct_fini(struct directory *d)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&d->directs, &iter, NULL, &value))
		mem_free((struct dir_direct *)(uintptr_t)value);
	hmap_fini(&d->directs);
	hmap_fini(&d->direct_refs);
}

uint64_t *dir_direct_open_from(struct dir_direct *dm, uint64_t user_id)
{
	return &dm->is.open_from[dm->is.user_id[1] == user_id];
}

bool dir_direct_is_open(const struct dir_direct *dm, uint64_t user_id)
{
	/* Where the newest is not known the user had better look. */
	return !dm->newest_known || dm->newest_id >=
	       dm->is.open_from[dm->is.user_id[1] == user_id];
}

/* Both lists ascend. */
static bool share_guild(const struct dir_entry *a, const struct dir_entry *b)
{
	uint32_t i = 0, j = 0;

	while (i < a->guild_count && j < b->guild_count) {
		if (a->guild[i] == b->guild[j])
			return true;
		if (a->guild[i] < b->guild[j])
			i++;
		else
			j++;
	}
	return false;
}

bool dir_direct_allowed(const struct dir_entry *a, const struct dir_entry *b)
{
	return !(a->user.bot && b->user.bot) && share_guild(a, b);
}

static const struct dir_entry *partner(const struct directory *d,
				       const struct dir_direct *dm,
				       uint64_t user_id)
{
	return dir_user(d, dm->is.user_id[dm->is.user_id[0] == user_id]);
}

/* --- its actor --- */

static int start_actor(struct directory *d, struct dir_direct *dm)
{
	int err = dir_spawn_guild(d, dm->is.id, true, &dm->ref);

	if (!err)
		err = hmap_set(&d->direct_refs, dm->ref.bits, dm->is.id);
	if (err)
		dm->ref = ACTOR_NOBODY;
	dm->sent = 0;
	return err;
}

enum error_code dir_direct_call(struct directory *d, struct dir_direct *dm,
				struct rest_msg *call)
{
	if (!is_of(dm, call->actor_id))
		return ERROR_MISSING_ACCESS;
	if (call->kind == REST_CHANNEL_DELETE)
		return dir_rest_direct_close(d, call);
	if (call->kind == REST_MESSAGE_CREATE &&
	    !dir_direct_allowed(dir_user(d, call->actor_id),
				partner(d, dm, call->actor_id)))
		return ERROR_CANNOT_DIRECT;
	if (actor_ref_is_nobody(dm->ref) && start_actor(d, dm))
		return ERROR_OVERLOADED;
	dm->sent++;
	return actor_forward(d->self, dm->ref, &call->head) ?
		       ERROR_OVERLOADED : ERROR_NONE;
}

static void forget_actor(struct directory *d, struct dir_direct *dm)
{
	hmap_del(&d->direct_refs, dm->ref.bits);
	dm->ref = ACTOR_NOBODY;
}

bool dir_direct_exit(struct directory *d, actor_ref ref, int reason)
{
	uint64_t id;

	if (!hmap_get(&d->direct_refs, ref.bits, &id))
		return false;
	log_error("directory", "direct_ended", "direct=%llu reason=%d",
		  (unsigned long long)id, reason);
	forget_actor(d, dir_direct(d, id));
	return true;
}

void dir_direct_idle(struct directory *d, struct actor_msg *msg)
{
	const struct dir_direct_msg *m = (struct dir_direct_msg *)msg;
	struct dir_direct *dm = dir_direct(d, m->channel_id);

	if (!dm || !actor_ref_eq(dm->ref, msg->from) || dm->sent != m->calls)
		return;
	actor_stop(d->self, dm->ref);
	forget_actor(d, dm);
}

/* --- what it tells --- */

void dir_direct_json(const struct directory *d, struct jsonw *w,
		     const struct dir_direct *dm, uint64_t reader_id)
{
	const struct channel c = { .id = dm->is.id,
				   .last_message_id = dm->newest_id };

	json_direct(w, &c, &partner(d, dm, reader_id)->user);
}

static void tell(struct directory *d, uint64_t user_id, uint32_t intents,
		 struct blob *payload)
{
	const struct dir_entry *e = dir_user(d, user_id);

	for (uint32_t i = 0; payload && i < e->session_count; i++) {
		struct session_direct_msg *m;

		m = ACTOR_MSG_NEW(struct session_direct_msg, SESSION_DIRECT);
		if (!m) {
			log_error("directory", "event_lost", "user=%llu",
				  (unsigned long long)user_id);
			continue;
		}
		m->intents = intents;
		m->payload = blob_get(payload);
		actor_send(d->self, e->session[i].ref, &m->head);
	}
}

void dir_direct_announce(struct directory *d, const struct dir_direct *dm,
			 uint64_t user_id, const char *event)
{
	struct buf buf = BUF_INIT;
	struct blob *payload;
	struct jsonw w;

	/* Bots are not told: they hear of messages, and know the channel. */
	if (dir_user(d, user_id)->user.bot)
		return;
	buf_printf(&buf, ",\"t\":\"%s\",\"op\":0,\"d\":", event);
	jsonw_init(&w, &buf);
	dir_direct_json(d, &w, dm, user_id);
	buf_putc(&buf, '}');
	payload = blob_from_buf(&buf);
	buf_fini(&buf);
	tell(d, user_id, INTENT_DIRECT_MESSAGES, payload);
	blob_put(payload);
}

static void raise_newest(struct dir_direct *dm, uint64_t newest_id)
{
	dm->newest_known = true;
	if (newest_id > dm->newest_id)
		dm->newest_id = newest_id;
}

void dir_direct_newest(struct directory *d, struct actor_msg *msg)
{
	const struct dir_direct_msg *m = (struct dir_direct_msg *)msg;
	struct dir_direct *dm = dir_direct(d, m->channel_id);

	if (dm)
		raise_newest(dm, m->newest_id);
}

void dir_direct_event(struct directory *d, struct actor_msg *msg)
{
	const struct dir_direct_msg *m = (struct dir_direct_msg *)msg;
	struct dir_direct *dm = dir_direct(d, m->channel_id);
	bool was_open[2];

	if (!dm)
		return;
	for (int i = 0; i < 2; i++)
		was_open[i] = dir_direct_is_open(dm, dm->is.user_id[i]);
	raise_newest(dm, m->newest_id);
	for (int i = 0; i < 2; i++) {
		uint64_t user_id = dm->is.user_id[i];

		if (m->user_id && m->user_id != user_id)
			continue;
		if (!was_open[i] && dir_direct_is_open(dm, user_id))
			dir_direct_announce(d, dm, user_id, "CHANNEL_CREATE");
		tell(d, user_id, m->intents, m->payload);
	}
}
