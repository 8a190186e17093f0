// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/mem.h"
#include "os/sim_impl.h"

#define SIM_START_NS 1000000000ull
#define SIM_WALL_MS 1700000000000ull	/* November 2023 */
#define LATENCY_MIN_NS 20000
#define LATENCY_SPREAD_NS 400000

struct sim_env *sim_env_of(struct os_env *env)
{
	check(os_env_is_simulated(env));
	return container_of(env, struct sim_env, env);
}

struct sim_loop *sim_loop_of(struct os_loop *loop)
{
	return container_of(loop, struct sim_loop, loop);
}

int sim_op(struct sim_env *env, uint32_t error_ppm)
{
	env->ops++;
	if (env->fail_op && env->ops >= env->fail_op &&
	    env->ops - env->fail_op <= env->fail_more)
		return -env->fail_error;
	return rng_chance(&env->rng, error_ppm) ? -EIO : 0;
}

uint64_t sim_latency(struct sim_env *env)
{
	uint64_t ns = LATENCY_MIN_NS + rng_below(&env->rng, LATENCY_SPREAD_NS);

	if (rng_chance(&env->rng, env->faults.slow_ppm))
		ns += env->faults.slow_ns;
	return ns;
}

void sim_event_add(struct sim_env *env, struct sim_event *event,
		   struct sim_loop *loop, uint64_t delay_ns)
{
	struct list *at = env->events.prev;

	event->loop = loop;
	event->at_ns = env->now_ns + delay_ns;
	while (at != &env->events &&
	       list_entry(at, struct sim_event, link)->at_ns > event->at_ns)
		at = at->prev;
	list_push_front(at, &event->link);
}

static uint64_t next_ns(const struct sim_env *env)
{
	if (list_empty(&env->events))
		return UINT64_MAX;
	return list_entry(env->events.next, struct sim_event, link)->at_ns;
}

uint64_t os_sim_next_ns(const struct os_env *env)
{
	return next_ns(sim_env_of((struct os_env *)env));
}

/* The loop's first event that is due, taken out. */
static struct sim_event *take_due(struct sim_env *env, struct sim_loop *loop)
{
	list_for_each(link, &env->events) {
		struct sim_event *event = list_entry(link, struct sim_event,
						     link);

		if (event->at_ns > env->now_ns)
			return NULL;
		if (event->loop == loop) {
			list_del(link);
			return event;
		}
	}
	return NULL;
}

static void run_due(struct sim_env *env, struct sim_loop *loop)
{
	struct sim_event *event;

	while (!loop->dead && (event = take_due(env, loop))) {
		loop->callbacks++;
		event->fire(event);
	}
}

static int sim_run(struct os_loop *base, uint64_t deadline_ns)
{
	struct sim_loop *loop = sim_loop_of(base);
	struct sim_env *env = sim_env_of(base->env);
	uint64_t until = next_ns(env);

	loop->callbacks = 0;
	run_due(env, loop);
	if (until > deadline_ns)
		until = deadline_ns;
	if (!loop->callbacks && !loop->woken && until > env->now_ns &&
	    until != UINT64_MAX) {
		env->now_ns = until;
		run_due(env, loop);
	}
	loop->woken = false;
	return loop->callbacks;
}

static void sim_wake(struct os_loop *loop)
{
	sim_loop_of(loop)->woken = true;
}

static void sim_cancel(struct os_loop *base)
{
	struct sim_loop *loop = sim_loop_of(base);
	struct sim_env *env = sim_env_of(base->env);

	list_for_each_safe(link, &env->events) {
		struct sim_event *event = list_entry(link, struct sim_event,
						     link);

		if (event->loop != loop)
			continue;
		list_del(link);
		event->drop(event);
	}
}

static void sim_loop_free(struct os_loop *base)
{
	struct sim_loop *loop = sim_loop_of(base);

	sim_cancel(base);
	list_del(&loop->link);
	mem_free(loop);
}

/* There are no foreign descriptors in a simulation. */
static int sim_poll_start(struct os_loop *loop, int fd, unsigned int events,
			  void (*fn)(void *ctx, unsigned int revents),
			  void *ctx, struct os_poll **ret_poll)
{
	(void)loop;
	(void)fd;
	(void)events;
	(void)fn;
	(void)ctx;
	(void)ret_poll;
	return -EOPNOTSUPP;
}

struct sim_work {
	struct sim_event event;
	int (*fn)(void *arg);
	void (*done)(void *arg, int result);
	void *arg;
};

static void work_fire(struct sim_event *event)
{
	struct sim_work *work = container_of(event, struct sim_work, event);
	int result = work->fn(work->arg);

	work->done(work->arg, result);
	mem_free(work);
}

static void work_drop(struct sim_event *event)
{
	mem_free(container_of(event, struct sim_work, event));
}

static int sim_work(struct os_loop *loop, unsigned int lane,
		    int (*fn)(void *arg), void (*done)(void *arg, int result),
		    void *arg)
{
	struct sim_env *env = sim_env_of(loop->env);
	struct sim_work *work = mem_alloc(sizeof(*work));
	uint64_t at = env->now_ns;

	if (!work)
		return -ENOMEM;
	*work = (struct sim_work){ .fn = fn, .done = done, .arg = arg };
	work->event.fire = work_fire;
	work->event.drop = work_drop;
	if (at < env->lane_free_ns[lane])
		at = env->lane_free_ns[lane];
	at += sim_latency(env);
	env->lane_free_ns[lane] = at;
	sim_event_add(env, &work->event, sim_loop_of(loop), at - env->now_ns);
	return 0;
}

struct sim_send {
	struct sim_event event;
	struct os_send *op;
	int err;
};

static void send_fire(struct sim_event *event)
{
	struct sim_send *send = container_of(event, struct sim_send, event);
	struct sim_env *env = sim_env_of(event->loop->loop.env);
	struct os_send *op = send->op;
	int err = send->err;

	mem_free(send);
	if (!err && env->on_send)
		err = env->on_send(env->on_send_ctx, op->fd, op->iov,
				   op->iovcnt);
	op->done(op, err);
}

static void send_drop(struct sim_event *event)
{
	mem_free(container_of(event, struct sim_send, event));
}

static int sim_send(struct os_loop *loop, struct os_send *op)
{
	struct sim_env *env = sim_env_of(loop->env);
	struct sim_send *send = mem_alloc(sizeof(*send));

	if (!send)
		return -EAGAIN;
	*send = (struct sim_send){ .op = op, .err = sim_op(env, 0) };
	send->event.fire = send_fire;
	send->event.drop = send_drop;
	sim_event_add(env, &send->event, sim_loop_of(loop), sim_latency(env));
	return 0;
}

/* It ends soon anyway. */
static void sim_send_cancel(struct os_loop *loop, struct os_send *op)
{
	(void)loop;
	(void)op;
}

static const struct os_loop_ops sim_loop_ops = {
	.free = sim_loop_free,
	.cancel = sim_cancel,
	.run = sim_run,
	.wake = sim_wake,
	.poll_start = sim_poll_start,
	.work = sim_work,
	.send = sim_send,
	.send_cancel = sim_send_cancel,
	.file_open = sim_file_open,
	.dir_make = sim_dir_make,
	.dir_sync = sim_dir_sync,
	.rename = sim_rename,
	.remove = sim_remove,
	.dir_list = sim_dir_list,
};

static int sim_loop_new(struct os_env *base, struct os_loop **ret_loop)
{
	struct sim_env *env = sim_env_of(base);
	struct sim_loop *loop = mem_zalloc(sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->loop = (struct os_loop){ &sim_loop_ops, base };
	list_push(&env->loops, &loop->link);
	*ret_loop = &loop->loop;
	return 0;
}

static uint64_t sim_now_ns(struct os_env *env)
{
	return sim_env_of(env)->now_ns;
}

static uint64_t sim_wall_ms(struct os_env *base)
{
	struct sim_env *env = sim_env_of(base);

	return env->wall_ms + env->now_ns / 1000000;
}

static int sim_random(struct os_env *env, void *buf, size_t len)
{
	rng_fill(&sim_env_of(env)->rng, buf, len);
	return 0;
}

static void sim_free(struct os_env *base)
{
	struct sim_env *env = sim_env_of(base);

	check(list_empty(&env->loops));
	sim_disk_free(env->disk);
	mem_free(env);
}

static const struct os_env_ops sim_env_ops = {
	.simulated = true,
	.free = sim_free,
	.now_ns = sim_now_ns,
	.wall_ms = sim_wall_ms,
	.random = sim_random,
	.loop_new = sim_loop_new,
};

int os_sim_new(uint64_t seed, struct os_env **ret_env)
{
	struct sim_env *env = mem_zalloc(sizeof(*env));

	if (!env)
		return -ENOMEM;
	env->env.ops = &sim_env_ops;
	env->now_ns = SIM_START_NS;
	env->wall_ms = SIM_WALL_MS;
	rng_init(&env->rng, seed);
	list_init(&env->events);
	list_init(&env->loops);
	env->disk = sim_disk_new();
	if (!env->disk) {
		mem_free(env);
		return -ENOMEM;
	}
	*ret_env = &env->env;
	return 0;
}

void os_sim_set_faults(struct os_env *env, const struct os_sim_faults *faults)
{
	sim_env_of(env)->faults = *faults;
}

void os_sim_advance(struct os_env *base, uint64_t to_ns)
{
	struct sim_env *env = sim_env_of(base);

	if (to_ns > env->now_ns)
		env->now_ns = to_ns;
}

void os_sim_step_wall(struct os_env *env, int64_t by_ms)
{
	sim_env_of(env)->wall_ms += (uint64_t)by_ms;
}

void os_sim_fail_nth(struct os_env *base, uint64_t n, int error)
{
	struct sim_env *env = sim_env_of(base);

	env->ops = 0;
	env->fail_op = n;
	env->fail_more = 0;
	env->fail_error = abs(error);
}

void os_sim_fail_many(struct os_env *base, uint64_t n, uint64_t count,
		      int error)
{
	os_sim_fail_nth(base, n, error);
	sim_env_of(base)->fail_more = count - 1;
}

uint64_t os_sim_ops(const struct os_env *env)
{
	return sim_env_of((struct os_env *)env)->ops;
}

void os_sim_on_send(struct os_env *base,
		    int (*fn)(void *ctx, int fd, const struct iovec *iov,
			      unsigned int iovcnt), void *ctx)
{
	struct sim_env *env = sim_env_of(base);

	env->on_send = fn;
	env->on_send_ctx = ctx;
}

void os_sim_power_cut(struct os_env *base)
{
	struct sim_env *env = sim_env_of(base);
	struct list *link;

	sim_disk_power_cut(env);
	while ((link = list_pop(&env->events))) {
		struct sim_event *event = list_entry(link, struct sim_event,
						     link);

		event->drop(event);
	}
	list_for_each(pos, &env->loops)
		list_entry(pos, struct sim_loop, link)->dead = true;
}
