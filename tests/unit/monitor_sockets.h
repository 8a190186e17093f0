/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of a test's own, and what the socket programs say of them. */
#ifndef UNIT_MONITOR_SOCKETS_H
#define UNIT_MONITOR_SOCKETS_H

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "monitor/hist.h"
#include "monitor/sockets.h"

#define MESSAGES 50
#define WAIT_NS 30000000ULL

#define MINUTE_NS 60000000000ULL

static struct sockets *sockets;
static struct sockets_state *state;
static uint64_t now_ns = 1;	/* as sockets_tick() is told */

struct pair {
	int listener, client, server;
	uint16_t port;
};

static inline int set_up(void **unused)
{
	char why[1024] = "";

	(void)unused;
	state = mem_zalloc(sizeof(*state));
	if (sockets_open(why, sizeof(why), &sockets))
		print_message("# no eBPF: %s\n", why);
	return 0;
}

static inline int tear_down(void **unused)
{
	(void)unused;
	sockets_close(sockets);
	mem_free(state);
	return 0;
}

/* Listens and connects, but does not accept. */
static inline void pair_connect(struct pair *pair, int family)
{
	struct sockaddr_storage address = { .ss_family = (sa_family_t)family };
	socklen_t size = sizeof(address);

	if (family == AF_INET)
		((struct sockaddr_in *)&address)->sin_addr.s_addr =
			htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
	pair->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(pair->listener, (struct sockaddr *)&address,
			      family == AF_INET ? sizeof(struct sockaddr_in) :
						  sizeof(struct sockaddr_in6)),
			 0);
	assert_int_equal(listen(pair->listener, 5), 0);
	assert_int_equal(getsockname(pair->listener,
				     (struct sockaddr *)&address, &size), 0);
	pair->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
	pair->client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(pair->client, (struct sockaddr *)&address,
				 size), 0);
}

static inline void pair_accept(struct pair *pair)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);

	pair->server = accept(pair->listener, (struct sockaddr *)&peer, &size);
	assert_true(pair->server >= 0);
}

/* On that port of loopback, or if it is 0 on any, which is then returned. */
static inline int listen_on_port(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on,
				    sizeof(on)), 0);
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

static inline int connect_to(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)address,
				 sizeof(*address)), 0);
	return fd;
}

static inline void pair_open(struct pair *pair, int family)
{
	pair_connect(pair, family);
	pair_accept(pair);
}

static inline void pair_close(struct pair *pair)
{
	close(pair->client);
	close(pair->server);
	close(pair->listener);
}

/* NULL when there is none. */
static inline const struct sockets_group *find_group(uint16_t port)
{
	assert_int_equal(sockets_read(sockets, state), 0);
	for (size_t i = 0; i < state->groups; i++)
		if (state->group[i].of.port == port)
			return &state->group[i];
	return NULL;
}

/* Of what was read last; NULL when there is none. */
static inline const struct sockets_group *group_of_process(uint16_t port, pid_t pid)
{
	for (size_t i = 0; i < state->groups; i++)
		if (state->group[i].of.port == port &&
		    state->group[i].of.pid == (uint32_t)pid)
			return &state->group[i];
	return NULL;
}

/* Long enough for everything that may be forgotten. */
static inline void pass_minutes(void)
{
	for (int i = 0; i < 3; i++) {
		sockets_tick(sockets, now_ns);
		now_ns += 2 * MINUTE_NS;
	}
}

static inline const struct sockets_group *group_of(uint16_t port)
{
	const struct sockets_group *group = find_group(port);

	assert_non_null(group);
	return group;
}

static inline void wait_ns(uint64_t ns)
{
	const struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

/* Waits for @fd to be readable, then for @ns more, then reads. */
static inline void read_late(int fd, uint64_t ns)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char bytes[4096];

	assert_int_equal(poll(&ready, 1, 10000), 1);
	if (ns)
		wait_ns(ns);
	assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
}

static inline void exchange(struct pair *pair, uint64_t reader_waits_ns, int messages)
{
	for (int i = 0; i < messages; i++) {
		assert_int_equal(send(pair->client, "hello", 5, 0), 5);
		read_late(pair->server, reader_waits_ns);
		assert_int_equal(send(pair->server, "world!", 6, 0), 6);
		read_late(pair->client, 0);
	}
}

#endif
