/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and attaches of socket.bpf.c what this kernel takes: where it offers
 * several hooks for an event, one of them.  One thread.
 */
#ifndef MONITOR_SOCKET_HOOKS_H
#define MONITOR_SOCKET_HOOKS_H

#include <stdbool.h>

#include "socket_api.bpf.h"

struct socket_bpf;

/*
 * *returns* the programs, attached, to be given to socket_bpf__destroy();
 * @ret_measured says which spans they fill.  -EPERM without CAP_BPF and
 * CAP_PERFMON; what more they could do with CAP_NET_ADMIN is left out silently.
 */
int socket_hooks_attach(bool ret_measured[SOCKET_SPANS],
			struct socket_bpf **ret_skeleton);

#endif
