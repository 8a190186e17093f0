/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A core's way in: an actor that listens, serves HTTP, and starts a session
 * for each WebSocket.
 */
#ifndef GATEWAY_GATE_H
#define GATEWAY_GATE_H

#include <stdatomic.h>
#include <stdint.h>

#include "actor/actor.h"
#include "gateway/api.h"
#include "gateway/session.h"

struct admission_stats;
struct os_latch;
struct tls_server;

struct gate_arg {
	const struct api *api;
	const struct session_config *sessions;
	int listener;		/* a listening, non-blocking socket; borrowed */
	int inside;		/* the same, for operators, in clear; -1: none */
	struct tls_server *tls;	/* NULL: none is spoken; borrowed */
	struct admission_stats *admission;	/* borrowed */
	/* Until when calls under way are waited for; 0: not told to stop yet.
	 * The first gate that is sets it, for all of them; borrowed. */
	atomic_uint_least64_t *drain_until_ns;
	struct os_latch *up;	/* told how the start went; borrowed */
};

/* arg: struct gate_arg.  One bound to each core. */
extern const struct actor_class gate_class;

int gate_types_register(void);

#endif
