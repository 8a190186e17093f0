// SPDX-License-Identifier: Apache-2.0
/*
 * The places of the admin socket, with a directory that does what a request's
 * first word says: answers, loses it, keeps it for later, or answers at length.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "actor/system.h"
#include "base/unix_socket.h"
#include "guild/admin_socket.h"
#include "guild/directory_impl.h"
#include "guild/guild.h"
#include "os/env.h"
#include "proto/directory.h"

#define PLACES 8
#define KEPT_MAX 64
#define LONG_ANSWER (4u << 20)
#define SHORT_MS 100
#define FOREVER_MS 3600000
#define DEADLINE_S 60

static struct os_env *env;
static struct actor_system *sys;
static char dir[64], path[96];
static int client[PLACES];

/* --- the directory -------------------------------------------------------- */

struct fake {
	struct dir_admin_msg *kept[KEPT_MAX];
	uint32_t count;
};

static _Atomic uint32_t asked;

static void reply(struct actor *self, const struct dir_admin_msg *to,
		  const char *text, uint32_t len)
{
	struct dir_admin_reply_msg *m;

	m = actor_msg_new(DIR_ADMIN_REPLY, sizeof(*m) + len);
	assert_non_null(m);
	m->len = len;
	snprintf(m->text, len, "%s", text);
	actor_reply(self, &to->head, &m->head);
}

/* To each that was kept, which one it was. */
static void give(struct actor *self, struct fake *d)
{
	for (uint32_t i = 0; i < d->count; i++) {
		char text[16];

		snprintf(text, sizeof(text), "kept %u", i);
		reply(self, d->kept[i], text, sizeof(text));
		actor_msg_free(&d->kept[i]->head);
	}
	d->count = 0;
}

static int fake_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	return actor_register(self, DIRECTORY_NAME);
}

static int fake_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct dir_admin_msg *m = (struct dir_admin_msg *)msg;
	struct fake *d = state;

	if (msg->type != DIR_ADMIN)
		return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
	if (!strcmp(m->text, "keep") && d->count < KEPT_MAX) {
		actor_msg_take(self, msg);
		d->kept[d->count++] = m;
	} else if (!strcmp(m->text, "length")) {
		reply(self, m, "", LONG_ANSWER);
	} else if (strcmp(m->text, "lose")) {
		give(self, d);
		reply(self, m, "done", 5);
	}
	atomic_fetch_add(&asked, 1);
	return 0;
}

static void fake_stop(struct actor *self, void *state, int reason)
{
	struct fake *d = state;

	(void)self;
	(void)reason;
	for (uint32_t i = 0; i < d->count; i++)
		actor_msg_free(&d->kept[i]->head);
}

static const struct actor_class fake_class = {
	.name = "fake",
	.state_size = sizeof(struct fake),
	.start = fake_start,
	.handle = fake_handle,
	.stop = fake_stop,
};

/* --- clients -------------------------------------------------------------- */

static int setup(void **state)
{
	struct actor_system_opts opts = { .cores = 1 };

	(void)state;
	atomic_store(&asked, 0);
	for (int i = 0; i < PLACES; i++)
		client[i] = -1;
	strcpy(dir, "/tmp/admin_socket_test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	assert_int_equal(os_env_new(&env), 0);
	opts.env = env;
	assert_int_equal(actor_system_new(&opts, &sys), 0);
	assert_int_equal(actor_system_start(sys), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < PLACES; i++)
		if (client[i] >= 0)
			close(client[i]);
	assert_int_equal(actor_system_shutdown(sys, 20000), 0);
	actor_system_free(sys);
	os_env_free(env);
	unlink(path);
	return rmdir(dir);
}

static void serve(uint32_t patience_ms)
{
	struct admin_socket_arg arg = { .patience_ms = patience_ms };
	struct actor_spawn_opts opts = { .core = 0, .arg_size = sizeof(arg) };
	actor_ref ref;

	assert_int_equal(admin_socket_open(path, &arg.fd), 0);
	assert_int_equal(actor_system_spawn(sys, &fake_class, NULL,
			&(struct actor_spawn_opts){ .core = 0 }, &ref), 0);
	assert_int_equal(actor_system_spawn(sys, &admin_socket_class, &arg,
					    &opts, &ref), 0);
}

static int say(const char *word)
{
	size_t len = strlen(word) + 1;
	int fd;

	assert_int_equal(unix_connect(path, 0, &fd), 0);
	assert_int_equal(send(fd, word, len, MSG_NOSIGNAL), len);
	shutdown(fd, SHUT_WR);
	return fd;
}

#define UNTIL(condition) do {						\
	time_t end_ = time(NULL) + DEADLINE_S;				\
	while (!(condition) && time(NULL) < end_)			\
		usleep(1000);						\
	assert_true(condition);						\
} while (0)

/* All places, taken by clients that say this and stay. */
static void say_everywhere(const char *word)
{
	for (uint32_t i = 0; i < PLACES; i++) {
		client[i] = say(word);
		UNTIL(atomic_load(&asked) == i + 1);
	}
}

static bool is_served(void)
{
	static const char *const word = "hello";
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int ret = admin_socket_call(path, 1, &word, nowhere);

	close(nowhere);
	return !ret;
}

/* --- cases ---------------------------------------------------------------- */

static void a_request_is_answered(void **state)
{
	char text[16] = "";
	static const char *const word = "hello";
	int ends[2];

	(void)state;
	serve(FOREVER_MS);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(admin_socket_call(path, 1, &word, ends[1]), 0);
	assert_int_equal(read(ends[0], text, sizeof(text)), 5);
	assert_string_equal(text, "done");
	close(ends[0]);
	close(ends[1]);
}

static void who_never_ends_a_request_gives_the_place_back(void **state)
{
	char c;

	(void)state;
	serve(SHORT_MS);
	for (int i = 0; i < PLACES; i++) {
		assert_int_equal(unix_connect(path, 0, &client[i]), 0);
		assert_int_equal(send(client[i], "hel", 3, MSG_NOSIGNAL), 3);
	}
	UNTIL(is_served());
	for (int i = 0; i < PLACES; i++)
		assert_true(read(client[i], &c, 1) <= 0);
}

static void a_lost_answer_holds_no_place(void **state)
{
	char c;

	(void)state;
	serve(SHORT_MS);
	for (uint32_t i = 0; i < PLACES; i++)
		client[i] = say("lose");
	UNTIL(is_served());
	for (int i = 0; i < PLACES; i++)
		assert_true(read(client[i], &c, 1) <= 0);
}

static void who_does_not_read_gives_the_place_back(void **state)
{
	(void)state;
	serve(SHORT_MS);
	for (uint32_t i = 0; i < PLACES; i++)
		client[i] = say("length");
	UNTIL(is_served());
}

static void who_hangs_up_on_its_request_gives_the_place_back(void **state)
{
	(void)state;
	serve(FOREVER_MS);
	say_everywhere("lose");
	for (int i = 0; i < PLACES; i++) {
		close(client[i]);
		client[i] = -1;
	}
	UNTIL(is_served());
}

/* True when it is there, false when it was hung up on: no place is free. */
static bool got_a_place(int fd, uint32_t asked_before)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	UNTIL(atomic_load(&asked) > asked_before ||
	      poll(&poll_fd, 1, 0) == 1);
	return atomic_load(&asked) > asked_before;
}

static void a_late_answer_goes_to_nobody_else(void **state)
{
	char text[17] = "";
	time_t end = time(NULL) + DEADLINE_S;

	(void)state;
	serve(FOREVER_MS);
	say_everywhere("keep");
	close(client[0]);
	client[0] = say("keep");
	while (!got_a_place(client[0], PLACES) && time(NULL) < end) {
		close(client[0]);
		client[0] = say("keep");
	}
	close(client[1]);
	client[1] = -1;
	UNTIL(is_served());	/* and all have their answers */
	assert_int_equal(recv(client[0], text, sizeof(text), MSG_WAITALL), 17);
	assert_string_equal(text + 1, "kept 8");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CASE(a_request_is_answered),
		CASE(who_never_ends_a_request_gives_the_place_back),
		CASE(a_lost_answer_holds_no_place),
		CASE(who_does_not_read_gives_the_place_back),
		CASE(who_hangs_up_on_its_request_gives_the_place_back),
		CASE(a_late_answer_goes_to_nobody_else),
	};

	if (guild_types_register())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
