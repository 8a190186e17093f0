// SPDX-License-Identifier: Apache-2.0
/* From IDENTIFY to the last GUILD_CREATE: a session's place among those of its
 * core that open at the same time. */
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "gateway/admission.h"
#include "gateway/session_impl.h"
#include "proto/directory.h"
#include "proto/intent.h"

struct admit {
	struct admission_place place;
	struct actor_system *sys;
	actor_ref session;
	uint32_t guild_count;	/* of guilds whose GUILD_CREATE is to come */
	uint64_t *guild;
	char token[REST_TOKEN_MAX];
};

void session_admitted(void *ctx, struct admission_place *place)
{
	const struct admit *admit = list_entry(place, struct admit, place);
	struct actor_msg *msg = actor_msg_new(SESSION_ADMITTED, sizeof(*msg));

	(void)ctx;
	/* Without memory it is overdue in a while, and its client tries again. */
	if (msg)
		actor_system_send(admit->sys, admit->session, msg);
}

static int ask_directory(struct actor *self, struct session *s)
{
	struct dir_session_open_msg *msg =
		ACTOR_MSG_NEW(struct dir_session_open_msg, DIR_SESSION_OPEN);

	if (!msg)
		return -CLOSE_UNKNOWN;
	memcpy(msg->token, s->admit->token, sizeof(msg->token));
	explicit_bzero(s->admit->token, sizeof(s->admit->token));
	return actor_send(self, actor_lookup(actor_system_of(self),
					     DIRECTORY_NAME), &msg->head) ?
	       -CLOSE_UNKNOWN : 0;
}

int session_admit(struct actor *self, struct session *s, const char *token)
{
	struct admit *admit = mem_zalloc(sizeof(*admit));

	if (!admit)
		return -CLOSE_UNKNOWN;
	check(!s->admit);
	s->admit = admit;
	admit->sys = actor_system_of(self);
	admit->session = actor_self(self);
	strcpy(admit->token, token);
	if (!admission_enter(s->admission, &admit->place, actor_now_ns(self)))
		return 0;
	return ask_directory(self, s);
}

int session_admit_go_on(struct actor *self, struct session *s)
{
	return s->admit && s->phase == SESSION_OPENING ?
	       ask_directory(self, s) : 0;
}

void session_admit_expect(struct session *s)
{
	struct admit *admit = s->admit;

	if (!admit || !(s->intents & INTENT_GUILDS) || !s->guild_count)
		return;
	/* Without memory none is waited for. */
	admit->guild = mem_alloc(s->guild_count * sizeof(*admit->guild));
	for (uint32_t i = 0; admit->guild && i < s->guild_count; i++)
		admit->guild[admit->guild_count++] = s->guild[i].id;
}

void session_admit_guild(struct session *s, uint64_t guild_id)
{
	struct admit *admit = s->admit;

	for (uint32_t i = 0; admit && i < admit->guild_count; i++)
		if (admit->guild[i] == guild_id)
			admit->guild[i] = admit->guild[--admit->guild_count];
}

void session_admit_leave(struct actor *self, struct session *s)
{
	struct admit *admit = s->admit;

	if (!admit)
		return;
	s->admit = NULL;
	admission_leave(s->admission, &admit->place, actor_now_ns(self));
	explicit_bzero(admit->token, sizeof(admit->token));
	mem_free(admit->guild);
	mem_free(admit);
}

void session_admit_check(struct actor *self, struct session *s)
{
	if (s->admit && s->phase == SESSION_LIVE && !s->admit->guild_count &&
	    !journal_unsent(&s->journal))
		session_admit_leave(self, s);
}
