// SPDX-License-Identifier: Apache-2.0
/*
 * Actors do to one another, on real threads, whatever actors can do, until a
 * budget is used up.  Each message has an account of its own: it is handled at
 * most once, by whom it is for, in its order, and freed exactly once.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "actor_real.h"

#define PEOPLE_MAX 512
#define FIRST 12		/* made from outside */
#define GOAL 4000		/* messages handled */
#define MESSAGES_MAX 400000	/* by then */
#define EACH 32			/* messages from outside, then a new person */
#define DEPTH 12		/* generations of messages that one causes */
#define TIMER_NS 2000000
#define LOOKS 64		/* for one who lives */
#define HANDLED 1u		/* in an account, how often */
#define FREED 16u

enum { MSG_WORK = ACTOR_MSG_USER, MSG_FAIL, MSG_NOTE };

struct work_msg {
	struct actor_msg head;
	uint32_t serial;
	uint32_t from, to;	/* numbers of people; from 0: from outside */
	uint32_t sequence;	/* of this pair */
	uint32_t depth;
};

static struct {
	_Atomic uint64_t made, freed, handled;
	_Atomic uint32_t people;	/* so far; number 0 is nobody */
	_Atomic uint64_t ref[PEOPLE_MAX];
	_Atomic uint32_t heir[PEOPLE_MAX];
	_Atomic uint32_t running[PEOPLE_MAX];
	/* One actor at a time has a number, so each has one writer. */
	_Atomic uint32_t sent[PEOPLE_MAX][PEOPLE_MAX];
	_Atomic uint32_t came[PEOPLE_MAX][PEOPLE_MAX];
	_Atomic uint32_t account[MESSAGES_MAX];
} mix;

static void expect(bool holds)
{
	if (!holds)
		atomic_fetch_add(&wrong, 1);
}

static void work_fini(struct actor_msg *head)
{
	struct work_msg *msg = (struct work_msg *)head;

	expect(atomic_fetch_add(&mix.account[msg->serial], FREED) < FREED);
	atomic_fetch_add(&mix.freed, 1);
}

static const struct actor_type types[] = {
	{ "work", sizeof(struct work_msg), work_fini },
};

static bool goes_on(void)
{
	return atomic_load(&mix.handled) < GOAL &&
	       atomic_load(&mix.made) < MESSAGES_MAX - EACH;
}

static uint32_t load(_Atomic uint32_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static void store(_Atomic uint32_t *to, uint32_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static struct work_msg *new_work(uint32_t from, uint32_t to, uint32_t depth)
{
	uint64_t serial = atomic_fetch_add(&mix.made, 1);
	struct work_msg *msg = ACTOR_MSG_NEW(struct work_msg, MSG_WORK);

	msg->serial = (uint32_t)serial;
	msg->from = from;
	msg->to = to;
	msg->depth = depth;
	if (from) {
		msg->sequence = load(&mix.sent[from][to]) + 1;
		store(&mix.sent[from][to], msg->sequence);
	}
	return msg;
}

static actor_ref ref_at(uint32_t number)
{
	return (actor_ref){ atomic_load(&mix.ref[number]) };
}

/* One who most likely lives. */
static uint32_t pick_by(uint64_t random)
{
	uint32_t people = atomic_load(&mix.people), number;

	people = (people < PEOPLE_MAX ? people : PEOPLE_MAX) - 1;
	number = (uint32_t)(random % people);
	for (int i = 0; i < LOOKS && !load(&mix.running[1 + number]); i++)
		number = (number + 1) % people;
	return 1 + number;
}

static uint32_t pick(struct actor *self)
{
	return pick_by(actor_random(self));
}

static const struct actor_class worker_class, twin_class, small_class;

static const struct actor_class *class_for(uint64_t random)
{
	return random % 3 ? &worker_class : &small_class;
}

/* The number of a new one; 0: there are enough. */
static uint32_t new_number(void)
{
	uint32_t number = atomic_fetch_add(&mix.people, 1);

	if (number < PEOPLE_MAX)
		return number;
	atomic_fetch_sub(&mix.people, 1);
	return 0;
}

static struct actor_spawn_opts opts_for(uint64_t random)
{
	return (struct actor_spawn_opts){
		.core = (int)(random % (CORES + 1)) - 1,
		.restart = (enum actor_restart)(random / 8 % 3),
		.max_restarts = 20,
		.arg_size = sizeof(uint32_t),
	};
}

static void spawn_one(struct actor *self)
{
	uint64_t random = actor_random(self);
	struct actor_spawn_opts opts = opts_for(random);
	uint32_t number = new_number();
	actor_ref ref;

	if (number)
		expect(!actor_spawn(self, class_for(random / 64), &number,
				    &opts, &ref));
}

static void send_some(struct actor *self, uint32_t me, uint32_t depth)
{
	uint32_t to = pick(self);
	uint32_t n = actor_random(self) % 8 ? 1 : 20;

	while (n-- && goes_on())
		actor_send(self, ref_at(to), &new_work(me, to, depth)->head);
}

static int adopt(struct actor *self, void *state, void *old)
{
	if (!(actor_random(self) % 4))
		return -ENODEV;
	memcpy(state, old, sizeof(uint32_t));
	return 0;
}

/* Only to a younger one: no rings of heirs. */
static void hand_over(struct actor *self, uint32_t me)
{
	uint32_t heir = pick(self);

	if (heir <= me || load(&mix.heir[me]) ||
	    actor_ref_is_nobody(ref_at(heir)))
		return;
	store(&mix.heir[me], heir);
	expect(!actor_hand_over(self, ref_at(heir)));
}

/* One thing that an actor can do; returns what its handler shall. */
static int act(struct actor *self, uint32_t me, uint32_t depth)
{
	switch (actor_random(self) % 48) {
	case 0:
		return actor_random(self) % 4 ? 0 : -EIO;
	case 1:
		return actor_random(self) % 16 ? 0 : ACTOR_STOP;
	case 2:
		spawn_one(self);
		return 0;
	case 5:
	case 6:
		actor_monitor(self, ref_at(pick(self)));
		return 0;
	case 7:
		actor_demonitor(self, ref_at(pick(self)));
		return 0;
	case 8:
		actor_link(self, ref_at(pick(self)));
		return 0;
	case 9:
		actor_unlink(self, ref_at(pick(self)));
		return 0;
	case 10:
	case 11:
		actor_timer_start(self, actor_random(self) % TIMER_NS, me);
		return 0;
	case 12:
		actor_become(self, &twin_class, adopt);
		return 0;
	case 13:
	case 14:
		actor_move(self, (int)(actor_random(self) % (CORES + 1)) - 1);
		return 0;
	case 15:
		if (!(actor_random(self) % 4))
			hand_over(self, me);
		return 0;
	case 16:
		if (!(actor_random(self) % 8))
			actor_stop(self, ref_at(pick(self)));
		return 0;
	default:
		send_some(self, me, depth);
		return 0;
	}
}

static bool may_get(uint32_t meant, uint32_t number)
{
	while (meant && meant != number)
		meant = load(&mix.heir[meant]);
	return meant;
}

static void receive(uint32_t me, const struct work_msg *msg)
{
	expect(may_get(msg->to, me));
	expect(!(atomic_fetch_add(&mix.account[msg->serial], HANDLED) %
		 FREED));
	if (msg->from) {
		expect(msg->sequence > load(&mix.came[msg->to][msg->from]));
		store(&mix.came[msg->to][msg->from], msg->sequence);
	}
	atomic_fetch_add(&mix.handled, 1);
}

static int worker_handle(struct actor *self, void *state,
			 struct actor_msg *head)
{
	const struct work_msg *msg = (const void *)head;
	uint32_t me = *(uint32_t *)state;
	int ret = 0;

	if (head->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (head->type != MSG_WORK)
		return 0;
	receive(me, msg);
	for (uint32_t n = 0; n < msg->depth && !ret; n++)
		ret = act(self, me, msg->depth - 1);
	return ret;
}

static int worker_start(struct actor *self, void *state, const void *arg)
{
	uint32_t me = *(const uint32_t *)arg;

	*(uint32_t *)state = me;
	expect(!atomic_fetch_add(&mix.running[me], 1));
	atomic_store(&mix.ref[me], actor_self(self).bits);
	return 0;
}

static void worker_stop(struct actor *self, void *state, int reason)
{
	(void)self;
	(void)reason;
	expect(atomic_fetch_sub(&mix.running[*(uint32_t *)state], 1) == 1);
}

static const struct actor_class worker_class = {
	.name = "worker", .state_size = sizeof(uint32_t),
	.start = worker_start, .handle = worker_handle, .stop = worker_stop,
	.mailbox_limit = 16,
};

static const struct actor_class twin_class = {
	.name = "twin", .state_size = 100,
	.start = worker_start, .handle = worker_handle, .stop = worker_stop,
	.mailbox_limit = 8,
};

static const struct actor_class small_class = {
	.name = "small", .state_size = sizeof(uint32_t),
	.start = worker_start, .handle = worker_handle, .stop = worker_stop,
	.mailbox_limit = 4, .when_full = ACTOR_FULL_DROP,
};

static void add_person(struct actor_system *sys, uint32_t i)
{
	struct actor_spawn_opts opts = opts_for(i);
	uint32_t number = new_number();

	if (number)
		assert_int_equal(actor_system_spawn(sys, class_for(i), &number,
						    &opts, NULL), 0);
}

static void begin_mix(struct actor_system *sys)
{
	memset(&mix, 0, sizeof(mix));
	atomic_store(&mix.people, 1);
	for (uint32_t i = 0; i < FIRST; i++)
		add_person(sys, i);
}

/* Messages and people from outside keep it going when what was begun ends; not
 * so many that the schedulers are left behind. */
static void feed(struct actor_system *sys)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	time_t end = time(NULL) + DEADLINE_S;

	for (uint32_t i = 1; goes_on() && time(NULL) < end; i++) {
		uint32_t to = pick_by(i);

		actor_system_send(sys, ref_at(to),
				  &new_work(0, to, DEPTH)->head);
		if (i % EACH)
			continue;
		add_person(sys, i);
		nanosleep(&pause, NULL);
	}
	assert_false(goes_on());
}

static void every_message_is_accounted_for_in_any_mix(void **state)
{
	struct fixture *f = *state;
	struct actor_stats s;
	uint64_t handled = 0;

	begin_mix(f->sys);
	feed(f->sys);
	assert_true(wait_for(&mix.freed, atomic_load(&mix.made)));
	assert_int_equal(actor_system_shutdown(f->sys, SHUTDOWN_MS), 0);
	for (uint64_t i = 0; i < atomic_load(&mix.made); i++) {
		uint32_t account = atomic_load(&mix.account[i]);

		assert_true(account == FREED || account == FREED + HANDLED);
		handled += account % FREED;
	}
	assert_int_equal(handled, atomic_load(&mix.handled));
	for (uint32_t i = 1; i < PEOPLE_MAX; i++)
		assert_int_equal(atomic_load(&mix.running[i]), 0);
	/* It was a mix. */
	actor_system_counts(f->sys, &s);
	assert_true(s.restarts && s.mutes && s.dropped_full && s.dropped_stale);
}

/* One that can handle nothing, among others that can. */

#define FAILING_RESTARTS 5
#define NOTES 2000

static _Atomic uint64_t failures, exits, exit_reason;

static int failing_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	(void)self;
	(void)state;
	(void)msg;
	atomic_fetch_add(&failures, 1);
	return -EBADMSG;
}

static int noting_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	uint32_t *noted = state;

	(void)self;
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	/* Its state is never lost. */
	if (msg->type == MSG_NOTE && ++*noted == NOTES)
		atomic_fetch_add(&arrived, 1);
	return 0;
}

static const struct actor_class failing_class = {
	.name = "failing", .handle = failing_handle,
};

static const struct actor_class noting_class = {
	.name = "noting", .state_size = sizeof(uint32_t),
	.handle = noting_handle,
};

static _Atomic uint64_t children[3], parents;

static int spawn_child(struct actor *self, int i)
{
	const struct actor_spawn_opts opts = {
		.core = i % CORES,
		.restart = ACTOR_RESTART_ON_ERROR,
		.max_restarts = FAILING_RESTARTS,
		.restart_window_ms = 1000 * DEADLINE_S,
	};
	actor_ref ref;
	int err = actor_spawn(self, i == 1 ? &failing_class : &noting_class,
			      NULL, &opts, &ref);

	atomic_store(&children[i], ref.bits);
	return err;
}

static int parent_start(struct actor *self, void *state, const void *arg)
{
	int err = 0;

	(void)state;
	(void)arg;
	for (int i = 0; i < 3 && !err; i++)
		err = spawn_child(self, i);
	atomic_fetch_add(&parents, 1);
	return err;
}

static int parent_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	const struct actor_down_msg *down = (const void *)msg;

	(void)self;
	(void)state;
	if (msg->type == ACTOR_MSG_EXIT) {
		expect(down->who.bits == atomic_load(&children[1]));
		atomic_store(&exit_reason, (uint64_t)-down->reason);
		atomic_fetch_add(&exits, 1);
	}
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class parent_class = {
	.name = "parent", .start = parent_start, .handle = parent_handle,
};

static void one_that_fails_on_every_message_ends_alone(void **state)
{
	struct fixture *f = *state;

	atomic_store(&parents, 0);
	atomic_store(&failures, 0);
	atomic_store(&exits, 0);
	assert_int_equal(actor_system_spawn(f->sys, &parent_class, NULL, NULL,
					    NULL), 0);
	assert_true(wait_for(&parents, 1));
	for (int n = 0; n < NOTES; n++)
		for (int i = 0; i < 3; i++) {
			actor_ref to = { atomic_load(&children[i]) };

			if (i == 1 && atomic_load(&exits))
				continue;
			actor_system_send(f->sys, to,
				actor_msg_new(MSG_NOTE,
					      sizeof(struct actor_msg)));
		}
	assert_true(wait_for(&arrived, 2));
	assert_true(wait_for(&exits, 1));
	assert_int_equal(atomic_load(&failures), FAILING_RESTARTS + 1);
	assert_int_equal(atomic_load(&exit_reason), EBADMSG);
	assert_int_equal(atomic_load(&parents), 1);
	assert_int_equal(actor_system_send(f->sys,
		(actor_ref){ atomic_load(&children[1]) },
		actor_msg_new(MSG_NOTE, sizeof(struct actor_msg))), -ESRCH);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(every_message_is_accounted_for_in_any_mix),
		CASE(one_that_fails_on_every_message_ends_alone),
	};

	if (actor_types_register(MSG_WORK, types, 1))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
