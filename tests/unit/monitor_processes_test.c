// SPDX-License-Identifier: Apache-2.0
/* The socket programs: which process it is that has a figure, and its name. */
#include "monitor_sockets.h"

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
		cmocka_unit_test(processes_of_one_port_are_told_apart),
		cmocka_unit_test(a_queue_is_that_of_the_process_that_listens),
		cmocka_unit_test(a_connection_goes_with_who_uses_it),
		cmocka_unit_test(many_processes_share_the_common_group),
		cmocka_unit_test(a_listener_of_before_has_its_process),
		cmocka_unit_test(a_process_may_have_any_name),
		cmocka_unit_test(names_are_kept_and_forgotten),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
