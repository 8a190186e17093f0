// SPDX-License-Identifier: Apache-2.0
/* Two gates that are told to stop, one of which has a call that nobody answers. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actor/system.h"
#include "base/check.h"
#include "gateway/admission.h"
#include "gateway/gate.h"
#include "gateway/gateway.h"
#include "gateway/route.h"
#include "os/env.h"
#include "os/latch.h"
#include "proto/directory.h"
#include "proto/types.h"

#define GATES 2
#define PATIENCE_MS 60000
#define DRAIN_MAX_S 6		/* twice what a drain may take */

static struct os_env *env;
static struct actor_system *sys;
static struct admission_stats admission;
static atomic_uint_least64_t drain_until_ns;
static struct os_latch up;
static struct api api = { .url = "ws://127.0.0.1" };
static struct session_config sessions;
static int listener[GATES];
static sem_t ready, asked;

/* --- the directory, which never answers ----------------------------------- */

static int model_start(struct actor *self, void *state, const void *arg)
{
	int err = actor_register(self, DIRECTORY_NAME);

	(void)state;
	(void)arg;
	sem_post(&ready);
	return err;
}

static int model_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)self;
	(void)state;
	if (msg->type == DIR_AUTH)
		sem_post(&asked);
	return msg->type == ACTOR_MSG_STOP ? ACTOR_STOP : 0;
}

static const struct actor_class model_class = {
	.name = "model", .start = model_start, .handle = model_handle,
};

/* --- gates ---------------------------------------------------------------- */

static void start_gate(int i)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct gate_arg arg = {
		.api = &api,
		.sessions = &sessions,
		.inside = -1,
		.admission = &admission,
		.drain_until_ns = &drain_until_ns,
		.up = &up,
	};
	struct actor_spawn_opts opts = { .core = i, .arg_size = sizeof(arg) };

	listener[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	check(!bind(listener[i], (struct sockaddr *)&at, sizeof(at)));
	check(!listen(listener[i], 8));
	arg.listener = listener[i];
	check(!actor_system_spawn(sys, &gate_class, &arg, &opts, NULL));
	check(!os_latch_wait(&up, 1, PATIENCE_MS));
}

static int start(void **state)
{
	struct actor_system_opts system = { .cores = GATES };

	(void)state;
	check(!sem_init(&ready, 0, 0) && !sem_init(&asked, 0, 0));
	os_latch_init(&up);
	check(!proto_types_register() && !gateway_types_register());
	route_init();
	check(!os_env_new(&env));
	system.env = env;
	check(!actor_system_new(&system, &sys));
	check(!actor_system_start(sys));
	check(!actor_system_spawn(sys, &model_class, NULL, NULL, NULL));
	check(!sem_wait(&ready));
	for (int i = 0; i < GATES; i++)
		start_gate(i);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	actor_system_free(sys);
	os_latch_fini(&up);
	os_env_free(env);
	for (int i = 0; i < GATES; i++)
		close(listener[i]);
	return 0;
}

static int connect_to(int gate)
{
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(!getsockname(listener[gate], (struct sockaddr *)&at, &len));
	assert_int_equal(connect(fd, (struct sockaddr *)&at, len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void ask(int fd, const char *path)
{
	char text[128];
	int len = snprintf(text, sizeof(text),
			   "GET %s HTTP/1.1\r\nHost: test\r\n\r\n", path);

	assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

/* Of an answer, which is small and comes as a whole; 0: hung up. */
static int status(int fd)
{
	char text[2048];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return 0;
	text[n] = 0;
	assert_true(n > 9 && !strncmp(text, "HTTP/1.1 ", 9));
	return atoi(text + 9);
}

static bool is_open(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void *shut_down(void *arg)
{
	(void)arg;
	check(!actor_system_shutdown(sys, PATIENCE_MS));
	return NULL;
}

/* The last one that was started is the first that stops. */
static void all_drain_while_the_first_waits(void **state)
{
	int stuck = connect_to(GATES - 1), other = connect_to(0), was;
	time_t began = time(NULL);
	pthread_t thread;

	(void)state;
	ask(stuck, "/api/v10/gateway/bot");
	check(!sem_wait(&asked));
	ask(other, "/api/v10/gateway");
	assert_int_equal(status(other), 200);
	check(!pthread_create(&thread, NULL, shut_down, NULL));
	do {
		ask(other, "/api/v10/gateway");
		was = status(other);
	} while (was == 200 && is_open(stuck));
	assert_int_equal(was, 503);
	assert_true(is_open(stuck));
	assert_int_equal(status(other), 0);
	pthread_join(thread, NULL);
	assert_false(is_open(stuck));
	assert_true(time(NULL) - began <= DRAIN_MAX_S);
	close(stuck);
	close(other);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_drain_while_the_first_waits),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
