// SPDX-License-Identifier: Apache-2.0
/*
 * The real directory, catalog, guild and relays over a simulated environment,
 * between callers that send messages and sessions that hear of them.  The data
 * service is a model: it answers late, in order per channel, and at times
 * refuses.
 *
 * What must hold for every seed:
 *	- a message is heard of only after it is durable;
 *	- every session that sees a channel hears of every message in it that
 *	  was answered with 200, once, in the order of ids;
 *	- all sessions hear the events of the guild in one order;
 *	- one that joins later hears all from then on, without a gap;
 *	- nobody hears of a channel that he may not see;
 *	- each call is answered once.
 *
 * The same with allocations of the guild, its relays, the directory and the
 * catalog that fail now and then: then a call may stay without an answer, and a
 * session may be closed; but none that is not closed misses anything.
 *
 *	guild_fanout_sim [FIRST [COUNT]]	environment: SEEDS
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "guild/guild.h"
#include "guild/perm.h"
#include "os/env.h"
#include "os/sim.h"
#include "proto/body.h"
#include "proto/data.h"
#include "proto/directory.h"
#include "proto/guild.h"
#include "proto/intent.h"
#include "proto/rest.h"
#include "proto/session.h"

#include "guild_fanout_model.h"
#include "guild_start.h"
#include "seeds.h"

#define CORES 3
#define USERS 6
#define MANY_EVERY 5		/* seeds */
#define LATE_WITHIN_NS 100000000
#define CHANNELS 3		/* the last one is hidden from odd users */
#define GUILD 1100000000000000000ull
#define RUN_NS (600ull * 1000000000)

static uint64_t user_id(unsigned int i)
{
	return GUILD + 1000 + i;
}

static uint64_t channel_id(unsigned int i)
{
	return GUILD + 1 + i;
}

/* --- sessions --- */

struct session {
	unsigned int index;
};

static int session_start(struct actor *self, void *state, const void *arg)
{
	struct session *s = state;
	struct dir_session_open_msg *m;

	spare();
	s->index = *(const unsigned int *)arg;
	world.session[s->index].user = s->index % USERS;
	m = ACTOR_MSG_NEW(struct dir_session_open_msg, DIR_SESSION_OPEN);
	check(m);
	snprintf(m->token, sizeof(m->token), "token-%u", s->index % USERS);
	go_on();
	return actor_send(self, actor_lookup(actor_system_of(self),
					     DIRECTORY_NAME), &m->head);
}

static void session_join(struct actor *self, struct session *s,
			 const struct dir_session_reply_msg *reply)
{
	struct guild_join_msg *m = ACTOR_MSG_NEW(struct guild_join_msg,
						 GUILD_JOIN);

	check(m);
	expect(world.faults || (!reply->error && reply->guild_count == 1),
	       "a session is told of its guild");
	m->user_id = reply->user_id;
	m->intents = INTENT_GUILDS | INTENT_GUILD_MESSAGES |
		     (s->index % 3 ? INTENT_MESSAGE_CONTENT : 0);
	m->core = (uint16_t)actor_core(self);
	m->is_bot = true;
	m->large_threshold = 50;
	if (!reply->error && reply->guild_count)
		actor_send(self, reply->guild[0].ref, &m->head);
	else
		actor_msg_free(&m->head);
}

static void hear(struct session_log *log, const json_t *d, bool content)
{
	uint64_t id = strtoull(json_string_value(json_object_get(d, "id")),
			       NULL, 10);
	uint64_t channel = strtoull(json_string_value(
		json_object_get(d, "channel_id")), NULL, 10);
	const char *text = json_string_value(json_object_get(d, "content"));
	const char *author = json_string_value(json_object_get(
		json_object_get(d, "author"), "id"));
	bool own = strtoull(author, NULL, 10) == user_id(log->user);

	expect(log->created, "GUILD_CREATE comes first");
	expect(hmap_get(&world.durable, id, NULL),
	       "a message is heard of only once durable");
	expect(channel != channel_id(CHANNELS - 1) || !(log->user & 1),
	       "a hidden channel is not heard of");
	expect(!text[0] == !(content || own), "content goes to whom it may");
	check(log->count < HEARD_MAX);
	log->heard[log->count++] = id;
}

static void session_event(struct session *s, const struct blob *payload)
{
	struct session_log *log = &world.session[s->index];
	json_t *frame;
	const char *name;
	char *text;

	text = mem_alloc(payload->len + 16);
	snprintf(text, payload->len + 16, "{\"s\":1%s",
		 (const char *)payload->data);
	frame = json_loads(text, 0, NULL);
	mem_free(text);
	expect(frame, "a frame is JSON");
	if (!frame)
		return;
	name = json_string_value(json_object_get(frame, "t"));
	if (!strcmp(name, "GUILD_CREATE"))
		log->created = true;
	else if (!strcmp(name, "MESSAGE_CREATE"))
		hear(log, json_object_get(frame, "d"), s->index % 3);
	json_decref(frame);
}

static void close_log(const struct session *s)
{
	world.session[s->index].closed = true;
	world.closed++;
}

static int session_run(struct actor *self, void *state,
		       struct actor_msg *msg)
{
	const struct session_events_msg *m = (void *)msg;

	switch (msg->type) {
	case DIR_SESSION_OPEN_REPLY:
		session_join(self, state, (void *)msg);
		break;
	case SESSION_EVENTS:
		for (uint32_t i = 0; i < m->count; i++)
			session_event(state, m->payload[i]);
		break;
	case SESSION_CLOSE:
	case SESSION_GUILD_REMOVE:
		expect(world.faults, "nobody is closed for nothing");
		close_log(state);
		return ACTOR_STOP;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static int session_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	int ret;

	spare();
	ret = session_run(self, state, msg);
	go_on();
	return ret;
}

static const struct actor_class session_class = {
	.name = "session", .state_size = sizeof(struct session),
	.start = session_start, .handle = session_handle,
};

/* --- callers --- */

struct caller_state {
	unsigned int index, sent;
	uint64_t asked[CALLS];		/* channel of each call, 0: answered */
};

static int caller_start(struct actor *self, void *state, const void *arg)
{
	((struct caller_state *)state)->index = *(const unsigned int *)arg;
	actor_timer_start(self, 1000000000, 0);
	return 0;
}

static void call(struct actor *self, struct caller_state *c)
{
	struct rest_msg *m = rest_msg_new(REST_MESSAGE_CREATE);
	char body[128];

	check(m);
	/* Even users write everywhere; odd ones where they may. */
	c->asked[c->sent] = channel_id((unsigned int)rng_below(
		&world.rng, c->index & 1 ? CHANNELS - 1 : CHANNELS));
	m->id[REST_ID_CHANNEL] = c->asked[c->sent];
	snprintf(m->token, sizeof(m->token), "token-%u", c->index % USERS);
	snprintf(body, sizeof(body), "{\"content\":\"%u of %u\"}", c->sent,
		 c->index);
	m->head.tag = c->sent++;
	send_call(self, m, body);
	if (c->sent < CALLS)
		actor_timer_start(self, rng_below(&world.rng, 5000000), 0);
}

static void answered(struct caller_state *c, const struct rest_reply_msg *m)
{
	json_t *body = m->body ? json_loadb((char *)m->body->data,
					    m->body->len, 0, NULL) : NULL;
	uint64_t channel = c->asked[m->head.tag], id;

	expect(channel, "a call is answered once");
	c->asked[m->head.tag] = 0;
	world.answers++;
	world.refused += m->status != 200;
	expect(m->status == 200 || m->status == 500 || m->status == 503,
	       "a status makes sense");
	if (m->status == 200) {
		id = strtoull(json_string_value(json_object_get(body, "id")),
			      NULL, 10);
		expect(hmap_get(&world.durable, id, NULL),
		       "a message is durable before its answer");
		check(!hmap_set(&world.answered, id, channel));
	}
	json_decref(body);
}

static int caller_run(struct actor *self, void *state,
		       struct actor_msg *msg)
{
	switch (msg->type) {
	case ACTOR_MSG_TIMER:
		call(self, state);
		break;
	case REST_REPLY:
		answered(state, (struct rest_reply_msg *)msg);
		break;
	case ACTOR_MSG_STOP:
		return ACTOR_STOP;
	}
	return 0;
}

static int caller_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	int ret;

	spare();
	ret = caller_run(self, state, msg);
	go_on();
	return ret;
}

static const struct actor_class caller_class = {
	.name = "caller", .state_size = sizeof(struct caller_state),
	.start = caller_start, .handle = caller_handle,
};

/* --- one run --- */

static void add_user(struct catalog *c, unsigned int i)
{
	struct member m = { .user = { .id = user_id(i), .name = "somebody",
				      .bot = true }, .joined_ms = 1 };
	uint8_t hash[TOKEN_HASH_SIZE];
	char token[32];

	snprintf(token, sizeof(token), "token-%u", i);
	token_hash(catalog_secret(c), token, hash);
	check(!catalog_add_user(c, &m.user, NULL));
	check(!catalog_add_token(c, hash, m.user.id, 1));
	check(!catalog_put_member(c, GUILD, &m));
}

static void add_channel(struct catalog *c, unsigned int i)
{
	struct perm_overwrite hidden[USERS];
	struct channel ch = { .id = channel_id(i), .guild_id = GUILD,
			      .name = "channel", .overwrite = hidden };

	for (unsigned int u = 1; i == CHANNELS - 1 && u < USERS; u += 2)
		hidden[ch.overwrite_count++] = (struct perm_overwrite){
			.id = user_id(u), .target = PERM_TARGET_MEMBER,
			.deny = PERM_VIEW_CHANNEL };
	check(!catalog_put_channel(c, &ch));
}

static struct catalog *make_catalog(void)
{
	const struct guild_info g = { .id = GUILD, .name = "guild",
				      .owner_id = user_id(0) };
	const struct role everyone = { .id = GUILD, .name = "@everyone",
				       .permissions = PERM_DEFAULT };
	struct catalog *c;

	check(!catalog_open(NULL, &c));
	check(!catalog_put_guild(c, &g));
	check(!catalog_put_role(c, GUILD, &everyone));
	for (unsigned int i = 0; i < CHANNELS; i++)
		add_channel(c, i);
	for (unsigned int i = 0; i < USERS; i++)
		add_user(c, i);
	return c;
}

static void start_all(struct actor_system *sys, struct os_env *env,
		      struct idgen *ids)
{
	start_guilds(sys, env, CORES, ids, &model_class, make_catalog());
	for (unsigned int i = 0; i < world.sessions; i++)
		spawn(sys, &session_class, &i, sizeof(i), (int)(i % CORES));
	settle(sys, env, 500000000);
	for (unsigned int i = 0; i < CALLERS; i++)
		spawn(sys, &caller_class, &i, sizeof(i), (int)(i % CORES));
	settle(sys, env, 1000000000);
	if (world.faults)
		spawn(sys, &gremlin_class, NULL, 0, 0);
	for (unsigned int i = world.sessions; i < world.sessions + world.late; i++) {
		settle(sys, env, rng_below(&world.rng, LATE_WITHIN_NS / world.late));
		spare();
		spawn(sys, &session_class, &i, sizeof(i), (int)(i % CORES));
	}
}

static bool sees(const struct session_log *s, uint64_t channel)
{
	return !(s->user & 1) || channel != channel_id(CHANNELS - 1);
}

/* Where in the whole order a session begins to hear. */
static unsigned int start_of(const struct session_log *all,
			     const struct session_log *s, bool late)
{
	unsigned int i = 0;

	if (!late)
		return 0;
	while (i < all->count && (!s->count || all->heard[i] != s->heard[0]))
		i++;
	return i;
}

/* Heard by s what the order holds for it from there on, and nothing else. */
static void compare(const struct session_log *all, const struct session_log *s,
		    bool late)
{
	unsigned int at = 0;

	for (unsigned int i = start_of(all, s, late); i < all->count; i++) {
		uint64_t channel = 0;

		hmap_get(&world.durable, all->heard[i], &channel);
		if (!sees(s, channel))
			continue;
		if (s->closed && at == s->count)
			return;
		expect(at < s->count && s->heard[at] == all->heard[i],
		       "all sessions hear the same in one order");
		at++;
	}
	expect(at == s->count, "nothing is heard twice");
}

static void check_order(const struct session_log *all)
{
	struct hmap last = HMAP_INIT, heard = HMAP_INIT;
	uint64_t channel, before, id;
	size_t iter = 0;

	for (unsigned int i = 0; i < all->count; i++) {
		channel = before = 0;
		hmap_get(&world.durable, all->heard[i], &channel);
		hmap_get(&last, channel, &before);
		expect(all->heard[i] > before, "a channel's ids ascend");
		check(!hmap_set(&last, channel, all->heard[i]));
		check(!hmap_set(&heard, all->heard[i], 1));
	}
	while (hmap_next(&world.answered, &iter, &id, NULL))
		expect(hmap_get(&heard, id, NULL),
		       "what was answered is heard of");
	expect(world.faults || heard.count == world.answered.count,
	       "what is heard of was answered");
	hmap_fini(&last);
	hmap_fini(&heard);
}

/* Of one that was there all the time and sees all; NULL: all are closed. */
static const struct session_log *whole_order(void)
{
	for (unsigned int i = 0; i < world.sessions; i++)
		if (!world.session[i].closed && !(world.session[i].user & 1))
			return &world.session[i];
	return NULL;
}

enum mode { MODE_WHOLE, MODE_CANARY, MODE_FAULTS };

/* Returns what did not hold; NULL: all did. */
static const char *run(uint64_t seed, enum mode mode)
{
	const struct session_log *all;
	struct actor_system_opts opts = { .cores = CORES };
	struct actor_system *sys;
	struct os_env *env;
	struct idgen *ids;

	memset(&world, 0, sizeof(world));
	world.ack_early = mode == MODE_CANARY;
	world.faults = mode == MODE_FAULTS;
	world.sessions = seed % MANY_EVERY ? SESSIONS : SESSIONS_MANY;
	world.late = seed % MANY_EVERY ? LATE : LATE_MANY;
	rng_init(&world.rng, seed);
	check(!os_sim_new(seed, &env));
	opts.env = env;
	check(!actor_system_new(&opts, &sys));
	check(!actor_system_start(sys));
	check(!idgen_new(1, 0, &ids));
	start_all(sys, env, ids);
	go_on();
	settle(sys, env, RUN_NS);
	spare();
	world.failing = 0;
	expect(world.faults || world.answers == CALLERS * CALLS,
	       "every call is answered");
	all = whole_order();
	expect(world.faults || (world.refused < world.answers / 4 &&
				all->count > CALLERS * CALLS / 2),
	       "most messages get through");
	if (all)
		check_order(all);
	for (unsigned int i = 0; all && i < world.sessions + world.late; i++)
		compare(all, &world.session[i], i >= world.sessions);
	for (unsigned int i = world.sessions; i < world.sessions + world.late; i++)
		world.late_heard += world.session[i].count;
	expect(!actor_system_shutdown(sys, 60000), "everything stops");
	actor_system_free(sys);
	idgen_free(ids);
	os_env_free(env);
	hmap_fini(&world.durable);
	hmap_fini(&world.answered);
	return world.wrong;
}

static bool holds_for(const struct seeds *seeds, enum mode mode)
{
	unsigned int failed = 0, late = 0, closed = 0;

	for (uint64_t i = 0; i < seeds->count; i++) {
		const char *wrong = run(seeds->first + i, mode);

		late += world.late_heard;
		closed += world.closed;
		if (!wrong)
			continue;
		failed++;
		printf("# seed %" PRIu64 ": not so: %s\n", seeds->first + i,
		       wrong);
	}
	printf("# late sessions heard %u messages, %u sessions were closed\n",
	       late, closed);
	return !failed;
}

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, 25, 3);

	log_set_level(LOG_ERROR);
	check(!proto_types_register() && !guild_types_register() &&
	      !data_types_register());
	tap(holds_for(&seeds, MODE_WHOLE), "fan_out_holds_its_promises");
	tap(run(seeds.first, MODE_CANARY),
	    "an_early_acknowledgement_is_noticed");
	tap(holds_for(&seeds, MODE_FAULTS),
	    "no_open_session_misses_anything_when_memory_is_out");
	return tap_failures != 0;
}
