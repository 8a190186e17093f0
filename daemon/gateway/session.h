/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway session: an actor that starts with a fresh connection, becomes
 * somebody by IDENTIFY, and outlives its connection for a while, so that a
 * later one can RESUME it.
 *
 *	NEW --IDENTIFY--> OPENING --directory--> LIVE
 *	 ^                   |                     | ends when its client closes
 *	 |                   +--> closed (4004)    | with 1000 or 1001, or is away
 *	 |                                         | for SESSION_AWAY_NS
 *	NEW --RESUME--> ASKING --yes--> GIVING --> ends: the connection now
 *	 ^                |                        belongs to the older session
 *	 +------no--------+  (op 9: the client may IDENTIFY here)
 */
#ifndef GATEWAY_SESSION_H
#define GATEWAY_SESSION_H

#include <stdint.h>

#include "actor/actor.h"
#include "gateway/upgrade.h"
#include "proto/types.h"

struct admission;
struct admission_place;
struct conn;
struct conns;
struct limits;

#define SESSION_AWAY_NS (90ull * 1000 * 1000 * 1000)
#define SESSION_PAYLOADS_MAX 120	/* of a client in … */
#define SESSION_PAYLOADS_NS (60ull * 1000 * 1000 * 1000)

/* What all sessions of a gateway share; never changes. */
#define SESSION_URL_MAX 128

struct session_config {
	char url[SESSION_URL_MAX];	/* "ws://127.0.0.1:8080" */
	uint32_t heartbeat_ms;
	uint32_t stall_ms;		/* a send takes longer: nobody reads */
	uint32_t privileged_intents;	/* those that are granted */
	struct limits *limits;		/* NULL: none are kept */
};

struct session_arg {
	const struct session_config *config;
	struct conns *conns;		/* of the core it is bound to */
	struct admission *admission;	/* the same */
	struct conn **conn;		/* taken by a start that runs: then NULL */
	struct upgrade upgrade;
};

/* arg: struct session_arg.  Bound to the core of `conns`. */
extern const struct actor_class session_class;

/* Between sessions, of any core. */
enum session_take_type {
	SESSION_TAKE_ASK = PROTO_GATEWAY + 0x20,
	SESSION_TAKE_ANSWER,
	SESSION_TAKE_GIVE,
	SESSION_ADMITTED,	/* struct actor_msg alone, to itself */
};

/* For admission_new(). */
void session_admitted(void *ctx, struct admission_place *place);

/* The types above and those of conn.h. */
int session_types_register(void);

#endif
