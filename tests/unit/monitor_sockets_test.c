// SPDX-License-Identifier: Apache-2.0
/*
 * The socket programs on this kernel, for real: a listener and a client over
 * loopback, IPv4 and IPv6.  Skips where eBPF is refused.
 */
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

static int set_up(void **unused)
{
	char why[1024] = "";

	(void)unused;
	state = mem_zalloc(sizeof(*state));
	if (sockets_open(why, sizeof(why), &sockets))
		print_message("# no eBPF: %s\n", why);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	sockets_close(sockets);
	mem_free(state);
	return 0;
}

/* Listens and connects, but does not accept. */
static void pair_connect(struct pair *pair, int family)
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

static void pair_accept(struct pair *pair)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);

	pair->server = accept(pair->listener, (struct sockaddr *)&peer, &size);
	assert_true(pair->server >= 0);
}

/* On that port of loopback, or if it is 0 on any, which is then returned. */
static int listen_on_port(struct sockaddr_in *address)
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

static int connect_to(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)address,
				 sizeof(*address)), 0);
	return fd;
}

static void pair_open(struct pair *pair, int family)
{
	pair_connect(pair, family);
	pair_accept(pair);
}

static void pair_close(struct pair *pair)
{
	close(pair->client);
	close(pair->server);
	close(pair->listener);
}

/* NULL when there is none. */
static const struct sockets_group *find_group(uint16_t port)
{
	assert_int_equal(sockets_read(sockets, state), 0);
	for (size_t i = 0; i < state->groups; i++)
		if (state->group[i].of.port == port)
			return &state->group[i];
	return NULL;
}

/* Of what was read last; NULL when there is none. */
static const struct sockets_group *group_of_process(uint16_t port, pid_t pid)
{
	for (size_t i = 0; i < state->groups; i++)
		if (state->group[i].of.port == port &&
		    state->group[i].of.pid == (uint32_t)pid)
			return &state->group[i];
	return NULL;
}

/* Long enough for everything that may be forgotten. */
static void pass_minutes(void)
{
	for (int i = 0; i < 3; i++) {
		sockets_tick(sockets, now_ns);
		now_ns += 2 * MINUTE_NS;
	}
}

static const struct sockets_group *group_of(uint16_t port)
{
	const struct sockets_group *group = find_group(port);

	assert_non_null(group);
	return group;
}

static void wait_ns(uint64_t ns)
{
	const struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

/* Waits for @fd to be readable, then for @ns more, then reads. */
static void read_late(int fd, uint64_t ns)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char bytes[4096];

	assert_int_equal(poll(&ready, 1, 10000), 1);
	if (ns)
		wait_ns(ns);
	assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
}

static void exchange(struct pair *pair, uint64_t reader_waits_ns, int messages)
{
	for (int i = 0; i < messages; i++) {
		assert_int_equal(send(pair->client, "hello", 5, 0), 5);
		read_late(pair->server, reader_waits_ns);
		assert_int_equal(send(pair->server, "world!", 6, 0), 6);
		read_late(pair->client, 0);
	}
}

static void check_family(int family)
{
	const struct sockets_group *group;
	struct pair pair;
	uint64_t lost;

	if (!sockets)
		skip();
	pair_open(&pair, family);
	exchange(&pair, 0, MESSAGES);
	group = group_of(pair.port);
	lost = state->missed;
	assert_int_equal(group->of.accepted, 1);
	assert_int_equal(group->connections, 1);
	assert_int_equal(group->of.pid, getpid());
	assert_true(hist_count(&group->hist[SOCKET_RTT]) > 0);
	if (state->measured[SOCKET_READ]) {
		uint64_t reads = hist_count(&group->hist[SOCKET_READ]);

		assert_true(reads <= MESSAGES);
		assert_true(reads + lost >= MESSAGES);
	}
	/* an ACK may cover two sends, and the last may still be on its way */
	if (state->measured[SOCKET_ACK])
		assert_true(hist_count(&group->hist[SOCKET_ACK]) + lost >=
			    MESSAGES / 2);
	pair_close(&pair);
	group = group_of(pair.port);
	assert_true(hist_count(&group->hist[SOCKET_LIFE]) + lost >= 1);
	assert_int_equal(group->connections, 0);
}

static void connections_over_ipv4_are_measured(void **unused)
{
	(void)unused;
	check_family(AF_INET);
}

static void connections_over_ipv6_are_measured(void **unused)
{
	(void)unused;
	check_family(AF_INET6);
}

static void a_reader_that_waits_shows_its_wait(void **unused)
{
	const struct sockets_group *group;
	struct pair pair;
	uint64_t p50;

	(void)unused;
	if (!sockets)
		skip();
	pair_open(&pair, AF_INET);
	exchange(&pair, WAIT_NS, MESSAGES);
	group = group_of(pair.port);
	if (!state->measured[SOCKET_READ])
		skip();
	p50 = hist_quantile(&group->hist[SOCKET_READ], 0.5);
	print_message("# reader waits 30 ms, p50 %llu us\n",
		      (unsigned long long)p50 / 1000);
	/* never less than it waited, but for the error of a bucket */
	assert_true(p50 * 100 >= WAIT_NS * 94);
	assert_true(p50 < WAIT_NS * 20);
	pair_close(&pair);
}

/* What waits is shown while it does, and how long it did afterwards. */
static void check_accept(int family)
{
	const struct sockets_group *group;
	struct pair pair;
	uint64_t p50, lost;

	if (!sockets)
		skip();
	pair_connect(&pair, family);
	wait_ns(WAIT_NS);
	group = group_of(pair.port);
	lost = state->missed;
	assert_int_equal(group->backlog, 1);
	assert_true(lost || group->unaccepted_ns >= WAIT_NS);
	pair_accept(&pair);
	group = group_of(pair.port);
	assert_int_equal(group->unaccepted_ns, 0);
	if (!state->measured[SOCKET_ACCEPT])
		skip();
	p50 = hist_quantile(&group->hist[SOCKET_ACCEPT], 0.5);
	print_message("# accept after 30 ms, p50 %llu us\n",
		      (unsigned long long)p50 / 1000);
	if (!state->missed) {
		assert_int_equal(hist_count(&group->hist[SOCKET_ACCEPT]), 1);
		assert_true(p50 * 100 >= WAIT_NS * 94);
	}
	/* it was accepted once, whoever asks for its peer later */
	exchange(&pair, 0, 1);
	getpeername(pair.server, (struct sockaddr *)&(struct sockaddr_in) { 0 },
		    &(socklen_t) { sizeof(struct sockaddr_in) });
	group = group_of(pair.port);
	assert_true(hist_count(&group->hist[SOCKET_ACCEPT]) <= 1);
	pair_close(&pair);
}

static void a_late_accept_shows_its_wait(void **unused)
{
	(void)unused;
	check_accept(AF_INET);
	check_accept(AF_INET6);
}

/* A thread's own network namespace, in which there is only loopback. */
struct elsewhere {
	pthread_t thread;
	struct pair pair;
	bool refused;
	sem_t go_on, done;
};

static void *live_elsewhere(void *arg)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct elsewhere *e = arg;
	int fd;

	e->refused = unshare(CLONE_NEWNET) != 0;
	if (!e->refused) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		e->refused = ioctl(fd, SIOCSIFFLAGS, &loopback) != 0;
		close(fd);
	}
	if (!e->refused) {
		pair_open(&e->pair, AF_INET);
		exchange(&e->pair, 0, 1);
	}
	sem_post(&e->done);
	sem_wait(&e->go_on);
	return NULL;
}

/*
 * The walk over all sockets sees one namespace only, the programs all of them:
 * what it does not see must not be taken for gone.
 */
static void a_quiet_listener_in_another_namespace_is_kept(void **unused)
{
	const struct sockets_group *group;
	struct elsewhere e = { 0 };

	(void)unused;
	if (!sockets)
		skip();
	sem_init(&e.done, 0, 0);
	sem_init(&e.go_on, 0, 0);
	assert_int_equal(pthread_create(&e.thread, NULL, live_elsewhere, &e),
			 0);
	sem_wait(&e.done);
	sem_post(&e.go_on);
	pthread_join(e.thread, NULL);
	if (e.refused)
		skip();
	pass_minutes();
	exchange(&e.pair, 0, MESSAGES);
	group = group_of(e.pair.port);
	assert_int_equal(group->of.accepted, 1);
	assert_true(hist_count(&group->hist[SOCKET_RTT]) + state->missed >=
		    MESSAGES);
	pair_close(&e.pair);
}

/* Its place is for another then; one that only sleeps keeps it. */
static void a_listener_that_has_gone_is_forgotten(void **unused)
{
	struct pair gone, quiet;

	(void)unused;
	if (!sockets)
		skip();
	pair_open(&gone, AF_INET);
	pair_open(&quiet, AF_INET);
	close(quiet.client);
	close(quiet.server);
	pair_close(&gone);
	pass_minutes();
	if (!state->missed)
		assert_null(find_group(gone.port));
	assert_non_null(find_group(quiet.port));
	close(quiet.listener);
}

/* A process that accepts one connection and answers until it is closed. */
static pid_t fork_server(int listener)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	char bytes[64];
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = accept(listener, (struct sockaddr *)&peer, &size);
	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		send(fd, "world!", 6, 0);
	_exit(0);
}

static void ask(int fd, int messages)
{
	for (int i = 0; i < messages; i++) {
		assert_int_equal(send(fd, "hello", 5, 0), 5);
		read_late(fd, 0);
	}
}

/* The processes that were forked later hold it, too: closing is not enough. */
static void end_server(int client, pid_t pid)
{
	shutdown(client, SHUT_RDWR);
	close(client);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void check_share(uint16_t port, pid_t pid, uint64_t reads)
{
	const struct sockets_group *group = group_of_process(port, pid);
	uint64_t seen;

	assert_non_null(group);
	seen = hist_count(&group->hist[SOCKET_READ]);
	print_message("# process %d of port %u: %llu of %llu reads\n",
		      (int)pid, port, (unsigned long long)seen,
		      (unsigned long long)reads);
	assert_int_equal(group->of.accepted, 1);
	assert_int_equal(group->connections, 1);
	assert_true(hist_count(&group->hist[SOCKET_RTT]) > 0);
	if (state->measured[SOCKET_READ]) {
		assert_true(seen <= reads);
		assert_true(seen + state->missed >= reads);
	}
	if (state->measured[SOCKET_ACCEPT])
		assert_true(hist_count(&group->hist[SOCKET_ACCEPT]) +
			    state->missed >= 1);
}

/* One listener, one cgroup, two processes: each has its own figures. */
static void processes_of_one_port_are_told_apart(void **unused)
{
	struct sockaddr_in address = { 0 };
	int listener, client[2];
	uint16_t port;
	pid_t pid[2];

	(void)unused;
	if (!sockets)
		skip();
	listener = listen_on_port(&address);
	port = ntohs(address.sin_port);
	for (int i = 0; i < 2; i++) {
		pid[i] = fork_server(listener);
		client[i] = connect_to(&address);
		ask(client[i], MESSAGES * (i + 1));
	}
	assert_int_equal(sockets_read(sockets, state), 0);
	for (int i = 0; i < 2; i++)
		check_share(port, pid[i], MESSAGES * (uint64_t)(i + 1));
	/* one that has ended is forgotten, the other is not, though it is quiet */
	end_server(client[0], pid[0]);
	pass_minutes();
	assert_int_equal(sockets_read(sockets, state), 0);
	if (!state->missed)
		assert_null(group_of_process(port, pid[0]));
	assert_non_null(group_of_process(port, pid[1]));
	end_server(client[1], pid[1]);
	close(listener);
}

/* Each with a listener of its own on one port: who lets connections wait? */
static void a_queue_is_that_of_the_process_that_listens(void **unused)
{
	struct sockaddr_in address = { 0 };
	const struct sockets_group *ours, *other;
	int listener, client[64], said[2];
	uint16_t port;
	pid_t pid;
	char byte;

	(void)unused;
	if (!sockets)
		skip();
	listener = listen_on_port(&address);
	port = ntohs(address.sin_port);
	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(listener);
		listen_on_port(&address);
		assert_int_equal(write(said[1], "", 1), 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(said[0], &byte, 1), 1);
	for (int i = 0; i < 64; i++)
		client[i] = connect_to(&address);
	assert_int_equal(sockets_read(sockets, state), 0);
	ours = group_of_process(port, getpid());
	other = group_of_process(port, pid);
	assert_non_null(ours);
	assert_non_null(other);
	assert_true(ours->backlog && other->backlog);
	assert_int_equal(ours->backlog + other->backlog, 64);
	if (!state->missed) {
		assert_int_equal(ours->connections, ours->backlog);
		assert_int_equal(other->connections, other->backlog);
		assert_true(ours->unaccepted_ns && other->unaccepted_ns);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 64; i++)
		close(client[i]);
	close(said[0]);
	close(said[1]);
	close(listener);
}

/* A parent that accepts and leaves the connection to its child. */
static void a_connection_goes_with_who_uses_it(void **unused)
{
	const struct sockets_group *group;
	struct pair pair;
	char bytes[64];
	pid_t pid;

	(void)unused;
	if (!sockets)
		skip();
	pair_open(&pair, AF_INET);
	exchange(&pair, 0, 5);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair.client);
		while (recv(pair.server, bytes, sizeof(bytes), 0) > 0)
			send(pair.server, "world!", 6, 0);
		_exit(0);
	}
	ask(pair.client, 20);
	group = group_of(pair.port);
	group = group_of_process(pair.port, getpid());
	assert_non_null(group);
	if (!state->missed)
		assert_int_equal(group->connections, 0);
	assert_int_equal(group->of.accepted, 1);
	group = group_of_process(pair.port, pid);
	assert_non_null(group);
	assert_int_equal(group->connections, 1);
	assert_int_equal(group->of.accepted, 0);
	if (state->measured[SOCKET_READ])
		assert_true(hist_count(&group->hist[SOCKET_READ]) +
			    state->missed >= 20);
	pair_close(&pair);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A process for each connection: the first have places, the rest one. */
static void many_processes_share_the_common_group(void **unused)
{
	enum { SERVERS = SOCKET_PROCESSES_MAX + 4 };
	struct sockaddr_in address = { 0 };
	const struct sockets_group *common;
	int listener, client[SERVERS];
	pid_t pid[SERVERS];
	uint16_t port;
	int own = 0;

	(void)unused;
	if (!sockets)
		skip();
	listener = listen_on_port(&address);
	port = ntohs(address.sin_port);
	for (int i = 0; i < SERVERS; i++) {
		pid[i] = fork_server(listener);
		client[i] = connect_to(&address);
		ask(client[i], 2);
	}
	assert_int_equal(sockets_read(sockets, state), 0);
	for (int i = 0; i < SERVERS; i++)
		own += group_of_process(port, pid[i]) != NULL;
	common = group_of_process(port, 0);
	assert_non_null(common);
	assert_in_range(own, 1, SOCKET_PROCESSES_MAX);
	assert_int_equal(common->connections, SERVERS - own);
	assert_true(state->lost.processes >= (uint64_t)(SERVERS - own));
	for (int i = 0; i < SERVERS; i++)
		end_server(client[i], pid[i]);
	close(listener);
	pass_minutes();
	/* the common one stays as long as there is one that it counts */
	pass_minutes();
	if (!state->missed)
		assert_null(find_group(port));
}

/* One of before the programs: whose it is, is found among open files. */
static void a_listener_of_before_has_its_process(void **unused)
{
	const struct sockets_group *group;
	struct sockaddr_in address = { 0 };
	int listener, client;
	char why[1024];

	(void)unused;
	if (!sockets)
		skip();
	sockets_close(sockets);
	sockets = NULL;
	listener = listen_on_port(&address);
	assert_int_equal(sockets_open(why, sizeof(why), &sockets), 0);
	client = connect_to(&address);
	group = group_of(ntohs(address.sin_port));
	assert_int_equal(group->of.pid, getpid());
	assert_int_equal(group->backlog, 1);
	close(client);
	close(listener);
}

static void a_reader_that_stops_is_the_slowest(void **unused)
{
	static char bytes[1 << 20];
	uint64_t held = 0;
	struct pair pair;

	(void)unused;
	if (!sockets)
		skip();
	pair_open(&pair, AF_INET);
	while (send(pair.server, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(sockets_read(sockets, state), 0);
	for (size_t i = 0; i < state->slowest; i++)
		if (state->slow[i].port == pair.port) {
			held += state->slow[i].unsent + state->slow[i].unacked;
			assert_int_equal(state->slow[i].pid, getpid());
		}
	assert_true(held > 100000);
	pair_close(&pair);
}

static void a_listener_that_is_full_shows_what_it_drops(void **unused)
{
	const struct sockets_group *group;
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	struct pair pair;
	int client[8];

	(void)unused;
	if (!sockets)
		skip();
	pair_open(&pair, AF_INET);
	assert_int_equal(listen(pair.listener, 1), 0);
	assert_int_equal(getsockname(pair.listener, (struct sockaddr *)&address,
				     &size), 0);
	for (int i = 0; i < 8; i++) {
		client[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(client[i], (struct sockaddr *)&address, size);
	}
	group = group_of(pair.port);
	print_message("# backlog of 1, 8 connections: %u wait, %llu dropped\n",
		      group->backlog, (unsigned long long)group->drops);
	assert_int_equal(group->backlog_max, 1);
	assert_true(group->backlog >= 1);
	assert_true(group->drops >= 1);
	for (int i = 0; i < 8; i++)
		close(client[i]);
	pair_close(&pair);
}

/* More listeners than places: the rest is shown together, and said to be. */
static void listeners_without_a_place_are_shown_together(void **unused)
{
	static struct pair pair[SOCKET_GROUPS_MAX + 8];
	const size_t pairs = sizeof(pair) / sizeof(pair[0]);
	const struct sockets_group *others = NULL;

	(void)unused;
	if (!sockets)
		skip();
	for (size_t i = 0; i < pairs; i++) {
		pair_open(&pair[i], AF_INET);
		exchange(&pair[i], 0, 1);
	}
	assert_int_equal(sockets_read(sockets, state), 0);
	assert_true(state->lost.groups > 0);
	for (size_t i = 0; i < state->groups; i++)
		if (!state->group[i].of.port)
			others = &state->group[i];
	assert_non_null(others);
	assert_true(others->of.accepted > 0);
	assert_true(others->connections > 0);
	assert_true(hist_count(&others->hist[SOCKET_RTT]) > 0);
	for (size_t i = 0; i < pairs; i++)
		pair_close(&pair[i]);
}

/* It must not hide its listener by how it is called. */
static void a_process_may_have_any_name(void **unused)
{
	struct socket_names *names;
	struct cgroups *cgroups;
	json_t *document;
	struct pair pair;
	char name[16];

	(void)unused;
	if (!sockets)
		skip();
	assert_int_equal(socket_names_new(&names), 0);
	assert_int_equal(cgroups_new("/nonexistent", CGROUPS_SOCKETS, &cgroups),
			 0);
	prctl(PR_GET_NAME, name);
	prctl(PR_SET_NAME, "odd \xff name");
	pair_open(&pair, AF_INET);
	exchange(&pair, 0, 5);
	prctl(PR_SET_NAME, name);
	group_of(pair.port);
	document = sockets_to_json(state, names, cgroups);
	assert_int_equal(json_array_size(json_object_get(document, "groups")),
			 state->groups);
	json_decref(document);
	cgroups_free(cgroups);
	socket_names_free(names);
	pair_close(&pair);
}

static void names_are_kept_and_forgotten(void **unused)
{
	struct socket_names *names;

	(void)unused;
	assert_int_equal(socket_names_new(&names), 0);
	assert_int_equal(socket_names_set(names, 0, "x"), -EINVAL);
	assert_int_equal(socket_names_set(names, 1, "two words"), -EINVAL);
	assert_int_equal(socket_names_set(names, 1,
		"a_name_of_more_than_forty_eight_bytes_is_not_taken"), -EINVAL);
	for (uint64_t i = 1; i <= SOCKET_NAMES_MAX + 1; i++)
		assert_int_equal(socket_names_set(names, i, "session"), 0);
	assert_string_equal(socket_names_get(names, 1), "");
	assert_string_equal(socket_names_get(names, 2), "session");
	assert_int_equal(socket_names_set(names, 2, "other"), 0);
	assert_string_equal(socket_names_get(names, 2), "other");
	assert_int_equal(socket_names_set(names, 2, ""), 0);
	assert_string_equal(socket_names_get(names, 2), "");
	socket_names_free(names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_over_ipv4_are_measured),
		cmocka_unit_test(connections_over_ipv6_are_measured),
		cmocka_unit_test(a_reader_that_waits_shows_its_wait),
		cmocka_unit_test(a_late_accept_shows_its_wait),
		cmocka_unit_test(a_quiet_listener_in_another_namespace_is_kept),
		cmocka_unit_test(a_listener_that_has_gone_is_forgotten),
		cmocka_unit_test(a_reader_that_stops_is_the_slowest),
		cmocka_unit_test(a_listener_that_is_full_shows_what_it_drops),
		cmocka_unit_test(processes_of_one_port_are_told_apart),
		cmocka_unit_test(a_queue_is_that_of_the_process_that_listens),
		cmocka_unit_test(a_connection_goes_with_who_uses_it),
		cmocka_unit_test(many_processes_share_the_common_group),
		cmocka_unit_test(a_listener_of_before_has_its_process),
		cmocka_unit_test(a_process_may_have_any_name),
		/* it fills all places: the last of those that want one */
		cmocka_unit_test(listeners_without_a_place_are_shown_together),
		cmocka_unit_test(names_are_kept_and_forgotten),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
