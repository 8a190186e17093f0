// SPDX-License-Identifier: Apache-2.0
/* The real runtime: threads, the kernel's clock, io_uring. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actor_real.h"
#include "os/disk.h"

#define PEERS 32

enum { MSG_HOP = ACTOR_MSG_USER, MSG_BEGIN, MSG_FAIL };

static actor_ref peers[PEERS];

/* Messages wander among peers; each hop is numbered for its pair. */

struct hop {
	struct actor_msg head;
	uint32_t from, hops;
	uint64_t sequence;
};

struct peer {
	uint32_t me;
	uint64_t sent[PEERS], came[PEERS];
};

static void pass(struct actor *self, struct peer *p, uint32_t hops)
{
	uint32_t to = (uint32_t)(actor_random(self) % PEERS);
	struct hop *hop = ACTOR_MSG_NEW(struct hop, MSG_HOP);

	hop->from = p->me;
	hop->hops = hops;
	hop->sequence = ++p->sent[to];
	if (actor_send(self, peers[to], &hop->head))
		atomic_fetch_add(&wrong, 1);
}

static int peer_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	const struct hop *hop = (const void *)msg;
	struct peer *p = state;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == MSG_BEGIN) {
		for (int i = 0; i < 20; i++)
			pass(self, p, 200);
		return 0;
	}
	if (hop->sequence != p->came[hop->from] + 1)
		atomic_fetch_add(&wrong, 1);
	p->came[hop->from] = hop->sequence;
	atomic_fetch_add(&arrived, 1);
	if (hop->hops > 1)
		pass(self, p, hop->hops - 1);
	return 0;
}

static int peer_start(struct actor *self, void *state, const void *arg)
{
	(void)self;
	((struct peer *)state)->me = *(const uint32_t *)arg;
	return 0;
}

static const struct actor_class peer_class = {
	.name = "peer", .state_size = sizeof(struct peer),
	.start = peer_start, .handle = peer_handle,
};

static void messages_of_a_pair_keep_their_order(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < PEERS; i++) {
		struct actor_spawn_opts opts = {
			.core = i % 2 ? ACTOR_CORE_ANY : (int)(i % CORES),
			.arg_size = sizeof(i),
		};

		assert_int_equal(actor_system_spawn(f->sys, &peer_class, &i,
						    &opts, &peers[i]), 0);
	}
	for (uint32_t i = 0; i < PEERS; i++)
		say(f->sys, peers[i], MSG_BEGIN);
	assert_true(wait_for(&arrived, PEERS * 20 * 200));
	assert_int_equal(atomic_load(&arrived), PEERS * 20 * 200);
}

/* A slow sink with a short mailbox, and sources that know no measure. */

#define SINK_LIMIT 64
#define SOURCES 6
#define FLOOD 20000
#define BURST 100		/* of one turn, more than the sink has room for */

static actor_ref sink;
static _Atomic uint64_t longest;

static int note_longest(void *ctx, const struct actor_info *info)
{
	(void)ctx;
	if (actor_ref_eq(info->ref, sink) &&
	    info->mailbox > atomic_load(&longest))
		atomic_store(&longest, info->mailbox);
	return 0;
}

static int sink_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)state;
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (atomic_fetch_add(&arrived, 1) % 1000 == 0)
		actor_system_list(actor_system_of(self), note_longest, NULL);
	return 0;
}

static int source_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	uint64_t *left = state;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (!*left)
		*left = FLOOD;
	for (int i = 0; i < BURST; i++)
		actor_send(self, sink,
			   actor_msg_new(MSG_HOP, sizeof(struct actor_msg)));
	*left -= BURST;
	if (*left) {
		actor_msg_take(self, msg);
		actor_send(self, actor_self(self), msg);
	}
	return 0;
}

static const struct actor_class sink_class = {
	.name = "sink", .handle = sink_handle, .mailbox_limit = SINK_LIMIT,
};

static const struct actor_class drop_class = {
	.name = "drop", .handle = sink_handle, .mailbox_limit = SINK_LIMIT,
	.when_full = ACTOR_FULL_DROP,
};

static const struct actor_class source_class = {
	.name = "source", .state_size = sizeof(uint64_t),
	.handle = source_handle,
};

static void flood(struct fixture *f, const struct actor_class *class)
{
	static const struct actor_spawn_opts any = { .core = ACTOR_CORE_ANY };
	actor_ref source;

	atomic_store(&longest, 0);
	assert_int_equal(actor_system_spawn(f->sys, class, NULL, &any, &sink),
			 0);
	for (int i = 0; i < SOURCES; i++) {
		assert_int_equal(actor_system_spawn(f->sys, &source_class, NULL,
						    &any, &source), 0);
		say(f->sys, source, MSG_BEGIN);
	}
}

static void a_flood_mutes_its_senders_and_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor_stats s;

	flood(f, &sink_class);
	assert_true(wait_for(&arrived, SOURCES * FLOOD));
	/* Each source may finish its turn. */
	assert_true(atomic_load(&longest) <
		    SINK_LIMIT * 2 + SOURCES * 2 * BURST);
	actor_system_stats(f->sys, &s);
	assert_true(s.mutes > 0);
	assert_int_equal(s.dropped_full, 0);
}

static _Atomic uint64_t accounted;

static void a_full_mailbox_that_drops_counts_what_it_drops(void **state)
{
	struct fixture *f = *state;
	struct actor_stats s;
	time_t end = time(NULL) + DEADLINE_S;

	flood(f, &drop_class);
	do {
		actor_system_stats(f->sys, &s);
		atomic_store(&accounted,
			     atomic_load(&arrived) + s.dropped_full);
	} while (atomic_load(&accounted) < SOURCES * FLOOD && time(NULL) < end);
	assert_int_equal(atomic_load(&accounted), SOURCES * FLOOD);
	/* A source's burst alone is more than there is room for. */
	assert_true(s.dropped_full > 0);
}

/* Short lives: spawned, written to by all sides, gone. */

#define LIVES 1000

static _Atomic uint64_t last_ref, downs;

static int mayfly_handle(struct actor *self, void *state,
			 struct actor_msg *msg)
{
	(void)state;
	if (msg->type == MSG_HOP && msg->tag != actor_self(self).bits)
		atomic_fetch_add(&wrong, 1);
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class mayfly_class = {
	.name = "mayfly", .handle = mayfly_handle,
};

static void say_hop(struct actor *self, actor_ref to)
{
	struct actor_msg *msg = actor_msg_new(MSG_HOP, sizeof(*msg));

	msg->tag = to.bits;
	actor_send(self, to, msg);
}

static int breeder_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	struct actor_spawn_opts opts = { .core = ACTOR_CORE_ANY };
	uint64_t *left = state;
	actor_ref ref;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == ACTOR_MSG_DOWN)
		atomic_fetch_add(&downs, 1);
	if (msg->type == MSG_BEGIN)
		*left = LIVES;
	if (msg->type == ACTOR_MSG_EXIT || !*left)
		return 0;
	--*left;
	opts.core = (int)(*left % (CORES + 1)) - 1;
	if (actor_spawn(self, &mayfly_class, NULL, &opts, &ref) ||
	    actor_monitor(self, ref)) {
		atomic_fetch_add(&wrong, 1);
		return 0;
	}
	say_hop(self, ref);
	say_hop(self, (actor_ref){ atomic_exchange(&last_ref, ref.bits) });
	actor_stop(self, ref);
	return 0;
}

static const struct actor_class breeder_class = {
	.name = "breeder", .state_size = sizeof(uint64_t),
	.handle = breeder_handle,
};

static void *write_to_the_last(void *sys)
{
	while (atomic_load(&downs) < CORES * LIVES) {
		struct actor_msg *msg = actor_msg_new(MSG_HOP, sizeof(*msg));
		actor_ref to = { atomic_load(&last_ref) };

		msg->tag = to.bits;
		actor_system_send(sys, to, msg);
		sched_yield();
	}
	return NULL;
}

static void short_lives_are_reported_and_get_nobodys_messages(void **state)
{
	struct fixture *f = *state;
	pthread_t writer;
	actor_ref ref;

	atomic_store(&downs, 0);
	pthread_create(&writer, NULL, write_to_the_last, f->sys);
	for (int i = 0; i < CORES; i++) {
		struct actor_spawn_opts opts = { .core = i };

		assert_int_equal(actor_system_spawn(f->sys, &breeder_class,
						    NULL, &opts, &ref), 0);
		say(f->sys, ref, MSG_BEGIN);
	}
	assert_true(wait_for(&downs, CORES * LIVES));
	pthread_join(writer, NULL);
	assert_int_equal(atomic_load(&downs), CORES * LIVES);
}

/* Timers, a move between cores, I/O, a failed assertion. */

struct clerk {
	uint64_t moves;
	uint64_t armed;		/* the timer that may still come; 0: none */
};

static int clerk_read_back(struct actor *self, struct clerk *clerk,
			   const struct actor_io_msg *io)
{
	(void)self;
	if (io->result != 7 || io->ctx != clerk)
		atomic_fetch_add(&wrong, 1);
	atomic_fetch_add(&arrived, 1);
	return 0;
}

static int answer(void *io)
{
	(void)io;
	return 7;
}

static int clerk_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	const struct actor_timer_msg *timer = (const void *)msg;
	struct clerk *clerk = state;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type == ACTOR_MSG_IO)
		return clerk_read_back(self, clerk, (const void *)msg);
	if (msg->type == ACTOR_MSG_TIMER && timer->cookie == 1) {
		if (timer->id != clerk->armed)
			atomic_fetch_add(&wrong, 1);
		clerk->armed = 0;
		return 0;
	}
	if (++clerk->moves > 50) {
		struct actor_io_msg *io = actor_io_new(self, clerk);

		return os_work(actor_loop(self), 0, answer, actor_io_finish,
			       io);
	}
	if (clerk->armed)
		actor_timer_cancel(self, clerk->armed);
	clerk->armed = actor_timer_start(self, 500000, 1);
	actor_timer_start(self, 300000, 2);
	return actor_move(self, (actor_core(self) + 1) % CORES);
}

static const struct actor_class clerk_class = {
	.name = "clerk", .state_size = sizeof(struct clerk),
	.handle = clerk_handle,
};

static void timers_follow_an_actor_from_core_to_core(void **state)
{
	struct fixture *f = *state;
	struct actor_spawn_opts opts = { .core = 0 };
	actor_ref ref;

	assert_int_equal(actor_system_spawn(f->sys, &clerk_class, NULL, &opts,
					    &ref), 0);
	say(f->sys, ref, MSG_BEGIN);
	assert_true(wait_for(&arrived, 1));
}

static int brittle_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	uint64_t *handled = state;

	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (msg->type != MSG_FAIL && msg->type != MSG_HOP)
		return 0;
	actor_check(self, msg->type != MSG_FAIL);
	/* A fresh state: nothing was handled since the restart. */
	if (++*handled != 1)
		atomic_fetch_add(&wrong, 1);
	atomic_fetch_add(&arrived, 1);
	return 0;
}

static const struct actor_class brittle_class = {
	.name = "brittle", .state_size = sizeof(uint64_t),
	.handle = brittle_handle,
};

static void a_failed_assertion_costs_one_actor_its_state(void **state)
{
	struct fixture *f = *state;
	struct actor_spawn_opts opts = {
		.core = ACTOR_CORE_ANY, .restart = ACTOR_RESTART_ON_ERROR,
		.max_restarts = 100,
	};
	actor_ref ref;

	assert_int_equal(actor_system_spawn(f->sys, &brittle_class, NULL, &opts,
					    &ref), 0);
	for (uint64_t i = 1; i <= 50; i++) {
		say(f->sys, ref, MSG_HOP);
		assert_true(wait_for(&arrived, i));
		say(f->sys, ref, MSG_FAIL);
	}
}

/* A hogged core: what waits there and may leave it does, and all see who. */

#define BEHIND 500

static _Atomic uint64_t hogging, released;

static void compute_until(_Atomic uint64_t *what)
{
	time_t end = time(NULL) + DEADLINE_S;

	while (!atomic_load(what) && time(NULL) < end)
		;
}

static int hog_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	static const struct actor_spawn_opts any = { .core = ACTOR_CORE_ANY };

	(void)state;
	if (msg->type != MSG_BEGIN)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	for (int i = 0; i < BEHIND; i++) {
		actor_ref ref;

		if (actor_spawn(self, &sink_class, NULL, &any, &ref))
			atomic_fetch_add(&wrong, 1);
		actor_send(self, ref,
			   actor_msg_new(MSG_HOP, sizeof(struct actor_msg)));
	}
	atomic_fetch_add(&hogging, 1);
	compute_until(&released);
	return 0;
}

static const struct actor_class hog_class = {
	.name = "hog", .handle = hog_handle,
};

static void hog_cores(struct fixture *f, int from, int to)
{
	actor_ref ref;

	atomic_store(&hogging, 0);
	atomic_store(&released, 0);
	/* Core 0 last: root is there, without whom none of them begins. */
	for (int core = to; core-- > from;) {
		struct actor_spawn_opts opts = { .core = core };

		assert_int_equal(actor_system_spawn(f->sys, &hog_class, NULL,
						    &opts, &ref), 0);
		say(f->sys, ref, MSG_BEGIN);
		assert_true(wait_for(&hogging, (uint64_t)(to - core)));
	}
}

static void a_hogged_core_is_robbed_of_its_work(void **state)
{
	hog_cores(*state, 1, 2);
	assert_true(wait_for(&arrived, BEHIND));
	atomic_store(&released, 1);
}

static int count_named(void *ctx, const struct actor_info *info)
{
	uint64_t *n = ctx;

	if (!info->hogging_ns)
		return 0;
	assert_string_equal(info->class_name, "hog");
	assert_true(info->hogging_ns >= ACTOR_HOG_NS);
	++*n;
	return 0;
}

static void hogs_are_named_though_all_cores_are_theirs(void **state)
{
	struct fixture *f = *state;
	struct actor_hog sum[ACTOR_HOGS_MAX];
	time_t end = time(NULL) + DEADLINE_S;
	uint64_t n;

	hog_cores(f, 0, CORES);
	do {
		n = 0;
		actor_system_list(f->sys, count_named, &n);
	} while (n < CORES && time(NULL) < end);
	assert_int_equal(n, CORES);
	/* Nothing is counted before it is over. */
	assert_int_equal(actor_system_hogs(f->sys, sum), 0);
	atomic_store(&released, 1);
	do
		n = actor_system_hogs(f->sys, sum) ? sum[0].turns : 0;
	while (n < CORES && time(NULL) < end);
	assert_int_equal(n, CORES);
	assert_string_equal(sum[0].class_name, "hog");
	assert_true(sum[0].longest_ns >= ACTOR_HOG_NS);
	assert_true(sum[0].time_ns >= CORES * ACTOR_HOG_NS);
	assert_true(wait_for(&arrived, CORES * BEHIND));
}

/* A followed message can be read back, and a crash leaves its record. */

static void check_dump(const char *path)
{
	char line[256];
	bool began = false, started = false;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		began |= strstr(line, "event=begin") && strstr(line, "trace=");
		started |= strstr(line, "event=start") != NULL;
	}
	fclose(f);
	assert_true(began && started);
}

static void a_crash_leaves_the_recorders_record(void **state)
{
	struct fixture *f = *state;
	char path[] = "/tmp/actor_flight_XXXXXX";
	actor_ref ref;
	int fd = mkstemp(path), status;
	pid_t child;

	actor_system_trace(f->sys, 1);
	assert_int_equal(actor_system_spawn(f->sys, &sink_class, NULL, NULL,
					    &ref), 0);
	say(f->sys, ref, MSG_BEGIN);
	assert_true(wait_for(&arrived, 1));
	assert_int_equal(actor_system_dump(f->sys, fd), 0);
	close(fd);
	check_dump(path);
	unlink(path);
	child = fork();
	if (!child) {
		actor_system_dump_on_crash(f->sys, path);
		abort();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	check_dump(path);
	unlink(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(messages_of_a_pair_keep_their_order),
		CASE(a_flood_mutes_its_senders_and_loses_nothing),
		CASE(a_full_mailbox_that_drops_counts_what_it_drops),
		CASE(short_lives_are_reported_and_get_nobodys_messages),
		CASE(timers_follow_an_actor_from_core_to_core),
		CASE(a_failed_assertion_costs_one_actor_its_state),
		CASE(a_hogged_core_is_robbed_of_its_work),
		CASE(hogs_are_named_though_all_cores_are_theirs),
		CASE(a_crash_leaves_the_recorders_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
