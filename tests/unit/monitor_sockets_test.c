// SPDX-License-Identifier: Apache-2.0
/*
 * The socket programs on this kernel, for real: a listener and a client over
 * loopback, IPv4 and IPv6.  Skips where eBPF is refused.
 */
#include "monitor_sockets.h"

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
		/* it fills all places: the last of those that want one */
		cmocka_unit_test(listeners_without_a_place_are_shown_together),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
