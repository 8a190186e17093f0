/* SPDX-License-Identifier: Apache-2.0 */
/* Private to os/: threads that may block, one per lane, started when used. */
#ifndef OS_WORK_H
#define OS_WORK_H

#include <pthread.h>
#include <stdbool.h>

#include "os/loop.h"

struct work_job {
	struct work_job *next;
	struct os_loop *loop;
	int (*fn)(void *arg);
	void (*done)(void *arg, int result);
	void *arg;
	int result;
};

struct work_lane {
	pthread_mutex_t lock;	/* guards all below */
	pthread_cond_t filled;
	pthread_t thread;
	struct work_job *head, **tail;
	bool started;
	bool stopping;
	void (*finished)(struct work_job *job);	/* on the lane's thread */
};

void work_lane_init(struct work_lane *lane,
		    void (*finished)(struct work_job *job));
/* Finishes what is queued, then ends the thread. */
void work_lane_fini(struct work_lane *lane);
/* Takes the job.  -EAGAIN when no thread can be had. */
int work_lane_add(struct work_lane *lane, struct work_job *job);

#endif
