// SPDX-License-Identifier: Apache-2.0
/*
 * Users that leave a guild and come back, over and over, with the real
 * directory, catalog, guild and relays.  The sessions are models of the
 * gateway's: they keep to proto/session.h, but are slow to act, so that what
 * they answer comes when the next has already happened.
 *
 * What must hold for every seed:
 *	- a session is told that the guild is there and that it is gone in turns;
 *	- in the end it was last told, and knows, what is so.
 *
 *	guild_member_sim [FIRST [COUNT]]	environment: SEEDS
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "guild/guild.h"
#include "os/env.h"
#include "os/sim.h"
#include "proto/directory.h"
#include "proto/guild.h"
#include "proto/intent.h"
#include "proto/rest.h"
#include "proto/session.h"

#include "../unit/one_guild.h"
#include "guild_start.h"
#include "no_messages.h"
#include "seeds.h"

#define CORES 3

#define USERS 4
#define SESSIONS (2 * USERS)
#define MOVES 16		/* of each user */
#define SLOW_NS 20000000u	/* a session acts within, where it is slow */
#define SECOND_NS 1000000000ull
#define CODE "come-in"

struct session_log {
	bool told;		/* the guild is there */
	bool knows;		/* the session has it in its list */
	unsigned int turns;	/* how often it was told something */
};

static struct world {
	struct rng rng;
	struct session_log session[SESSIONS];
	bool member[USERS];
	unsigned int moves;
	bool slow;
	const char *wrong;	/* the first thing that did not hold */
} world;

static void expect(bool holds, const char *what)
{
	if (!holds && !world.wrong)
		world.wrong = what;
}

static void token_of(unsigned int user, char *ret, size_t size)
{
	snprintf(ret, size, "token-%u", user);
}

/* --- sessions --- */

struct session {
	unsigned int index;
	uint64_t user_id;
	struct actor_msg *first, **tail;	/* not acted upon yet */
};

static int session_start(struct actor *self, void *state, const void *arg)
{
	struct dir_session_open_msg *m =
		ACTOR_MSG_NEW(struct dir_session_open_msg, DIR_SESSION_OPEN);
	struct session *s = state;

	s->index = *(const unsigned int *)arg;
	s->tail = &s->first;
	token_of(s->index % USERS, m->token, sizeof(m->token));
	return actor_send(self, actor_lookup(actor_system_of(self),
					     DIRECTORY_NAME), &m->head);
}

static void join(struct actor *self, const struct session *s, actor_ref guild)
{
	struct guild_join_msg *m = ACTOR_MSG_NEW(struct guild_join_msg,
						 GUILD_JOIN);

	m->user_id = s->user_id;
	m->intents = INTENT_GUILDS;
	m->core = (uint16_t)actor_core(self);
	m->large_threshold = 50;
	actor_send(self, guild, &m->head);
	world.session[s->index].knows = true;
}

static void told(struct session_log *log, const struct blob *payload)
{
	bool there;

	if (strstr((const char *)payload->data, "\"GUILD_CREATE\""))
		there = true;
	else if (strstr((const char *)payload->data, "\"GUILD_DELETE\""))
		there = false;
	else
		return;
	expect(log->told != there, there ? "a guild that is there comes again" :
					   "a guild that is gone goes again");
	log->told = there;
	log->turns++;
}

static void act(struct actor *self, struct session *s, struct actor_msg *msg)
{
	const struct dir_session_reply_msg *reply = (void *)msg;
	const struct session_guild_msg *guild = (void *)msg;
	const struct session_events_msg *events = (void *)msg;

	switch (msg->type) {
	case DIR_SESSION_OPEN_REPLY:
		check(!reply->error && reply->guild_count == 1);
		s->user_id = reply->user_id;
		join(self, s, reply->guild[0].ref);
		break;
	case SESSION_GUILD_ADD:
		join(self, s, guild->guild);
		break;
	case SESSION_GUILD_REMOVE:
		world.session[s->index].knows = false;
		break;
	case SESSION_EVENTS:
		for (uint32_t i = 0; i < events->count; i++)
			told(&world.session[s->index], events->payload[i]);
		break;
	case SESSION_CLOSE:
		expect(false, "nobody is closed for nothing");
		break;
	}
}

static void act_on_first(struct actor *self, struct session *s)
{
	struct actor_msg *msg = s->first;

	s->first = msg->next;
	if (!s->first)
		s->tail = &s->first;
	act(self, s, msg);
	actor_msg_free(msg);
}

static void drop_all(struct session *s)
{
	while (s->first) {
		struct actor_msg *msg = s->first;

		s->first = msg->next;
		actor_msg_free(msg);
	}
}

static int session_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	struct session *s = state;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == ACTOR_MSG_TIMER) {
		act_on_first(self, s);
	} else if (!world.slow) {
		act(self, s, msg);
		return 0;
	} else {
		actor_msg_take(self, msg);
		msg->next = NULL;
		*s->tail = msg;
		s->tail = &msg->next;
		if (s->first != msg)
			return 0;
	}
	if (s->first)
		actor_timer_start(self, 1 + rng_below(&world.rng, SLOW_NS), 0);
	return 0;
}

static void session_stop(struct actor *self, void *state, int reason)
{
	(void)self;
	(void)reason;
	drop_all(state);
}

static const struct actor_class session_class = {
	.name = "session", .state_size = sizeof(struct session),
	.start = session_start, .handle = session_handle, .stop = session_stop,
};

/* --- users --- */

struct mover {
	unsigned int user, moves;
};

static int mover_start(struct actor *self, void *state, const void *arg)
{
	((struct mover *)state)->user = *(const unsigned int *)arg;
	actor_timer_start(self, SECOND_NS, 0);
	return 0;
}

static void move(struct actor *self, const struct mover *mover)
{
	bool leave = world.member[mover->user];
	struct rest_msg *m = rest_msg_new(leave ? REST_USER_LEAVE :
						  REST_INVITE_ACCEPT);

	m->id[REST_ID_GUILD] = GUILD;
	strcpy(m->text, CODE);
	token_of(mover->user, m->token, sizeof(m->token));
	send_call(self, m, leave ? "" : "{}");
}

static void moved(struct actor *self, struct mover *mover,
		  const struct rest_reply_msg *reply)
{
	bool *member = &world.member[mover->user];

	expect(reply->status == (*member ? 204 : 200), "a call succeeds");
	*member = !*member;
	world.moves++;
	/* Half of them end outside. */
	if (++mover->moves < MOVES + mover->user % 2)
		actor_timer_start(self, 1 + rng_below(&world.rng, SLOW_NS), 0);
}

static int mover_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == ACTOR_MSG_TIMER)
		move(self, state);
	else if (msg->type == REST_REPLY)
		moved(self, state, (struct rest_reply_msg *)msg);
	return 0;
}

static const struct actor_class mover_class = {
	.name = "mover", .state_size = sizeof(struct mover),
	.start = mover_start, .handle = mover_handle,
};

/* --- one run --- */

static void add_user(struct catalog *c, unsigned int i)
{
	char name[32];
	const struct member m = { .user = { .id = USER + 1 + i, .name = name },
				  .joined_ms = 1 };
	uint8_t hash[TOKEN_HASH_SIZE];

	token_of(i, name, sizeof(name));
	token_hash(catalog_secret(c), name, hash);
	check(!catalog_add_user(c, &m.user, NULL));
	check(!catalog_add_token(c, hash, m.user.id, 1));
	check(!catalog_put_member(c, GUILD, &m));
}

static struct catalog *make_catalog(void)
{
	const struct invite invite = { .code = CODE, .channel_id = CHANNEL,
				       .inviter_id = USER };
	struct catalog *c = one_guild();

	check(!catalog_put_invite(c, GUILD, &invite));
	for (unsigned int i = 0; i < USERS; i++)
		add_user(c, i);
	return c;
}

static void start_all(struct actor_system *sys, struct os_env *env,
		      struct idgen *ids)
{
	start_guilds(sys, env, CORES, ids, &no_messages_class, make_catalog());
	for (unsigned int i = 0; i < SESSIONS; i++)
		spawn(sys, &session_class, &i, sizeof(i), (int)(i % CORES));
	for (unsigned int i = 0; i < USERS; i++)
		spawn(sys, &mover_class, &i, sizeof(i), (int)(i % CORES));
}

static void check_end(void)
{
	unsigned int turns = 0;

	expect(world.moves == USERS * MOVES + USERS / 2, "all have moved");
	for (unsigned int i = 0; i < SESSIONS; i++) {
		const struct session_log *log = &world.session[i];

		turns += log->turns;
		expect(log->told == world.member[i % USERS],
		       "what a session was last told is so");
		expect(log->knows == world.member[i % USERS],
		       "what a session knows is so");
	}
	expect(turns > 3 * SESSIONS, "sessions are told");
}

/* Returns what did not hold; NULL: all did. */
static const char *run(uint64_t seed)
{
	struct actor_system_opts opts = { .cores = CORES };
	struct actor_system *sys;
	struct os_env *env;
	struct idgen *ids;

	memset(&world, 0, sizeof(world));
	for (unsigned int i = 0; i < USERS; i++)
		world.member[i] = true;
	world.slow = seed % 4;
	rng_init(&world.rng, seed);
	check(!os_sim_new(seed, &env));
	opts.env = env;
	check(!actor_system_new(&opts, &sys));
	check(!actor_system_start(sys));
	check(!idgen_new(1, 0, &ids));
	start_all(sys, env, ids);
	settle(sys, env, 60 * SECOND_NS);
	check_end();
	expect(!actor_system_shutdown(sys, 60000), "everything stops");
	actor_system_free(sys);
	idgen_free(ids);
	os_env_free(env);
	return world.wrong;
}

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, 50, 1);
	const char *wrong = NULL;

	log_set_level(LOG_ERROR);
	check(!proto_types_register() && !guild_types_register() &&
	      !data_types_register());
	for (uint64_t i = 0; i < seeds.count && !wrong; i++) {
		wrong = run(seeds.first + i);
		if (wrong)
			printf("# seed %" PRIu64 ": not so: %s\n",
			       seeds.first + i, wrong);
	}
	tap(!wrong, "who_comes_and_goes_is_told_in_turns");
	return tap_failures != 0;
}
