/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What owners call their connections, by socket cookie: chatd says which
 * session a connection is.  Bounded: the oldest names give way.  One thread.
 */
#ifndef MONITOR_SOCKET_NAMES_H
#define MONITOR_SOCKET_NAMES_H

#include <stdint.h>

#define SOCKET_NAMES_MAX 65536
#define SOCKET_NAME_SIZE 48

struct socket_names;

int socket_names_new(struct socket_names **ret_names);
void socket_names_free(struct socket_names *names);

/* -EINVAL for cookie 0 or a name that is too long or not printable ASCII. */
int socket_names_set(struct socket_names *names, uint64_t cookie,
		     const char *name);
/* "" when it has none.  *borrows*: valid until the next set. */
const char *socket_names_get(const struct socket_names *names,
			     uint64_t cookie);

#endif
