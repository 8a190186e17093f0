/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells superdiskd(8), where one runs, which session a connection is, so that
 * its list of slow connections names sessions.  Best effort: nothing waits for
 * it, and without a superdiskd nothing happens.
 *
 * Looked for at $SUPERDISK_SOCKET, else in its usual place.  Any thread.
 */
#ifndef GATEWAY_EYES_H
#define GATEWAY_EYES_H

#include <stdint.h>

#include "actor/actor.h"

/* The name is "USER/SESSION", the latter being what session ids begin with. */
void eyes_name(uint64_t socket_cookie, uint64_t user_id, actor_ref session);

#endif
