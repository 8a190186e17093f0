/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS in front of libwebsockets: a tunnel holds a client's descriptor and
 * speaks TLS on it, and libwebsockets gets one end of a socket pair, on which
 * the bytes are plain.  When a WebSocket is open the tunnel is taken apart, and
 * descriptor and TLS go to its connection: only REST and handshakes pass the
 * pair.
 *
 * A tunnel lives until libwebsockets has closed its end, or tunnel_release().
 *
 * Context: the thread of the loop.
 */
#ifndef GATEWAY_TUNNEL_H
#define GATEWAY_TUNNEL_H

#include <stdbool.h>

struct os_loop;
struct tls;
struct tls_server;
struct tunnel;
struct tunnels;

/* Borrows both.  NULL: no memory. */
struct tunnels *tunnels_new(struct os_loop *loop, struct tls_server *server);
/* Cuts all that are left.  NULL is fine. */
void tunnels_free(struct tunnels *tunnels);

/* Whether the clients' sockets have all that was written into plain ends. */
bool tunnels_are_drained(const struct tunnels *tunnels);

/* Takes a connected, non-blocking descriptor, always, and returns the plain
 * end, the caller's.  -ENOMEM, -EMFILE and their like. */
int tunnel_open(struct tunnels *tunnels, int fd, struct tunnel **ret_tunnel,
		int *ret_plain);

/* The client's address in text. */
const char *tunnel_peer(const struct tunnel *tunnel);

/* Ends the tunnel and returns the client's descriptor with its TLS, which holds
 * all that was written into the plain end.  -EPIPE: the client is gone. */
int tunnel_release(struct tunnel *tunnel, struct tls **ret_tls);

#endif
