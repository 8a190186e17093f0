/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated environment: virtual time, and disks, work and randomness
 * that are functions of one seed.  A failing seed replays exactly.
 */
#ifndef OS_SIM_H
#define OS_SIM_H

#include "os/env.h"

struct iovec;

struct os_sim_faults {
	/* Of a million operations, how many fail with EIO, or hang for
	 * slow_ns; bits flipped in what a read returns. */
	uint32_t read_error_ppm;
	uint32_t write_error_ppm;
	uint32_t sync_error_ppm;
	uint32_t slow_ppm;
	uint32_t bitflip_ppm;
	uint32_t short_ppm;	/* reads and writes that move a part only */
	uint64_t slow_ns;
	uint64_t disk_bytes;	/* -ENOSPC beyond; 0: no limit */
};

int os_sim_new(uint64_t seed, struct os_env **ret_env);
void os_sim_set_faults(struct os_env *env, const struct os_sim_faults *faults);

/* Virtual time moves only by this and by os_loop_run() on simulated loops. */
void os_sim_advance(struct os_env *env, uint64_t to_ns);
/* When the next simulated operation completes; UINT64_MAX: none is pending. */
uint64_t os_sim_next_ns(const struct os_env *env);
void os_sim_step_wall(struct os_env *env, int64_t by_ms);

/*
 * A power cut: each sector written since its file's last sync is, by the seed,
 * kept, lost or torn; unsynced creations and renames are undone or not.  All
 * files and loops of before are dead.
 */
void os_sim_power_cut(struct os_env *env);

/* The next operation numbered n (from 1) fails with -error; 0: none.  For
 * fault loops; returns through os_sim_ops() how many there were. */
void os_sim_fail_nth(struct os_env *env, uint64_t n, int error);
uint64_t os_sim_ops(const struct os_env *env);
/* So many from that one on. */
void os_sim_fail_many(struct os_env *env, uint64_t n, uint64_t count,
		      int error);

/*
 * Where os_send_start() on simulated loops puts its bytes: fn returns 0 or a
 * negative errno, the operation's result.  Without it they go nowhere.
 */
void os_sim_on_send(struct os_env *env,
		    int (*fn)(void *ctx, int fd, const struct iovec *iov,
			      unsigned int iovcnt), void *ctx);

#endif
