// SPDX-License-Identifier: Apache-2.0
/*
 * Actors of all kinds do at random what actors can do to one another, on
 * several simulated cores, until a budget of work is used up.  Then, whatever
 * the seed:
 *
 *	every message sent was delivered, or dropped and counted; none waits
 *	messages of one sender to one receiver came in order, none twice
 *	nobody got a message meant for another
 *	what was monitored and has ended was reported, once
 *	no cancelled timer came, every other did
 *	every state that was started was stopped, once
 *	nobody restarted more often than allowed
 *	the same seed does exactly the same again
 *
 *	actor_traffic_sim [FIRST [COUNT]]	environment: SEEDS
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/actor.h"
#include "actor/inspect.h"
#include "actor/system.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "os/sim.h"

#include "seeds.h"

#define PEOPLE_MAX 512	/* actors in one run */
#define WATCHED_MAX 4
#define TIMERS_MAX 4
#define CORES 3
#define MAX_RESTARTS 2
#define RESTART_WINDOW_MS 50
#define WORK 3000	/* handler runs that start something new */
#define FOREVER UINT64_MAX

enum { MSG_WORK = ACTOR_MSG_USER, MSG_TYPES };

struct work_msg {
	struct actor_msg head;
	uint32_t sender, receiver;	/* numbers of people */
	uint64_t sequence;		/* of that pair */
	uint32_t depth;			/* how much more it may cause */
};

static const struct actor_type types[] = {
	{ "work", sizeof(struct work_msg), NULL },
};

/* What the model knows of one actor, by its number. */
struct person {
	actor_ref ref;
	int running;		/* started less stopped: 0 or 1 */
	uint32_t heir;		/* whom it handed over to; 0: nobody */
	bool restarts;
	bool failed;		/* by itself, since its last start */
	uint32_t restart_count;	/* after failures of its own */
	uint64_t restart_ns[64];	/* their times, modulo */
};

static struct run {
	struct actor_system *sys;
	struct os_env *env;
	struct rng rng;		/* for what the runtime has no part in */
	struct person people[PEOPLE_MAX];
	uint32_t count;		/* of people; number 0 is nobody */
	uint64_t budget;
	struct hmap sent;	/* pair -> last sequence */
	struct hmap came;	/* likewise */
	uint64_t fingerprint;
	bool duplicate;		/* the canary */
	const char *broken;	/* the first law that was */
} run;

/* An actor's private state. */
struct worker {
	uint32_t me;
	actor_ref watched[WATCHED_MAX];
	uint32_t watched_number[WATCHED_MAX];
	uint64_t timers[TIMERS_MAX];	/* ids; 0: none */
	uint64_t timer_count;
};

static void law(bool holds, const char *what)
{
	if (!holds && !run.broken)
		run.broken = what;
}

static void note(uint64_t what)
{
	run.fingerprint = hash_u64(run.fingerprint ^ what) + what;
}

static uint64_t pair(uint32_t from, uint32_t to)
{
	return (uint64_t)from << 32 | to;
}

static const struct actor_class worker_class, twin_class, small_class;

static uint32_t pick(void)
{
	return run.count > 1 ?
		1 + (uint32_t)rng_below(&run.rng, run.count - 1) : 0;
}

static struct work_msg *new_work(uint32_t from, uint32_t to, uint32_t depth)
{
	struct work_msg *msg = ACTOR_MSG_NEW(struct work_msg, MSG_WORK);
	uint64_t last = 0;

	check(msg);
	hmap_get(&run.sent, pair(from, to), &last);
	check(!hmap_set(&run.sent, pair(from, to), last + 1));
	msg->sender = from;
	msg->receiver = to;
	msg->sequence = last + 1;
	msg->depth = depth;
	return msg;
}

static void send_work(struct actor *self, uint32_t from, uint32_t depth)
{
	uint32_t to = pick();
	uint32_t n = rng_below(&run.rng, 8) ? 1 :
		     (uint32_t)rng_below(&run.rng, 40);

	while (to && n--)
		actor_send(self, run.people[to].ref,
			   &new_work(from, to, depth)->head);
}

static struct actor_spawn_opts random_opts(void)
{
	return (struct actor_spawn_opts){
		.core = (int)rng_below(&run.rng, CORES + 2) - 2,
		.restart = (enum actor_restart)rng_below(&run.rng, 3),
		.max_restarts = MAX_RESTARTS,
		.restart_window_ms = RESTART_WINDOW_MS,
		.arg_size = sizeof(uint32_t),
	};
}

static const struct actor_class *random_class(void)
{
	return rng_below(&run.rng, 4) ? &worker_class : &small_class;
}

static uint32_t new_person(void)
{
	if (run.count >= PEOPLE_MAX)
		return 0;
	return run.count++;
}

static uint32_t spawn_one(struct actor *self)
{
	struct actor_spawn_opts opts = random_opts();
	uint32_t number = new_person();
	struct person *person = &run.people[number];
	actor_ref ref = ACTOR_NOBODY;
	int err;

	if (!number)
		return 0;
	person->restarts = opts.restart != ACTOR_RESTART_NEVER;
	if (self)
		err = actor_spawn(self, random_class(), &number, &opts, &ref);
	else
		err = actor_system_spawn(run.sys, random_class(), &number,
					 &opts, &ref);
	law(!err || err == -ENODEV, "a spawn succeeds");
	person->ref = ref;
	return err ? 0 : number;
}

/* Any two windows that touch hold twice what one may. */
static void check_restarts(struct person *person)
{
	uint64_t now = os_now_ns(run.env);
	uint32_t n = person->restart_count;

	if (!person->failed)
		return;
	person->failed = false;
	person->restart_ns[person->restart_count++ % 64] = now;
	if (n >= 2 * MAX_RESTARTS)
		law(now - person->restart_ns[(n - 2 * MAX_RESTARTS) % 64] >
			    RESTART_WINDOW_MS * 1000000ull,
		    "restarts are bounded");
}

static int worker_start(struct actor *self, void *state, const void *arg)
{
	struct worker *w = state;
	const uint32_t *number = arg;
	struct person *person = &run.people[*number];

	w->me = *number;
	person->ref = actor_self(self);
	check_restarts(person);
	if (!rng_below(&run.rng, 50)) {
		person->failed = true;
		return -ENODEV;
	}
	law(!person->running, "started once at a time");
	person->running++;
	note(1000 + *number);
	return 0;
}

static void worker_stop(struct actor *self, void *state, int reason)
{
	struct worker *w = state;

	(void)self;
	law(run.people[w->me].running == 1, "stopped once for each start");
	run.people[w->me].running--;
	run.people[w->me].failed = reason < 0;
	note(2000 + w->me + (uint64_t)(int64_t)reason);
}

static void watch_one(struct actor *self, struct worker *w)
{
	uint32_t slot = (uint32_t)rng_below(&run.rng, WATCHED_MAX);
	uint32_t whom = pick();

	if (!whom || actor_ref_is_nobody(run.people[whom].ref))
		return;
	for (int i = 0; i < WATCHED_MAX; i++)
		if (actor_ref_eq(w->watched[i], run.people[whom].ref))
			return;
	if (!actor_ref_is_nobody(w->watched[slot]))
		actor_demonitor(self, w->watched[slot]);
	w->watched[slot] = run.people[whom].ref;
	w->watched_number[slot] = whom;
	law(!actor_monitor(self, w->watched[slot]), "a monitor is taken");
}

static void time_one(struct actor *self, struct worker *w)
{
	uint32_t slot = (uint32_t)rng_below(&run.rng, TIMERS_MAX);
	uint64_t delay = rng_below(&run.rng, 100000000);

	if (w->timers[slot])
		actor_timer_cancel(self, w->timers[slot]);
	w->timers[slot] = actor_timer_start(self, delay, slot);
	law(w->timers[slot], "a timer starts");
}

static int adopt(struct actor *self, void *state, void *old)
{
	(void)self;
	if (!rng_below(&run.rng, 4))
		return -ENODEV;
	memcpy(state, old, sizeof(struct worker));
	return 0;
}

static void hand_over(struct actor *self, struct worker *w)
{
	uint32_t heir = pick();

	if (!heir || heir == w->me || run.people[w->me].heir)
		return;
	/* No rings of heirs: only to a younger one. */
	if (heir < w->me || actor_hand_over(self, run.people[heir].ref))
		return;
	run.people[w->me].heir = heir;
}

/* One thing that an actor can do; returns what its handler shall. */
static int act(struct actor *self, struct worker *w, uint32_t depth)
{
	switch (rng_below(&run.rng, 40)) {
	case 0:
		return -EIO;
	case 1:
		actor_check(self, !run.people[w->me].restarts);
		return 0;
	case 2:
		return rng_below(&run.rng, 3) ? 0 : ACTOR_STOP;
	case 3 ... 5:
		spawn_one(self);
		return 0;
	case 6 ... 8:
		watch_one(self, w);
		return 0;
	case 9 ... 12:
		time_one(self, w);
		return 0;
	case 13:
		actor_become(self, &twin_class, adopt);
		return 0;
	case 14:
		actor_move(self, (int)rng_below(&run.rng, CORES + 1) - 1);
		return 0;
	case 15:
		if (!rng_below(&run.rng, 4))
			hand_over(self, w);
		return 0;
	case 16:
		if (!rng_below(&run.rng, 4) && pick())
			actor_stop(self, run.people[pick()].ref);
		return 0;
	default:
		send_work(self, w->me, depth);
		return 0;
	}
}

/* Whether `number` may get what was meant for `meant`. */
static bool is_heir(uint32_t meant, uint32_t number)
{
	while (meant && meant != number)
		meant = run.people[meant].heir;
	return meant;
}

static void receive(struct worker *w, const struct work_msg *msg)
{
	uint64_t last = 0, key = pair(msg->sender, msg->receiver);

	law(is_heir(msg->receiver, w->me), "a message finds its receiver");
	hmap_get(&run.came, key, &last);
	law(msg->sequence > last, "messages of a pair come in order, once");
	check(!hmap_set(&run.came, key, msg->sequence));
	note(pair(msg->sender, w->me) + msg->sequence);
}

static void report(struct worker *w, const struct actor_down_msg *msg)
{
	for (int i = 0; i < WATCHED_MAX; i++) {
		if (!actor_ref_eq(w->watched[i], msg->who))
			continue;
		w->watched[i] = ACTOR_NOBODY;
		note(3000 + w->watched_number[i]);
		return;
	}
	law(false, "only what is monitored is reported, once");
}

static void time_out(struct worker *w, const struct actor_timer_msg *msg)
{
	law(w->timers[msg->cookie] == msg->id, "a timer that came was wanted");
	w->timers[msg->cookie] = 0;
	note(4000 + w->me);
}

/* The canary sends a message on that it has handled already. */
static void repeat(struct actor *self, const struct work_msg *msg)
{
	struct work_msg *copy = ACTOR_MSG_NEW(struct work_msg, MSG_WORK);

	check(copy);
	copy->sender = msg->sender;
	copy->receiver = msg->receiver;
	copy->sequence = msg->sequence;
	actor_send(self, actor_self(self), &copy->head);
}

static int worker_handle(struct actor *self, void *state,
			 struct actor_msg *head)
{
	const struct work_msg *msg = (const void *)head;
	struct worker *w = state;
	int ret = 0;

	if (head->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	if (head->type == ACTOR_MSG_DOWN)
		report(w, (const void *)head);
	else if (head->type == ACTOR_MSG_TIMER)
		time_out(w, (const void *)head);
	if (head->type != MSG_WORK)
		return 0;
	receive(w, msg);
	if (run.duplicate && !rng_below(&run.rng, 100))
		repeat(self, msg);
	for (uint32_t n = 0; n < msg->depth && run.budget && !ret; n++) {
		run.budget--;
		ret = act(self, w, msg->depth - 1);
	}
	return ret;
}

static const struct actor_class worker_class = {
	.name = "worker", .state_size = sizeof(struct worker),
	.start = worker_start, .handle = worker_handle, .stop = worker_stop,
	.mailbox_limit = 16,
};

static const struct actor_class twin_class = {
	.name = "twin", .state_size = sizeof(struct worker) + 100,
	.start = worker_start, .handle = worker_handle, .stop = worker_stop,
	.mailbox_limit = 8,
};

static const struct actor_class small_class = {
	.name = "small", .state_size = sizeof(struct worker),
	.start = worker_start, .handle = worker_handle, .stop = worker_stop,
	.mailbox_limit = 4, .when_full = ACTOR_FULL_DROP,
};

static void check_conservation(void)
{
	struct actor_stats s;

	actor_system_stats(run.sys, &s);
	law(!s.queued, "nothing waits when nothing runs");
	law(s.sent == s.delivered + s.dropped_stale + s.dropped_full +
		      s.dropped_end + s.queued,
	    "sent = delivered + dropped + queued");
}

static int count_one(void *ctx, const struct actor_info *info)
{
	(void)info;
	++*(uint32_t *)ctx;
	return 0;
}

static void check_live(void)
{
	uint32_t live = 0, running = 0;

	actor_system_list(run.sys, count_one, &live);
	for (uint32_t i = 1; i < run.count; i++)
		running += (uint32_t)run.people[i].running;
	law(live == running + 1, "the live actors are those that run, and root");
}

static void inject(void)
{
	uint32_t to = pick();
	struct work_msg *msg;

	if (!to)
		return;
	msg = new_work(0, to, 1 + (uint32_t)rng_below(&run.rng, 12));
	actor_system_send(run.sys, run.people[to].ref, &msg->head);
}

static void begin(uint64_t seed, bool duplicate)
{
	struct actor_system_opts opts = { .cores = CORES, .max_actors = 1024 };

	memset(&run, 0, sizeof(run));
	run.count = 1;
	run.budget = WORK;
	run.duplicate = duplicate;
	rng_init(&run.rng, seed ^ 0x5eed);
	check(!os_sim_new(seed, &run.env));
	opts.env = run.env;
	check(!actor_system_new(&opts, &run.sys));
	check(!actor_system_start(run.sys));
	for (int i = 0; i < 8; i++)
		spawn_one(NULL);
}

static void end(void)
{
	law(!actor_system_shutdown(run.sys, 60000), "a shutdown comes to an end");
	check_conservation();
	for (uint32_t i = 1; i < run.count; i++)
		law(!run.people[i].running, "every start is followed by a stop");
	actor_system_free(run.sys);
	os_env_free(run.env);
	hmap_fini(&run.sent);
	hmap_fini(&run.came);
}

/* Returns the fingerprint; the law that was broken, or NULL. */
static uint64_t play(uint64_t seed, bool duplicate, const char **ret_broken)
{
	begin(seed, duplicate);
	for (int i = 0; i < 2000 && run.budget; i++) {
		inject();
		actor_system_run(run.sys, FOREVER, rng_below(&run.rng, 200));
	}
	actor_system_run(run.sys, FOREVER, FOREVER);
	check_conservation();
	check_live();
	end();
	*ret_broken = run.broken;
	return run.fingerprint;
}

static bool laws_hold(uint64_t first, uint64_t seeds)
{
	const char *broken;

	for (uint64_t seed = first; seed < first + seeds; seed++) {
		play(seed, false, &broken);
		if (!broken)
			continue;
		printf("# seed %" PRIu64 ": broken: %s\n", seed, broken);
		return false;
	}
	return true;
}

static bool replays(uint64_t first, uint64_t seeds)
{
	const char *broken;

	for (uint64_t seed = first; seed < first + seeds; seed++) {
		if (play(seed, false, &broken) == play(seed, false, &broken))
			continue;
		printf("# seed %" PRIu64 ": differs\n", seed);
		return false;
	}
	return true;
}

static bool canary_dies(uint64_t first)
{
	const char *broken = NULL;

	for (uint64_t seed = first; seed < first + 20 && !broken; seed++)
		play(seed, true, &broken);
	return broken;
}

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, 1000, 3);

	check(!actor_types_register(MSG_WORK, types, 1));
	log_set_level(LOG_ERROR - 1);
	tap(laws_hold(seeds.first, seeds.count), "laws_hold_for_every_seed");
	tap(replays(seeds.first, seeds.count / 20 + 1),
	    "a_seed_replays_exactly");
	tap(canary_dies(seeds.first), "a_duplicated_message_is_noticed");
	return tap_failures != 0;
}
