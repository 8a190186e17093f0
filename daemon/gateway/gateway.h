/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway: REST, the WebSocket gateway and the web page on one port. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

struct actor_system;
struct buf;
struct gateway;
struct tls_server;

#define GATEWAY_HEARTBEAT_MS 41250
#define GATEWAY_STALL_MS 30000

struct gateway_opts {
	const char *host;	/* address to listen on; NULL: 127.0.0.1 */
	uint16_t port;		/* 0: any free one */
	const char *public_url;	/* told to clients; NULL: ws://host:port */
	struct tls_server *tls;	/* NULL: none is spoken; borrowed */
	uint32_t heartbeat_ms;	/* 0: GATEWAY_HEARTBEAT_MS */
	uint32_t stall_ms;	/* 0: GATEWAY_STALL_MS */
	uint32_t privileged_intents; /* granted ones */
	bool no_rate_limits;
	/*
	 * NULL: no GET /metrics.  It has a port of its own, on 127.0.0.1 alone,
	 * for what stands in front of the other one shows that to anybody.
	 * Called on any core; appends to `out` and must not block.
	 */
	void (*metrics)(void *ctx, struct buf *out);
	void *metrics_ctx;
	uint16_t metrics_port;	/* 0: any free one */
};

/*
 * Listens, for as many cores as the system will have.  Connections wait until
 * gateway_start().  A port that is taken is waited for, two seconds long.
 * -EADDRINUSE and its like, -EINVAL: host is no address, -ENOMEM.
 */
int gateway_open(const struct gateway_opts *opts, int cores,
		 struct gateway **ret_gateway);

/* The port it listens on. */
uint16_t gateway_port(const struct gateway *gateway);
/* That of /metrics; 0: there is none. */
uint16_t gateway_metrics_port(const struct gateway *gateway);

/* Writes its figures.  Any thread. */
void gateway_metrics(const struct gateway *gateway, struct buf *out);

/* Registers its message types: once, before the system starts. */
int gateway_types_register(void);

/*
 * Starts a gate on each core and waits until all of them serve.  The directory
 * runs already.  The system's shutdown stops them, with their sessions.
 * -ETIMEDOUT, or why the first one could not.
 */
int gateway_start(struct gateway *gateway, struct actor_system *sys);

/* After the system has shut down.  NULL is fine. */
void gateway_free(struct gateway *gateway);

#endif
