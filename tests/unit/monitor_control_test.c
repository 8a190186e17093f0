// SPDX-License-Identifier: Apache-2.0
/* The control socket for real: a server on an event loop, clients by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor/control_server.h"

#define STEP_US 10000
#define STEPS_MAX 1000
#define PLACES 32
#define SHORT_MS 50
#define PATIENT_MS 400
#define DEADLINE_MS 20000

struct fixture {
	char folder[64], path[96];
	sd_event *event;
	struct control_server *server;
};

static json_t *answer_echo(void *ctx, const json_t *request)
{
	(void)ctx;
	return json_pack("{sO}", "asked", request);
}

static json_t *answer_big(void *ctx, const json_t *request)
{
	json_t *list = json_array();

	(void)ctx;
	(void)request;
	for (int i = 0; i < 200000; i++)
		json_array_append_new(list, json_integer(i));
	return json_pack("{so}", "list", list);
}

static const struct control_command commands[] = {
	{ "echo", answer_echo },
	{ "big", answer_big },
	{ NULL, NULL },
};

static void open_server(struct fixture *f, uint32_t patience_ms)
{
	assert_int_equal(control_server_open(f->event, f->path, commands, f,
					     patience_ms, &f->server), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/superdisk-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/run/socket", f->folder);
	assert_true(sd_event_new(&f->event) >= 0);
	open_server(f, CONTROL_PATIENCE_MS);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char run[96];

	control_server_close(f->server);
	assert_int_equal(access(f->path, F_OK), -1);
	sd_event_unref(f->event);
	snprintf(run, sizeof(run), "%s/run", f->folder);
	rmdir(run);
	rmdir(f->folder);
	free(f);
	return 0;
}

static int connected(const struct fixture *f)
{
	int fd = control_connect(f->path);

	assert_true(fd >= 0);
	return fd;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Turns the loop until a line or the end arrives; its size, 0 at the end. */
static size_t receive_line(const struct fixture *f, int fd, char *line,
			   size_t size)
{
	size_t have = 0;

	for (int i = 0; i < STEPS_MAX; i++) {
		ssize_t got;

		sd_event_run(f->event, STEP_US);
		got = recv(fd, line + have, size - have - 1, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return 0;
		if (got < 0)
			continue;
		have += (size_t)got;
		line[have] = 0;
		if (line[have - 1] == '\n')
			return have;
	}
	fail_msg("no answer");
	return 0;
}

static void talk(const struct fixture *f, const char *request, char *line,
		 size_t size)
{
	int fd = connected(f);

	assert_int_equal(send(fd, request, strlen(request), 0),
			 strlen(request));
	assert_true(receive_line(f, fd, line, size) > 0);
	close(fd);
}

static void a_request_is_answered_in_a_line(void **state)
{
	char line[256];

	talk(*state, "{\"do\":\"echo\",\"x\":1}\n", line, sizeof(line));
	assert_string_equal(line, "{\"asked\":{\"do\":\"echo\",\"x\":1}}\n");
}

static void nonsense_is_answered_with_words(void **state)
{
	char line[256];

	talk(*state, "hello\n", line, sizeof(line));
	assert_non_null(strstr(line, "not JSON"));
	talk(*state, "[1]\n", line, sizeof(line));
	assert_non_null(strstr(line, "\"error\""));
	talk(*state, "{\"do\":\"reboot\"}\n", line, sizeof(line));
	assert_non_null(strstr(line, "no such command"));
}

static void a_request_may_come_in_pieces(void **state)
{
	const struct fixture *f = *state;
	int fd = connected(f);
	char line[256];

	assert_int_equal(send(fd, "{\"do\":", 6, 0), 6);
	for (int i = 0; i < 3; i++)
		sd_event_run(f->event, STEP_US);
	assert_int_equal(send(fd, "\"echo\"}\n", 8, 0), 8);
	assert_true(receive_line(f, fd, line, sizeof(line)) > 0);
	assert_non_null(strstr(line, "asked"));
	close(fd);
}

static void a_line_without_end_is_cut(void **state)
{
	static const char zeroes[4 * CONTROL_REQUEST_MAX];
	const struct fixture *f = *state;
	int fd = connected(f);
	char line[256];

	assert_true(send(fd, zeroes, sizeof(zeroes), 0) > 0);
	assert_int_equal(receive_line(f, fd, line, sizeof(line)), 0);
	close(fd);
}

static void a_big_answer_arrives_whole(void **state)
{
	const size_t size = 4 << 20;
	char *line = malloc(size);

	assert_non_null(line);
	talk(*state, "{\"do\":\"big\"}\n", line, size);
	assert_non_null(strstr(line, ",199999]}\n"));
	free(line);
}

static void a_client_that_goes_away_is_forgotten(void **state)
{
	const struct fixture *f = *state;
	char line[256];

	for (int i = 0; i < 40; i++) {
		int fd = connected(f);

		assert_int_equal(send(fd, "{\"do\":\"big\"}\n", 13, 0), 13);
		close(fd);
		while (sd_event_run(f->event, 0) > 0)
			;
	}
	talk(*state, "{\"do\":\"echo\"}\n", line, sizeof(line));
}

/* All places taken by clients that say this and then neither speak nor read. */
static void a_silent_client_gives_its_place_back(struct fixture *f,
						 const char *words)
{
	int fd[PLACES], next;
	size_t size = strlen(words), heard = 0;
	uint64_t end = now_ms() + DEADLINE_MS;
	char line[256];

	control_server_close(f->server);
	open_server(f, SHORT_MS);
	for (int i = 0; i < PLACES; i++) {
		fd[i] = connected(f);
		assert_int_equal(send(fd[i], words, size, 0), size);
	}
	while (!heard && now_ms() < end) {
		next = connected(f);
		if (send(next, "{\"do\":\"echo\"}\n", 14, MSG_NOSIGNAL) == 14)
			heard = receive_line(f, next, line, sizeof(line));
		close(next);
	}
	assert_true(heard);
	for (int i = 0; i < PLACES; i++)
		close(fd[i]);
}

static void who_asks_nothing_gives_its_place_back(void **state)
{
	a_silent_client_gives_its_place_back(*state, "");
}

static void who_never_ends_a_request_gives_its_place_back(void **state)
{
	a_silent_client_gives_its_place_back(*state, "{\"do\":");
}

static void who_does_not_read_gives_its_place_back(void **state)
{
	a_silent_client_gives_its_place_back(*state, "{\"do\":\"big\"}\n");
}

/* It asks again before its time is over, which each request gives it anew. */
static void who_goes_on_asking_stays(void **state)
{
	struct fixture *f = *state;
	uint64_t start = now_ms(), last = start;
	char line[256];
	bool heard = true;
	int fd;

	control_server_close(f->server);
	open_server(f, PATIENT_MS);
	fd = connected(f);
	while (heard && last < start + 2 * PATIENT_MS) {
		heard = send(fd, "{\"do\":\"echo\"}\n", 14,
			     MSG_NOSIGNAL) == 14 &&
			receive_line(f, fd, line, sizeof(line));
		/* A machine that stood still for so long is no fault. */
		assert_true(heard || now_ms() - last >= PATIENT_MS);
		last = now_ms();
	}
	close(fd);
}

static void a_second_server_is_refused(void **state)
{
	const struct fixture *f = *state;
	struct control_server *second;

	assert_int_equal(control_server_open(f->event, f->path, commands, NULL,
					     CONTROL_PATIENCE_MS, &second),
			 -EADDRINUSE);
}

static void what_a_dead_server_left_is_replaced(void **state)
{
	struct fixture *f = *state;
	char kept[128], line[256];

	/* as after a crash: the file is there, nobody listens */
	snprintf(kept, sizeof(kept), "%s.kept", f->path);
	assert_int_equal(link(f->path, kept), 0);
	control_server_close(f->server);
	assert_int_equal(rename(kept, f->path), 0);
	open_server(f, CONTROL_PATIENCE_MS);
	talk(f, "{\"do\":\"echo\"}\n", line, sizeof(line));
}

static void the_socket_is_not_for_everyone(void **state)
{
	const struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_is_answered_in_a_line),
		CASE(nonsense_is_answered_with_words),
		CASE(a_request_may_come_in_pieces),
		CASE(a_line_without_end_is_cut),
		CASE(a_big_answer_arrives_whole),
		CASE(a_client_that_goes_away_is_forgotten),
		CASE(who_asks_nothing_gives_its_place_back),
		CASE(who_never_ends_a_request_gives_its_place_back),
		CASE(who_does_not_read_gives_its_place_back),
		CASE(who_goes_on_asking_stays),
		CASE(a_second_server_is_refused),
		CASE(what_a_dead_server_left_is_replaced),
		CASE(the_socket_is_not_for_everyone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
