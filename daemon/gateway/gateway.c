// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "gateway/admission.h"
#include "gateway/conn.h"
#include "gateway/gate.h"
#include "gateway/limit.h"
#include "gateway/route.h"
#include "os/latch.h"
#include "proto/intent.h"
#include "proto/json.h"

#define BACKLOG 4096
#define DEFAULT_HOST "127.0.0.1"
#define START_MS 10000
/* For how long a port may still be held by one who is about to end: io_uring
 * lets a killed process's listener go a moment after the process. */
#define PORT_WAIT_MS 2000
#define PORT_RETRY_MS 20

struct gateway {
	struct api api;
	struct session_config sessions;
	struct tls_server *tls;	/* NULL: none is spoken; borrowed */
	struct admission_stats admission;
	atomic_uint_least64_t drain_until_ns;	/* of all gates together */
	struct os_latch up;	/* gates */
	char base_url[SESSION_URL_MAX + 8]; /* of what is fetched */
	uint16_t port, metrics_port;
	int inside;		/* the listener of /metrics; -1: none */
	int cores;
	int listener[];		/* one for each core, on the same port */
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int parse_host(const char *host, union address *address)
{
	*address = (union address){ 0 };
	if (inet_pton(AF_INET, host, &address->in.sin_addr) == 1) {
		address->any.sa_family = AF_INET;
		return 0;
	}
	if (inet_pton(AF_INET6, host, &address->in6.sin6_addr) == 1) {
		address->any.sa_family = AF_INET6;
		return 0;
	}
	return -EINVAL;
}

static socklen_t address_len(const union address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->in) :
						   sizeof(address->in6);
}

/*
 * Binds to address->port, which becomes the one that was given.  The first one
 * binds alone, so that another process on the port is found out, and only then
 * lets those of the other cores in.
 */
static int listen_on(union address *address, bool first, int *ret_fd)
{
	socklen_t len = address_len(address);
	int fd = socket(address->any.sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, share = !first, err;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof(share)) ||
	    bind(fd, &address->any, len) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    listen(fd, BACKLOG) || getsockname(fd, &address->any, &len)) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

/* Waits for the port, before any other thread runs. */
static int listen_first(union address *address, int *ret_fd)
{
	const struct timespec pause = { .tv_nsec = PORT_RETRY_MS * 1000000 };
	int tries = PORT_WAIT_MS / PORT_RETRY_MS;
	int err = listen_on(address, true, ret_fd);

	while (err == -EADDRINUSE && tries--) {
		nanosleep(&pause, NULL);
		err = listen_on(address, true, ret_fd);
	}
	return err;
}

static int listen_all(struct gateway *gateway, const char *host, uint16_t port)
{
	union address address;
	int err = parse_host(host, &address);
	int i;

	/* Both families have the port in the same place. */
	address.in.sin_port = htons(port);
	if (!err)
		err = listen_first(&address, &gateway->listener[0]);
	for (i = 1; !err && i < gateway->cores; i++)
		err = listen_on(&address, false, &gateway->listener[i]);
	gateway->port = ntohs(address.in.sin_port);
	return err;
}

/* One listener is enough: it is asked every few seconds. */
static int listen_inside(struct gateway *gateway,
			 const struct gateway_opts *opts)
{
	union address address;
	int err = opts->metrics ? parse_host(DEFAULT_HOST, &address) : 0;

	if (err || !opts->metrics)
		return err;
	address.in.sin_port = htons(opts->metrics_port);
	err = listen_on(&address, true, &gateway->inside);
	gateway->metrics_port = ntohs(address.in.sin_port);
	gateway->api.metrics = opts->metrics;
	gateway->api.metrics_ctx = opts->metrics_ctx;
	return err;
}

/* Of the WebSocket's URL: http for ws, https for wss, no slash at the end. */
static void set_base_url(struct gateway *gateway, const char *url)
{
	char *base = gateway->base_url;
	bool ws = !strncmp(url, "ws", 2);
	size_t len;

	snprintf(base, sizeof(gateway->base_url), "%s%s", ws ? "http" : "",
		 url + 2 * ws);
	len = strlen(base);
	if (len && base[len - 1] == '/')
		base[len - 1] = 0;
}

static void configure(struct gateway *gateway, const struct gateway_opts *opts,
		      const char *host)
{
	struct session_config *config = &gateway->sessions;

	if (opts->public_url)
		snprintf(config->url, sizeof(config->url), "%s",
			 opts->public_url);
	else
		snprintf(config->url, sizeof(config->url),
			 strchr(host, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
			 gateway->tls ? "wss" : "ws", host, gateway->port);
	config->heartbeat_ms = opts->heartbeat_ms ? opts->heartbeat_ms :
						    GATEWAY_HEARTBEAT_MS;
	config->stall_ms = opts->stall_ms ? opts->stall_ms : GATEWAY_STALL_MS;
	config->privileged_intents = opts->privileged_intents;
	gateway->api.url = config->url;
	set_base_url(gateway, config->url);
	json_set_base_url(gateway->base_url);
}

int gateway_open(const struct gateway_opts *opts, int cores,
		 struct gateway **ret_gateway)
{
	const char *host = opts->host ? opts->host : DEFAULT_HOST;
	struct gateway *gateway;
	uint64_t seed;
	int err, i;

	gateway = mem_zalloc(sizeof(*gateway) + cores * sizeof(int));
	if (!gateway)
		return -ENOMEM;
	os_latch_init(&gateway->up);
	gateway->cores = cores;
	gateway->inside = -1;
	for (i = 0; i < cores; i++)
		gateway->listener[i] = -1;
	gateway->tls = opts->tls;
	err = listen_all(gateway, host, opts->port);
	if (!err)
		err = listen_inside(gateway, opts);
	if (err)
		goto free_gateway;
	configure(gateway, opts, host);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		err = -EIO;
		goto free_gateway;
	}
	if (!opts->no_rate_limits) {
		gateway->api.limits = limits_new(seed);
		err = gateway->api.limits ? 0 : -ENOMEM;
		if (err)
			goto free_gateway;
	}
	gateway->sessions.limits = gateway->api.limits;
	route_init();
	*ret_gateway = gateway;
	return 0;

free_gateway:
	gateway_free(gateway);
	return err;
}

uint16_t gateway_port(const struct gateway *gateway)
{
	return gateway->port;
}

uint16_t gateway_metrics_port(const struct gateway *gateway)
{
	return gateway->metrics_port;
}

static uint64_t load(const atomic_uint_least64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

void gateway_metrics(const struct gateway *gateway, struct buf *out)
{
	const struct admission_stats *stats = &gateway->admission;
	const struct {
		const char *name, *help;
		enum metric_type type;
		uint64_t value;
	} figures[] = {
		{ "chatd_sessions_opened_total", "Sessions let in to open.",
		  METRIC_COUNTER, load(&stats->admitted) },
		{ "chatd_sessions_opening", "Sessions that open now.",
		  METRIC_GAUGE, load(&stats->inside) },
		{ "chatd_sessions_waiting", "Sessions that wait to open.",
		  METRIC_GAUGE, load(&stats->waiting) },
		{ "chatd_sessions_opening_most", "The most on one core, ever.",
		  METRIC_GAUGE, load(&stats->inside_most) },
		{ "chatd_sessions_waiting_most", "The most on one core, ever.",
		  METRIC_GAUGE, load(&stats->waiting_most) },
		{ "chatd_sessions_slow_total", "Sessions slow to open.",
		  METRIC_COUNTER, load(&stats->overdue) },
	};
	size_t i;

	for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		metrics_family(out, figures[i].name, figures[i].type,
			       figures[i].help);
		metrics_sample(out, figures[i].name, NULL, figures[i].value);
	}
}

int gateway_types_register(void)
{
	int err = gate_types_register();

	return err ? err : session_types_register();
}

int gateway_start(struct gateway *gateway, struct actor_system *sys)
{
	actor_ref ref;
	int i, err = 0;

	for (i = 0; i < gateway->cores && !err; i++) {
		struct gate_arg arg = {
			.api = &gateway->api,
			.sessions = &gateway->sessions,
			.listener = gateway->listener[i],
			.inside = i ? -1 : gateway->inside,
			.tls = gateway->tls,
			.admission = &gateway->admission,
			.drain_until_ns = &gateway->drain_until_ns,
			.up = &gateway->up,
		};
		struct actor_spawn_opts opts = {
			.core = i,
			.restart = ACTOR_RESTART_ON_ERROR,
			.arg_size = sizeof(arg),
		};

		err = actor_system_spawn(sys, &gate_class, &arg, &opts, &ref);
	}
	return err ? err : os_latch_wait(&gateway->up, gateway->cores,
					 START_MS);
}

void gateway_free(struct gateway *gateway)
{
	int i;

	if (!gateway)
		return;
	for (i = 0; i < gateway->cores; i++)
		if (gateway->listener[i] >= 0)
			close(gateway->listener[i]);
	if (gateway->inside >= 0)
		close(gateway->inside);
	if (gateway->api.limits)
		limits_free(gateway->api.limits);
	os_latch_fini(&gateway->up);
	mem_free(gateway);
}
