// SPDX-License-Identifier: Apache-2.0
/* Live actors that go on as others, and names, on simulated cores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "actor/mailbox.h"
#include "actor/slots.h"
#include "actor_story.h"
#include "base/mem.h"

#define A_SECOND 1000000000ull

enum { MSG_NOTE = ACTOR_MSG_USER, MSG_FAIL, MSG_END, MSG_NAME,
       MSG_TIMER, MSG_SPAWN,
       /* What is asked for, and then: nothing, a failure, work, an end. */
       MSG_BECOME, MSG_BECOME_FAIL, MSG_BECOME_WORK, MSG_BECOME_REFUSED,
       MSG_MOVE, MSG_MOVE_WORK, MSG_WHERE,
       MSG_HAND, MSG_HAND_FAIL, MSG_HAND_BREAK, MSG_HAND_END };

/* One that tells what it gets: its letter, and in capitals as a twin. */
struct keeper {
	char name;
};

static actor_ref heir, child;
static int name_error;

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int work(struct actor *self)
{
	struct actor_io_msg *io = actor_io_new(self, NULL);
	int err = io ? os_work(actor_loop(self), 0, nothing, actor_io_finish,
			       io) : -ENOMEM;

	if (err && io)
		actor_msg_free(&io->head);
	return err;
}

static int adopt(struct actor *self, void *state, void *old)
{
	(void)self;
	((struct keeper *)state)->name =
		(char)(((struct keeper *)old)->name & ~0x20);
	return 0;
}

static int refuse(struct actor *self, void *state, void *old)
{
	(void)self;
	(void)state;
	(void)old;
	return -ENODEV;
}

static const struct actor_class keeper_class, twin_class;

static int spawn_child(struct actor *self)
{
	static const struct actor_spawn_opts opts = { .core = ACTOR_CORE_SELF,
						      .arg_size = 1 };

	return actor_spawn(self, &keeper_class, "c", &opts, &child);
}

static int keeper_start(struct actor *self, void *state, const void *arg)
{
	(void)self;
	((struct keeper *)state)->name = *(const char *)arg;
	return 0;
}

static int ask_hand_over(struct actor *self, uint32_t type)
{
	int err = actor_hand_over(self, heir);

	if (err)
		return err;
	actor_check(self, type != MSG_HAND_BREAK);
	return type == MSG_HAND_FAIL ? -EIO :
	       type == MSG_HAND_END ? ACTOR_STOP : 0;
}

static int ask(struct actor *self, uint32_t type)
{
	int err;

	switch (type) {
	case MSG_BECOME_REFUSED:
		return actor_become(self, &twin_class, refuse);
	case MSG_MOVE:
	case MSG_MOVE_WORK:
		err = actor_move(self, 1);
		break;
	case MSG_HAND ... MSG_HAND_END:
		return ask_hand_over(self, type);
	default:
		err = actor_become(self, &twin_class, adopt);
	}
	if (err)
		return err;
	return type == MSG_BECOME_FAIL ? -EIO :
	       type == MSG_BECOME || type == MSG_MOVE ? 0 : work(self);
}

static int keeper_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	const char name[] = { ((struct keeper *)state)->name, 0 };
	const char core[] = { (char)('0' + actor_core(self)), 0 };

	switch (msg->type) {
	case ACTOR_MSG_STOP:
	case MSG_END:
		return ACTOR_STOP;
	case ACTOR_MSG_TIMER:
		tell("T");
		/* fall through */
	case MSG_NOTE:
		tell(name);
		return 0;
	case ACTOR_MSG_EXIT:
		tell("X");
		return 0;
	case ACTOR_MSG_IO:
		tell("!");
		return 0;
	case MSG_WHERE:
		tell(core);
		return 0;
	case MSG_FAIL:
		return -EIO;
	case MSG_NAME:
		name_error = actor_register(self, "keeper");
		return 0;
	case MSG_TIMER:
		return actor_timer_start(self, A_SECOND, 0) ? 0 : -ENOMEM;
	case MSG_SPAWN:
		return spawn_child(self);
	default:
		return msg->type < ACTOR_MSG_USER ? 0 : ask(self, msg->type);
	}
}

static const struct actor_class keeper_class = {
	.name = "keeper", .state_size = sizeof(struct keeper),
	.start = keeper_start, .handle = keeper_handle,
};

static const struct actor_class twin_class = {
	.name = "twin", .state_size = 100,
	.start = keeper_start, .handle = keeper_handle,
};

static actor_ref spawn_keeper(const char *name)
{
	static const struct actor_spawn_opts opts = {
		.restart = ACTOR_RESTART_ON_ERROR, .arg_size = 1,
	};
	actor_ref ref = ACTOR_NOBODY;

	actor_system_spawn(sys, &keeper_class, name, &opts, &ref);
	return ref;
}

/* "a", and "b" who may become its heir. */
static actor_ref open_two(void)
{
	actor_ref keeper;

	assert_int_equal(open_system(2), 0);
	keeper = spawn_keeper("a");
	heir = spawn_keeper("b");
	run();
	return keeper;
}

static void say_all(actor_ref to, const uint32_t *types, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(send(to, types[i]), 0);
	run();
}

#define SAY(to, ...) say_all((to), (const uint32_t[]){ __VA_ARGS__ }, \
	sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void becomes_another_with_what_waits_and_its_timers(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, MSG_TIMER, MSG_NOTE, MSG_BECOME, MSG_NOTE);
	assert_string_equal(story, "aATA");
	close_system();
}

static void stays_what_it_was_if_that_is_refused(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, MSG_BECOME_REFUSED, MSG_NOTE);
	assert_string_equal(story, "a");
	/* It may ask again. */
	SAY(a, MSG_BECOME, MSG_NOTE);
	assert_string_equal(story, "aA");
	close_system();
}

/* What works for it may name the state that would go. */
static void stays_what_and_where_it_is_with_work_begun(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, MSG_BECOME_WORK, MSG_NOTE);
	assert_string_equal(story, "a!");
	SAY(a, MSG_WHERE, MSG_MOVE_WORK, MSG_WHERE);
	assert_string_equal(story, "a!00!");
	close_system();
}

static void goes_on_on_another_core_with_what_waits(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, MSG_TIMER, MSG_WHERE, MSG_MOVE, MSG_WHERE, MSG_NOTE);
	assert_string_equal(story, "01aTa");
	close_system();
}

static void a_failed_handler_has_asked_for_nothing(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, MSG_BECOME_FAIL, MSG_NOTE, MSG_NOTE);
	assert_string_equal(story, "aa");
	SAY(a, MSG_HAND_FAIL, MSG_NOTE);
	SAY(a, MSG_HAND_BREAK, MSG_NOTE);
	assert_string_equal(story, "aaaa");
	/* Nor does it leave anything to anybody in the end. */
	SAY(a, MSG_END, MSG_NOTE);
	assert_string_equal(story, "aaaa");
	close_system();
}

static void one_that_ends_itself_has_no_heir(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, MSG_HAND_END, MSG_NOTE);
	assert_string_equal(story, "");
	close_system();
}

static void its_heir_gets_what_waits_and_its_names(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, MSG_NAME, MSG_NOTE, MSG_HAND, MSG_NOTE, MSG_NOTE);
	assert_string_equal(story, "abb");
	assert_int_equal(send(a, MSG_NOTE), -ESRCH);
	assert_true(actor_ref_eq(actor_lookup(sys, "keeper"), heir));
	close_system();
}

/* Its own timers are its own, and so are the ends of its children. */
static void its_heir_gets_nothing_that_was_meant_for_it_alone(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, ACTOR_MSG_EXIT, MSG_SPAWN, MSG_TIMER, MSG_HAND, MSG_NOTE,
	    ACTOR_MSG_EXIT);
	os_sim_advance(env, os_now_ns(env) + 2 * A_SECOND);
	run();
	assert_string_equal(story, "Xb");
	close_system();
}

static char routed[16];

static int to_another_node(void *ctx, actor_ref to, struct actor_msg *msg)
{
	assert_true(actor_ref_eq(to, *(actor_ref *)ctx));
	strcat(routed, msg->type == MSG_NOTE ? "n" : "?");
	actor_msg_free(msg);
	return 0;
}

static void its_heir_may_be_on_another_node(void **state)
{
	actor_ref a = open_two();
	struct actor_stats s;

	(void)state;
	routed[0] = 0;
	heir = ref_make(7, 1, 3);
	actor_system_route(sys, to_another_node, &heir);
	SAY(a, MSG_NAME, MSG_TIMER, MSG_HAND, MSG_NOTE, MSG_NOTE);
	assert_string_equal(routed, "nn");
	assert_true(actor_ref_eq(actor_lookup(sys, "keeper"), heir));
	actor_system_counts(sys, &s);
	assert_int_equal(s.routed, 2);
	close_system();
}

static void a_name_belongs_to_one_and_outlasts_a_restart(void **state)
{
	actor_ref a = open_two();

	(void)state;
	SAY(a, MSG_NAME);
	SAY(a, MSG_NAME);
	assert_int_equal(name_error, 0);
	SAY(heir, MSG_NAME);
	assert_int_equal(name_error, -EEXIST);
	SAY(a, MSG_FAIL, MSG_NOTE);
	assert_string_equal(story, "a");
	assert_true(actor_ref_eq(actor_lookup(sys, "keeper"), a));
	assert_true(actor_ref_is_nobody(actor_lookup(sys, "keepe")));
	close_system();
}

static void a_name_is_free_when_its_heir_has_ended(void **state)
{
	actor_ref a = open_two(), c = spawn_keeper("c");

	(void)state;
	SAY(a, MSG_NAME, MSG_HAND);
	SAY(heir, MSG_END);
	assert_true(actor_ref_is_nobody(actor_lookup(sys, "keeper")));
	SAY(c, MSG_NAME);
	assert_int_equal(name_error, 0);
	assert_true(actor_ref_eq(actor_lookup(sys, "keeper"), c));
	close_system();
}

/*
 * What mute_wait() does on one core while on another the actor that is waited
 * for ends and a new one takes its slot.
 */
static void who_waits_for_one_that_has_just_ended_is_not_forgotten(void **state)
{
	struct actor *waiter, *slot;
	actor_ref a, parent;

	(void)state;
	assert_int_equal(open_system(1), 0);
	a = spawn_keeper("a");
	parent = spawn_keeper("p");
	SAY(parent, MSG_SPAWN);
	waiter = slots_find(sys, a);
	slot = slots_find(sys, child);
	SAY(child, MSG_END);
	assert_null(slots_live(sys, child));
	assert_true(box_unpark(waiter));
	waiter->link = NULL;
	atomic_store(&slot->waiters, waiter);
	SAY(parent, MSG_SPAWN);
	assert_ptr_equal(slots_find(sys, child), slot);
	SAY(a, MSG_NOTE);
	assert_string_equal(story, "Xa");
	close_system();
}

/* One allocation fails, each in turn: what was asked may fail, nothing else. */
static void scenario(void)
{
	static const uint32_t types[] = {
		MSG_NAME, MSG_TIMER, MSG_MOVE, MSG_BECOME, MSG_NOTE,
		MSG_BECOME_WORK, MSG_SPAWN, MSG_HAND, MSG_NOTE,
	};
	actor_ref a;

	if (open_system(2)) {
		sys = NULL;
		return;
	}
	a = spawn_keeper("a");
	heir = spawn_keeper("b");
	run();
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		send(a, types[i]);
	run();
	if (actor_system_shutdown(sys, 1000))
		assert_true(actor_system_shutdown(sys, 1000) <= 0);
}

static void every_failed_allocation_is_survived(void **state)
{
	(void)state;
	survive_failures(scenario);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(becomes_another_with_what_waits_and_its_timers),
		cmocka_unit_test(stays_what_it_was_if_that_is_refused),
		cmocka_unit_test(stays_what_and_where_it_is_with_work_begun),
		cmocka_unit_test(goes_on_on_another_core_with_what_waits),
		cmocka_unit_test(a_failed_handler_has_asked_for_nothing),
		cmocka_unit_test(one_that_ends_itself_has_no_heir),
		cmocka_unit_test(its_heir_gets_what_waits_and_its_names),
		cmocka_unit_test(its_heir_gets_nothing_that_was_meant_for_it_alone),
		cmocka_unit_test(its_heir_may_be_on_another_node),
		cmocka_unit_test(a_name_belongs_to_one_and_outlasts_a_restart),
		cmocka_unit_test(a_name_is_free_when_its_heir_has_ended),
		cmocka_unit_test(who_waits_for_one_that_has_just_ended_is_not_forgotten),
		cmocka_unit_test(every_failed_allocation_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
