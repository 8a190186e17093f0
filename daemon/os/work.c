// SPDX-License-Identifier: Apache-2.0
#include "os/work.h"

#include <signal.h>
#include <stddef.h>

void work_lane_init(struct work_lane *lane,
		    void (*finished)(struct work_job *job))
{
	*lane = (struct work_lane){ .finished = finished };
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->filled, NULL);
	lane->tail = &lane->head;
}

/* The next job; NULL when stopping and none is left. */
static struct work_job *next_job(struct work_lane *lane)
{
	struct work_job *job;

	pthread_mutex_lock(&lane->lock);
	while (!lane->head && !lane->stopping)
		pthread_cond_wait(&lane->filled, &lane->lock);
	job = lane->head;
	if (job) {
		lane->head = job->next;
		if (!lane->head)
			lane->tail = &lane->head;
	}
	pthread_mutex_unlock(&lane->lock);
	return job;
}

static void *lane_main(void *arg)
{
	struct work_lane *lane = arg;
	struct work_job *job;

	while ((job = next_job(lane))) {
		job->result = job->fn(job->arg);
		lane->finished(job);
	}
	return NULL;
}

/* Signals are the main thread's business. */
static int start(struct work_lane *lane)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&lane->thread, NULL, lane_main, lane);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	lane->started = !err;
	return -err;
}

int work_lane_add(struct work_lane *lane, struct work_job *job)
{
	int err = 0;

	job->next = NULL;
	pthread_mutex_lock(&lane->lock);
	if (!lane->started)
		err = start(lane);
	if (!err) {
		*lane->tail = job;
		lane->tail = &job->next;
		pthread_cond_signal(&lane->filled);
	}
	pthread_mutex_unlock(&lane->lock);
	return err;
}

void work_lane_fini(struct work_lane *lane)
{
	bool started;

	pthread_mutex_lock(&lane->lock);
	lane->stopping = true;
	started = lane->started;
	pthread_cond_signal(&lane->filled);
	pthread_mutex_unlock(&lane->lock);
	if (started)
		pthread_join(lane->thread, NULL);
	pthread_cond_destroy(&lane->filled);
	pthread_mutex_destroy(&lane->lock);
}
