// SPDX-License-Identifier: Apache-2.0
/*
 * What a relay costs for each delivery, without any socket: one relay, many
 * session actors on its core that only count what they get.
 *
 * usage: guild_relay_bench [sessions [rounds]]
 */
#include <inttypes.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actor/system.h"
#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"
#include "guild/guild.h"
#include "guild/relay.h"
#include "os/env.h"
#include "proto/intent.h"
#include "proto/session.h"

#define PAYLOAD 350

static sem_t done;
static uint64_t left;			/* deliveries until `done` */

static int session_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	uint32_t n;

	(void)self;
	(void)state;
	if (msg->type != SESSION_EVENTS)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	n = ((struct session_events_msg *)msg)->count;
	left -= n;
	if (!left)
		sem_post(&done);
	return 0;
}

static const struct actor_class session_class = {
	.name = "session", .handle = session_handle,
};

static actor_ref spawn(struct actor_system *sys,
		       const struct actor_class *class, const void *arg,
		       size_t size)
{
	const struct actor_spawn_opts opts = { .core = 0, .arg_size = size };
	actor_ref ref;

	check(!actor_system_spawn(sys, class, arg, &opts, &ref));
	return ref;
}

static struct relay_add_msg *add_msg(actor_ref session, uint64_t user_id)
{
	struct relay_add_msg *m = ACTOR_MSG_NEW(struct relay_add_msg,
						RELAY_ADD);

	check(m);
	m->session = session;
	m->user_id = user_id;
	m->intents = INTENT_GUILD_MESSAGES | INTENT_MESSAGE_CONTENT;
	m->view.channel[0] = 1;
	return m;
}

/* Again while the relay's mailbox is full: who is no actor is not muted. */
static void add_session(struct actor_system *sys, actor_ref relay,
			actor_ref session, uint64_t user_id)
{
	while (actor_system_send(sys, relay,
				 &add_msg(session, user_id)->head))
		sched_yield();
}

static void send_event(struct actor_system *sys, actor_ref relay)
{
	struct relay_event_msg *m = ACTOR_MSG_NEW(struct relay_event_msg,
						  RELAY_EVENT);

	check(m);
	m->to.intents = INTENT_GUILD_MESSAGES;
	m->payload = blob_new(NULL, PAYLOAD);
	check(!actor_system_send(sys, relay, &m->head));
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void measure(struct actor_system *sys, actor_ref relay,
		    uint64_t sessions, unsigned int pending,
		    unsigned int rounds)
{
	double *cost = mem_alloc(rounds * sizeof(*cost));

	for (unsigned int r = 0; r < rounds; r++) {
		uint64_t before = cpu_ns();

		left = sessions * pending;
		for (unsigned int i = 0; i < pending; i++)
			send_event(sys, relay);
		while (sem_wait(&done))
			;
		cost[r] = (double)(cpu_ns() - before) /
			  (double)(sessions * pending);
	}
	qsort(cost, rounds, sizeof(*cost), by_value);
	printf("%8" PRIu64 " sessions %4u pending %8.1f ns/delivery\n",
	       sessions, pending, cost[rounds / 2]);
	mem_free(cost);
}

int main(int argc, char **argv)
{
	uint64_t sessions = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	unsigned int rounds = argc > 2 ? (unsigned int)atoi(argv[2]) : 21;
	static const unsigned int pending[] = { 1, 16, 64 };
	struct actor_system_opts opts = { .cores = 1 };
	struct actor_system *sys;
	struct os_env *env;
	actor_ref relay, nobody = ACTOR_NOBODY;

	sem_init(&done, 0, 0);
	check(!proto_types_register() && !guild_types_register());
	check(!os_env_new(&env));
	opts.env = env;
	check(!actor_system_new(&opts, &sys) && !actor_system_start(sys));
	relay = spawn(sys, &relay_actor_class, &nobody, sizeof(nobody));
	for (uint64_t i = 0; i < sessions; i++)
		add_session(sys, relay, spawn(sys, &session_class, NULL, 0),
			    i + 1);
	for (size_t i = 0; i < sizeof(pending) / sizeof(pending[0]); i++)
		measure(sys, relay, sessions, pending[i], rounds);
	actor_system_shutdown(sys, 10000);
	actor_system_free(sys);
	os_env_free(env);
	sem_destroy(&done);
	return 0;
}
