// SPDX-License-Identifier: Apache-2.0
/* Members: those that the directory brings, and their events. */
#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "guild/directory_impl.h"
#include "guild/guild_impl.h"
#include "guild/guild_member.h"
#include "proto/intent.h"
#include "proto/json.h"

static struct blob *member_payload(struct guild *g, const char *event,
				   const struct member *m)
{
	struct event e;

	event_open(&e, event);
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key(&e.w, "user");
	json_user(&e.w, &m->user);
	json_member_keys(&e.w, m);
	jsonw_end(&e.w);
	return event_close(&e);
}

void member_event_add(struct guild *g, const struct member *m)
{
	struct relay_target to = event_to_all;

	to.intents = INTENT_GUILD_MEMBERS;
	event_publish(g, &to, member_payload(g, "GUILD_MEMBER_ADD", m));
}

/* Whoever watches members hears of it, and the member itself always does. */
void member_event_update(struct guild *g, const struct member *m)
{
	struct relay_target to = event_to_all;

	to.intents = INTENT_GUILD_MEMBERS;
	event_publish(g, &to, member_payload(g, "GUILD_MEMBER_UPDATE", m));
	to.intents = 0;
	to.without = INTENT_GUILD_MEMBERS;
	to.user_id = m->user.id;
	event_publish(g, &to, member_payload(g, "GUILD_MEMBER_UPDATE", m));
}

void member_event_remove(struct guild *g, const struct user *u)
{
	struct relay_target to = event_to_all;
	struct event e;

	to.intents = INTENT_GUILD_MEMBERS;
	event_open(&e, "GUILD_MEMBER_REMOVE");
	jsonw_obj(&e.w);
	jsonw_key_id(&e.w, "guild_id", g->arg.guild_id);
	jsonw_key(&e.w, "user");
	json_user(&e.w, u);
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
}

void guild_index(struct guild *g, enum dir_index_kind kind, uint64_t key,
		 bool add)
{
	struct dir_index_msg *m;

	m = ACTOR_MSG_NEW(struct dir_index_msg, DIR_INDEX);
	if (!m) {
		log_error("guild", "index_lost", "guild=%llu key=%llu",
			  (unsigned long long)g->arg.guild_id,
			  (unsigned long long)key);
		return;
	}
	m->guild_id = g->arg.guild_id;
	m->kind = kind;
	m->key = key;
	m->add = add;
	actor_send(g->self, g->arg.directory, &m->head);
}

int guild_add_member(struct guild *g, const struct user *user)
{
	const struct member m = { .user = *user,
				  .joined_ms = guild_now_ms(g) };
	struct member copy;
	int err;

	err = model_member_copy(&copy, &m);
	if (err)
		return err;
	err = state_put_member(&g->state, &copy);
	if (err) {
		model_member_fini(&copy);
		return err;
	}
	guild_index(g, DIR_INDEX_MEMBER, user->id, true);
	roster_user_changed(g, user->id);
	member_event_add(g, state_member(&g->state, user->id));
	return 0;
}

void guild_member_new(struct guild *g, struct actor_msg *msg)
{
	const struct user *u = &((struct dir_user_msg *)msg)->user;

	if (!state_member(&g->state, u->id) && guild_add_member(g, u))
		log_error("guild", "member_lost", "guild=%llu user=%llu",
			  (unsigned long long)g->arg.guild_id,
			  (unsigned long long)u->id);
}

void guild_user_changed(struct guild *g, struct actor_msg *msg)
{
	const struct user *u = &((struct dir_user_msg *)msg)->user;
	struct member *m = state_member(&g->state, u->id);
	struct user copy;

	if (!m || model_user_copy(&copy, u))
		return;
	model_user_fini(&m->user);
	m->user = copy;
	guild_create_forget_member(g, u->id);
	roster_user_changed(g, u->id);
	g->state.users++;
	if (!g->arg.direct)
		member_event_update(g, m);
}
