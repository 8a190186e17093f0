/* SPDX-License-Identifier: Apache-2.0 */
/* The privileges of this process, given up as early as possible. */
#ifndef MONITOR_CAPABILITIES_H
#define MONITOR_CAPABILITIES_H

#include <stdbool.h>

/*
 * Gives up all capabilities but CAP_NET_ADMIN, and that too unless
 * @keep_net_admin (what the module demands for its commands); nothing can be
 * gained again, by exec neither.
 */
int capabilities_drop(bool keep_net_admin);

#endif
