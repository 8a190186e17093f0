/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment: everything that is not a function of the program's input.
 * Time, randomness, disks and blocking work are reached through an os_env; the
 * real one asks the kernel, the simulated one (os/sim.h) a seed.
 */
#ifndef OS_ENV_H
#define OS_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct os_env;

/* The kernel's.  One per process is enough. */
int os_env_new(struct os_env **ret_env);
void os_env_free(struct os_env *env);

bool os_env_is_simulated(const struct os_env *env);

/* Monotonic nanoseconds.  Any thread. */
uint64_t os_now_ns(struct os_env *env);
/* Milliseconds since 1970.  May step.  Any thread. */
uint64_t os_wall_ms(struct os_env *env);
/* Fills buf from the system's (or the seed's) generator.  Any thread. */
int os_random(struct os_env *env, void *buf, size_t len);

#endif
