// SPDX-License-Identifier: Apache-2.0
/*
 * The limit that actors are held against: the same exercises as actor_peer.c
 * by a plain loop in one thread, which allocates and frees a message, queues
 * it on its receiver and the receiver on a list, calls a handler by pointer,
 * and has no atomics, scheduler, references, supervision or counters.
 *
 * `spin` and `walk` are no exercises but what two of the machine's cores give
 * beside one: steps that need a register, and steps that wait for memory.
 *
 *	actor_raw 1 CASE N	prints `wall_ns cpu_ns bytes`
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAYLOAD 48
#define ROUNDS 3
#define WALK_PLACES (1u << 24)	/* of four bytes: more than a cache holds */

struct message {
	struct message *next;
	struct object *from;
	uint64_t round;
	char payload[PAYLOAD];
};

struct object {
	struct object *next;		/* in the list of those to be run */
	struct message *first, **last;
	void (*handle)(struct object *self, struct message *msg);
	uint64_t seen;
};

static struct object *ready, **ready_last = &ready;
static struct message *spare;
static uint64_t left;

static struct message *message_new(struct object *from, uint64_t round)
{
	struct message *msg = spare;

	if (msg)
		spare = msg->next;
	else
		msg = malloc(sizeof(*msg));
	if (!msg)
		abort();
	memset(msg, 0, sizeof(*msg));
	msg->from = from;
	msg->round = round;
	return msg;
}

static void send(struct object *to, struct message *msg)
{
	if (!to->first) {
		to->last = &to->first;
		*ready_last = to;
		ready_last = &to->next;
	}
	*to->last = msg;
	to->last = &msg->next;
}

static void run_one(struct object *object)
{
	struct message *msg = object->first;

	object->first = NULL;
	while (msg) {
		struct message *next = msg->next;

		object->handle(object, msg);
		msg->next = spare;
		spare = msg;
		msg = next;
	}
}

static void run(void)
{
	while (left) {
		struct object *object = ready;

		if (!object)
			abort();
		ready = object->next;
		if (!ready)
			ready_last = &ready;
		object->next = NULL;
		run_one(object);
	}
}

static void play(struct object *self, struct message *msg)
{
	if (msg->round != self->seen)
		abort();
	self->seen++;
	if (--left)
		send(msg->from, message_new(self, msg->round +
					    (self < msg->from)));
}

static void listen(struct object *self, struct message *msg)
{
	if (msg->round != self->seen)
		abort();
	self->seen++;
	left--;
}

static struct object *spawn(void (*handle)(struct object *self,
					   struct message *msg))
{
	struct object *object = calloc(1, sizeof(*object));

	if (!object)
		abort();
	object->handle = handle;
	return object;
}

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t wall, cpu;

static void start_clock(void)
{
	wall = clock_ns(CLOCK_MONOTONIC);
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void print_clock(uint64_t bytes)
{
	printf("%llu %llu %llu\n",
	       (unsigned long long)(clock_ns(CLOCK_MONOTONIC) - wall),
	       (unsigned long long)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu),
	       (unsigned long long)bytes);
}

static void ping_pong(uint64_t n)
{
	struct object *b = spawn(play), *a = spawn(play);

	start_clock();
	left = n;
	send(a, message_new(b, 0));
	run();
	print_clock(0);
}

static struct object **spawn_all(uint64_t n)
{
	struct object **all = malloc(n * sizeof(struct object *));

	if (!all)
		abort();
	memset(all, 0, n * sizeof(struct object *));
	start_clock();
	for (uint64_t i = 0; i < n; i++)
		all[i] = spawn(listen);
	return all;
}

static void respawn(uint64_t n)
{
	struct object **all = spawn_all(n);

	for (uint64_t i = 0; i < n; i++)
		free(all[i]);
	free(all);
	spawn_all(n);
	print_clock(0);
}

static void fan_out(uint64_t n)
{
	struct object **all = spawn_all(n);

	for (uint64_t round = 0; round < ROUNDS; round++) {
		start_clock();
		left = n;
		for (uint64_t i = 0; i < n; i++)
			send(all[i], message_new(NULL, round));
		run();
	}
	print_clock(0);
}

/* A generator whose period is all numbers, of any power of two of them. */
static uint64_t step(uint64_t x)
{
	return x * 6364136223846793005ull + 1442695040888963407ull;
}

static void spin(uint64_t n)
{
	uint64_t x = n;

	start_clock();
	while (n--)
		x = step(x);
	print_clock(x == 1);
}

static void walk(uint64_t n)
{
	uint32_t *next = malloc(WALK_PLACES * sizeof(*next)), at = 0;

	if (!next)
		abort();
	for (uint32_t i = 0; i < WALK_PLACES; i++)
		next[i] = (uint32_t)step(i) % WALK_PLACES;
	start_clock();
	while (n--)
		at = next[at];
	print_clock(at == WALK_PLACES);
	free(next);
}

int main(int argc, char **argv)
{
	uint64_t n = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

	if (!n || strcmp(argv[1], "1"))
		return 2;
	if (!strcmp(argv[2], "ping")) {
		ping_pong(n);
	} else if (!strcmp(argv[2], "spin")) {
		spin(n);
	} else if (!strcmp(argv[2], "walk")) {
		walk(n);
	} else if (!strcmp(argv[2], "respawn")) {
		respawn(n);
	} else if (!strcmp(argv[2], "spawn")) {
		spawn_all(n);
		print_clock(sizeof(struct object));
	} else {
		fan_out(n);
	}
	return 0;
}
