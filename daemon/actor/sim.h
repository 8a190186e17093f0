/* SPDX-License-Identifier: Apache-2.0 */
/* Private to actor/: all schedulers on one thread, in an order by the seed. */
#ifndef ACTOR_SIM_H
#define ACTOR_SIM_H

#include <stdint.h>

struct actor_system;

/* Runs until root has ended.  -ETIMEDOUT by virtual time. */
int sim_until_root_gone(struct actor_system *sys, uint32_t timeout_ms);

#endif
