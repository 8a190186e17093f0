// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"
#include "os/impl.h"
#include "os/uring.h"
#include "os/work.h"

struct real_env {
	struct os_env env;
	struct work_lane lanes[OS_WORK_LANES];
};

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t real_now_ns(struct os_env *env)
{
	(void)env;
	return read_clock(CLOCK_MONOTONIC);
}

static uint64_t real_wall_ms(struct os_env *env)
{
	(void)env;
	return read_clock(CLOCK_REALTIME) / 1000000;
}

static int real_random(struct os_env *env, void *buf, size_t len)
{
	char *at = buf;

	(void)env;
	while (len) {
		ssize_t n = getrandom(at, len, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* On the lane's thread.  Partner: uring_work_finish(). */
static void hand_back(struct work_job *job)
{
	struct uring_loop *loop = container_of(job->loop, struct uring_loop,
					       loop);
	struct work_job *old = atomic_load_explicit(&loop->finished,
						    memory_order_relaxed);

	do
		job->next = old;
	while (!atomic_compare_exchange_weak_explicit(&loop->finished, &old,
						      job, memory_order_release,
						      memory_order_relaxed));
	os_loop_wake(&loop->loop);
	/* The last touch of the loop.  Partner: uring_work_cancel(). */
	atomic_fetch_sub_explicit(&loop->jobs_out, 1, memory_order_release);
}

int uring_work(struct os_loop *loop, unsigned int lane, int (*fn)(void *arg),
	       void (*done)(void *arg, int result), void *arg)
{
	struct real_env *env = container_of(loop->env, struct real_env, env);
	struct uring_loop *uring = container_of(loop, struct uring_loop, loop);
	struct work_job *job = mem_alloc(sizeof(*job));
	int err;

	if (!job)
		return -ENOMEM;
	*job = (struct work_job){ NULL, loop, fn, done, arg, 0 };
	/* Relaxed: adding the job orders it before the lane's decrement. */
	atomic_fetch_add_explicit(&uring->jobs_out, 1, memory_order_relaxed);
	err = work_lane_add(&env->lanes[lane], job);
	if (err) {
		atomic_fetch_sub_explicit(&uring->jobs_out, 1,
					  memory_order_relaxed);
		mem_free(job);
	}
	return err;
}

static struct work_job *reversed(struct work_job *job)
{
	struct work_job *prev = NULL;

	while (job) {
		struct work_job *next = job->next;

		job->next = prev;
		prev = job;
		job = next;
	}
	return prev;
}

/* Those handed back so far, first first. */
static struct work_job *take_finished(struct uring_loop *loop)
{
	/* Acquire: the jobs' results.  Partner: hand_back(). */
	return reversed(atomic_exchange_explicit(&loop->finished, NULL,
						 memory_order_acquire));
}

void uring_work_cancel(struct uring_loop *loop)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	struct work_job *job, *next;

	while (atomic_load_explicit(&loop->jobs_out, memory_order_acquire))
		nanosleep(&pause, NULL);
	for (job = take_finished(loop); job; job = next) {
		next = job->next;
		mem_free(job);
	}
}

void uring_work_finish(struct uring_loop *loop)
{
	struct work_job *job, *next;

	if (!atomic_load_explicit(&loop->finished, memory_order_relaxed))
		return;
	job = take_finished(loop);
	for (; job; job = next) {
		next = job->next;
		loop->callbacks++;
		job->done(job->arg, job->result);
		mem_free(job);
	}
}

static void real_free(struct os_env *base)
{
	struct real_env *env = container_of(base, struct real_env, env);

	for (int i = 0; i < OS_WORK_LANES; i++)
		work_lane_fini(&env->lanes[i]);
	mem_free(env);
}

static const struct os_env_ops real_ops = {
	.free = real_free,
	.now_ns = real_now_ns,
	.wall_ms = real_wall_ms,
	.random = real_random,
	.loop_new = uring_loop_new,
};

int os_env_new(struct os_env **ret_env)
{
	struct real_env *env = mem_zalloc(sizeof(*env));

	if (!env)
		return -ENOMEM;
	env->env.ops = &real_ops;
	for (int i = 0; i < OS_WORK_LANES; i++)
		work_lane_init(&env->lanes[i], hand_back);
	*ret_env = &env->env;
	return 0;
}
