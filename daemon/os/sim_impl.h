/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to os/: the simulated environment.  Whatever takes time is an event
 * in one list ordered by virtual time; a loop runs its own when they are due.
 * One thread.
 */
#ifndef OS_SIM_IMPL_H
#define OS_SIM_IMPL_H

#include "base/list.h"
#include "base/rng.h"
#include "os/impl.h"
#include "os/sim.h"

struct sim_disk;

struct sim_event {
	struct list link;
	uint64_t at_ns;
	struct sim_loop *loop;
	void (*fire)(struct sim_event *event);	/* frees the event */
	void (*drop)(struct sim_event *event);	/* likewise, not done */
};

struct sim_env {
	struct os_env env;
	struct rng rng;
	uint64_t now_ns;
	uint64_t wall_ms;		/* at now_ns = 0 */
	struct list events;		/* by at_ns, then age */
	struct list loops;
	uint64_t lane_free_ns[OS_WORK_LANES];
	struct os_sim_faults faults;
	uint64_t ops;
	uint64_t fail_op, fail_more;	/* that one, and so many behind it */
	int fail_error;
	struct sim_disk *disk;
	int (*on_send)(void *ctx, int fd, const struct iovec *iov,
		       unsigned int iovcnt);
	void *on_send_ctx;
};

struct sim_loop {
	struct os_loop loop;
	struct list link;
	bool woken;
	bool dead;		/* by a power cut */
	int callbacks;
};

struct sim_env *sim_env_of(struct os_env *env);
struct sim_loop *sim_loop_of(struct os_loop *loop);

/* Lets the event happen in `delay_ns`. */
void sim_event_add(struct sim_env *env, struct sim_event *event,
		   struct sim_loop *loop, uint64_t delay_ns);
/* Counts an operation; 0, or the error that it fails with. */
int sim_op(struct sim_env *env, uint32_t error_ppm);
/* What an operation takes. */
uint64_t sim_latency(struct sim_env *env);

/* sim_disk.c */
struct sim_disk *sim_disk_new(void);
void sim_disk_free(struct sim_disk *disk);
void sim_disk_power_cut(struct sim_env *env);

int sim_file_open(struct os_loop *loop, const char *path, unsigned int flags,
		  struct os_file **ret_file);
int sim_dir_make(struct os_loop *loop, const char *path);
int sim_dir_sync(struct os_loop *loop, const char *path);
int sim_rename(struct os_loop *loop, const char *from, const char *to);
int sim_remove(struct os_loop *loop, const char *path);
int sim_dir_list(struct os_loop *loop, const char *path,
		 int (*fn)(void *ctx, const char *name), void *ctx);

#endif
