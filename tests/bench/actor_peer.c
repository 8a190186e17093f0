// SPDX-License-Identifier: Apache-2.0
/*
 * Our runtime in the exercises that BEAM and CAF do beside it: see
 * actor_bench.py, which starts all three.
 *
 *	actor_peer CORES CASE N
 *
 * prints `wall_ns cpu_ns bytes`: what N of the case took, and for `idle` the
 * memory of each actor.  Every case checks that nothing was lost, doubled or
 * out of order; if anything was, it fails.
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actor/actor.h"
#include "actor/inspect.h"
#include "actor/system.h"
#include "base/check.h"
#include "os/env.h"

/* Messages a publisher sends before others have their turn. */
#define CHUNK 256
#define CORES_MAX 8
#define WARM_ROUNDS 2
#define SHUTDOWN_MS 60000

enum { MSG_PLAY = ACTOR_MSG_USER, MSG_BALL, MSG_SPAWN, MSG_FAN, MSG_EVENT };

struct play_msg {
	struct actor_msg head;
	actor_ref with;
	uint64_t count;
};

struct event_msg {
	struct actor_msg head;
	uint64_t round;
};

/* One core's count, on a line of its own. */
static struct {
	_Alignas(128) uint64_t n, share;
} done[CORES_MAX];

static sem_t core_done;

static void expect(int core, uint64_t share)
{
	done[core].n = 0;
	done[core].share = share;
}

static void wait_until_done(int count)
{
	while (count--)
		check(!sem_wait(&core_done));
}

static void add_done(const struct actor *self, uint64_t by)
{
	int core = actor_core(self);

	done[core].n += by;
	check(done[core].n <= done[core].share);
	if (done[core].n == done[core].share)
		check(!sem_post(&core_done));
}

/* Ping-pong. */

struct player {
	uint64_t count, seen;
};

static int player_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	const struct play_msg *play = (const void *)msg;
	struct player *p = state;
	struct event_msg *ball;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == MSG_PLAY) {
		p->count = play->count;
		ball = ACTOR_MSG_NEW(struct event_msg, MSG_BALL);
		return actor_send(self, play->with, &ball->head);
	}
	check(((struct event_msg *)msg)->round == p->seen);
	p->seen++;
	if (p->seen == p->count) {
		add_done(self, 1);
		return 0;
	}
	ball = ACTOR_MSG_NEW(struct event_msg, MSG_BALL);
	ball->round = ((struct event_msg *)msg)->round + (p->count != 0);
	return actor_reply(self, msg, &ball->head);
}

static const struct actor_class player_class = {
	.name = "player", .state_size = sizeof(struct player),
	.handle = player_handle,
};

/* Listeners and their publisher, one a core. */

struct listener {
	uint64_t round;
};

static int listener_handle(struct actor *self, void *state,
			   struct actor_msg *msg)
{
	struct listener *l = state;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == MSG_EVENT) {
		check(((struct event_msg *)msg)->round == l->round);
		l->round++;
		add_done(self, 1);
	}
	return 0;
}

static const struct actor_class listener_class = {
	.name = "listener", .state_size = sizeof(struct listener),
	.handle = listener_handle,
};

struct publisher {
	actor_ref *listeners;
	uint64_t count, at, round;
};

static void spawn_listeners(struct actor *self, struct publisher *p,
			    uint64_t count)
{
	p->count = count;
	p->listeners = malloc(count * sizeof(*p->listeners));
	check(p->listeners);
	/* Touched now: the time measured is that of the spawns. */
	memset(p->listeners, 0, count * sizeof(*p->listeners));
	for (uint64_t i = 0; i < count; i++)
		check(!actor_spawn(self, &listener_class, NULL, NULL,
				   &p->listeners[i]));
	add_done(self, count);
}

static void publish(struct actor *self, struct publisher *p,
		    struct actor_msg *msg)
{
	uint64_t end = p->at + CHUNK < p->count ? p->at + CHUNK : p->count;

	for (; p->at < end; p->at++) {
		struct event_msg *event = ACTOR_MSG_NEW(struct event_msg,
							MSG_EVENT);

		event->round = p->round;
		actor_send(self, p->listeners[p->at], &event->head);
	}
	if (p->at < p->count) {
		actor_msg_take(self, msg);
		actor_send(self, actor_self(self), msg);
		return;
	}
	p->at = 0;
	p->round++;
}

static int publisher_handle(struct actor *self, void *state,
			    struct actor_msg *msg)
{
	struct publisher *p = state;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == MSG_SPAWN)
		spawn_listeners(self, p, ((struct play_msg *)msg)->count);
	else if (msg->type == MSG_FAN)
		publish(self, p, msg);
	return 0;
}

static void publisher_stop(struct actor *self, void *state, int reason)
{
	(void)self;
	(void)reason;
	free(((struct publisher *)state)->listeners);
}

static const struct actor_class publisher_class = {
	.name = "publisher", .state_size = sizeof(struct publisher),
	.handle = publisher_handle, .stop = publisher_stop,
};

/* The cases, from the main thread. */

static struct actor_system *sys;
static int cores;

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct {
	uint64_t wall, cpu;
} started;

static void start_clock(uint64_t share)
{
	for (int i = 0; i < cores; i++)
		expect(i, share);
	started.wall = clock_ns(CLOCK_MONOTONIC);
	started.cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void print_clock(uint64_t bytes)
{
	printf("%llu %llu %llu\n",
	       (unsigned long long)(clock_ns(CLOCK_MONOTONIC) - started.wall),
	       (unsigned long long)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) -
				    started.cpu), (unsigned long long)bytes);
}

static void tell(actor_ref who, uint32_t type, actor_ref with, uint64_t count)
{
	struct play_msg *msg = ACTOR_MSG_NEW(struct play_msg, type);

	msg->with = with;
	msg->count = count;
	check(!actor_system_send(sys, who, &msg->head));
}

static actor_ref spawn_on(int core, const struct actor_class *class)
{
	struct actor_spawn_opts opts = { .core = core };
	actor_ref ref;

	check(!actor_system_spawn(sys, class, NULL, &opts, &ref));
	return ref;
}

static void ping_pong(uint64_t n)
{
	uint64_t each = n / 2 / (uint64_t)cores;
	actor_ref a[CORES_MAX], b[CORES_MAX];

	for (int i = 0; i < cores; i++) {
		a[i] = spawn_on(i, &player_class);
		b[i] = spawn_on(i, &player_class);
	}
	start_clock(1);
	for (int i = 0; i < cores; i++)
		tell(a[i], MSG_PLAY, b[i], each);
	wait_until_done(cores);
	print_clock(0);
}

static uint64_t resident(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	check(f && fscanf(f, "%*s %lu", &pages) == 1);
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void spawn_all(uint64_t n, actor_ref *publishers)
{
	for (int i = 0; i < cores; i++)
		publishers[i] = spawn_on(i, &publisher_class);
	start_clock(n / (uint64_t)cores);
	for (int i = 0; i < cores; i++)
		tell(publishers[i], MSG_SPAWN, ACTOR_NOBODY,
		     n / (uint64_t)cores);
	wait_until_done(cores);
}

static void spawn(uint64_t n)
{
	uint64_t before = resident(), refs = n * sizeof(actor_ref);
	actor_ref publishers[CORES_MAX];

	spawn_all(n, publishers);
	print_clock((resident() - before - refs) / n);
}

/* In memory that the kernel has given already. */
static void respawn(uint64_t n)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	actor_ref publishers[CORES_MAX];
	struct actor_stats stats;

	spawn_all(n, publishers);
	for (int i = 0; i < cores; i++)
		check(!actor_system_stop(sys, publishers[i]));
	do {
		nanosleep(&pause, NULL);
		actor_system_stats(sys, &stats);
	} while (stats.actors > 1);
	spawn_all(n, publishers);
	print_clock(0);
}

static void fan_out(uint64_t n)
{
	actor_ref publishers[CORES_MAX];

	spawn_all(n, publishers);
	for (int round = 0; round <= WARM_ROUNDS; round++) {
		start_clock(n / (uint64_t)cores);
		for (int i = 0; i < cores; i++)
			tell(publishers[i], MSG_FAN, ACTOR_NOBODY, 0);
		wait_until_done(cores);
	}
	print_clock(0);
}

static const struct {
	const char *name;
	void (*run)(uint64_t n);
} cases[] = {
	{ "ping", ping_pong }, { "spawn", spawn }, { "respawn", respawn },
	{ "fan", fan_out },
};

int main(int argc, char **argv)
{
	struct actor_system_opts opts = { .max_actors = 1 << 22 };
	struct os_env *env;

	if (argc != 4 || (cores = atoi(argv[1])) < 1 || cores > CORES_MAX) {
		fprintf(stderr, "usage: actor_peer CORES ping|spawn|respawn|fan N\n");
		return 2;
	}
	check(!sem_init(&core_done, 0, 0));
	check(!os_env_new(&env));
	opts.env = env;
	opts.cores = cores;
	check(!actor_system_new(&opts, &sys));
	check(!actor_system_start(sys));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, argv[2]))
			cases[i].run(strtoull(argv[3], NULL, 10));
	check(!actor_system_shutdown(sys, SHUTDOWN_MS));
	actor_system_free(sys);
	os_env_free(env);
	return 0;
}
