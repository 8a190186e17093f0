// SPDX-License-Identifier: Apache-2.0
/*
 * The real gate, sessions, directory, guild and relay on one core, a client on
 * loopback, and memory that is out: one allocation of that core's thread fails,
 * the first in the first turn, the second in the second, until a turn needs
 * fewer.  A turn is a login, a message over REST, its event and a close.
 * Whatever fails, nothing crashes, every turn ends (the client is answered or
 * its connection closed, or it gives up waiting), and what follows a failure
 * works.  The address sanitizer looks for what is lost.
 *
 * The data service is a model whose own allocations are spared.  What
 * libwebsockets and SQLite allocate themselves does not fail.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "actor/system.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/gateway.h"
#include "guild/catalog_actor.h"
#include "guild/directory.h"
#include "guild/guild.h"
#include "os/env.h"
#include "proto/data.h"
#include "proto/readstate.h"
#include "proto/search.h"
#include "proto/store.h"
#include "proto/types.h"

#include "gateway_client.h"
#include "one_guild.h"

#define PATIENCE_MS 100		/* of the client, for each answer */
#define TURNS_MAX 20000
#define RECOVERY_TURNS 20	/* until all works again */

/* --- memory that fails, on the thread of the only core --- */

enum { MSG_ARM = ACTOR_MSG_USER, MSG_DISARM };

static sem_t obeyed, loaded;
/* Of that thread, others read it after `obeyed`. */
static uint64_t left;		/* up to the one that fails; 0: none will */

static void spare(void)
{
	uint64_t made = mem_fail_nth(0);

	left = made < left ? left - made : 0;
}

static void go_on(void)
{
	if (left)
		mem_fail_nth(left);
}

static int gremlin_handle(struct actor *self, void *state,
			  struct actor_msg *msg)
{
	(void)self;
	(void)state;
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	spare();
	if (msg->type == MSG_ARM) {
		left = msg->tag;
		go_on();
	}
	check(!sem_post(&obeyed));
	return 0;
}

static const struct actor_class gremlin_class = {
	.name = "gremlin", .handle = gremlin_handle,
};

/* --- the data service --- */

static int model_start(struct actor *self, void *state, const void *arg)
{
	(void)state;
	(void)arg;
	return actor_register(self, "data.0");
}

static void model_answer(struct actor *self, const struct actor_msg *msg)
{
	struct store_written_msg *written;
	struct store_rows_msg *rows;

	if (msg->type == DATA_APPEND) {
		written = ACTOR_MSG_NEW(struct store_written_msg, DATA_WRITTEN);
		check(written);
		actor_reply(self, msg, &written->head);
	} else if (msg->type == DATA_PAGE || msg->type == DATA_GET) {
		rows = ACTOR_MSG_NEW(struct store_rows_msg, DATA_ROWS);
		check(rows);
		rows->rows = rows_new(0, 0);
		actor_reply(self, msg, &rows->head);
	}
}

static int model_handle(struct actor *self, void *state, struct actor_msg *msg)
{
	(void)state;
	spare();
	if (msg->type == ACTOR_MSG_STOP)
		return ACTOR_STOP;
	model_answer(self, msg);
	go_on();
	return 0;
}

static const struct actor_class model_class = {
	.name = "model", .start = model_start, .handle = model_handle,
};

/* --- everything else --- */

static struct {
	struct os_env *env;
	struct actor_system *sys;
	struct idgen *ids;
	struct gateway *gateway;
	actor_ref gremlin;
	int load_error;
} world;

static actor_ref spawn(const struct actor_class *class, const void *arg,
		       size_t size)
{
	const struct actor_spawn_opts opts = { .core = 0, .arg_size = size };
	actor_ref ref;

	check(!actor_system_spawn(world.sys, class, arg, &opts, &ref));
	return ref;
}

static void on_loaded(void *ctx, int error)
{
	(void)ctx;
	world.load_error = error;
	check(!sem_post(&loaded));
}

static int start(void **state)
{
	const struct gateway_opts gateway = { .no_rate_limits = true,
					      .privileged_intents = ~0u };
	struct actor_system_opts opts = { .cores = 1 };
	struct catalog_actor_arg catalog;
	struct directory_arg dir = { .ready = on_loaded };

	(void)state;
	log_set_fd(open("/dev/null", O_WRONLY));
	check(!sem_init(&obeyed, 0, 0) && !sem_init(&loaded, 0, 0));
	check(!proto_types_register() && !store_types_register() &&
	      !data_types_register() && !readstate_types_register() &&
	      !search_types_register() && !guild_types_register() &&
	      !gateway_types_register());
	check(!os_env_new(&world.env) && !idgen_new(1, 0, &world.ids));
	opts.env = world.env;
	check(!actor_system_new(&opts, &world.sys));
	check(!gateway_open(&gateway, 1, &world.gateway));
	check(!actor_system_start(world.sys));
	catalog = (struct catalog_actor_arg){ one_guild(), world.ids };
	dir.ids = world.ids;
	dir.secret = *catalog_secret(catalog.catalog);
	spawn(&model_class, NULL, 0);
	dir.catalog = spawn(&catalog_actor_class, &catalog, sizeof(catalog));
	spawn(&directory_actor_class, &dir, sizeof(dir));
	world.gremlin = spawn(&gremlin_class, NULL, 0);
	check(!sem_wait(&loaded) && !world.load_error);
	check(!gateway_start(world.gateway, world.sys));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	check(!actor_system_shutdown(world.sys, 60000));
	actor_system_free(world.sys);
	gateway_free(world.gateway);
	idgen_free(world.ids);
	os_env_free(world.env);
	return 0;
}

static void tell_gremlin(uint32_t type, uint64_t nth)
{
	struct actor_msg *msg = actor_msg_new(type, sizeof(*msg));

	check(msg);
	msg->tag = nth;
	check(!actor_system_send(world.sys, world.gremlin, msg));
	while (sem_wait(&obeyed))
		;
}

/* From now on none fails; whether the nth did. */
static bool disarm(void)
{
	tell_gremlin(MSG_DISARM, 0);
	return !left;
}

/* --- the client --- */

static bool post(void)
{
	static const char body[] = "{\"content\":\"is there anybody\"}";
	char request[512];
	int fd = dial(world.gateway, PATIENCE_MS), len;
	bool ok;

	len = snprintf(request, sizeof(request),
		       "POST /api/v10/channels/%llu/messages HTTP/1.1\r\n"
		       "Host: x\r\nAuthorization: Bot " TOKEN "\r\n"
		       "Content-Length: %zu\r\n\r\n%s",
		       (unsigned long long)CHANNEL, sizeof(body) - 1, body);
	ok = say(fd, request, (size_t)len) && hear(fd, "HTTP/1.1 200");
	close(fd);
	return ok;
}

/* True when all of it worked. */
static bool turn(void)
{
	static const uint8_t goodbye[] = { 0x88, 0x82, 0, 0, 0, 0, 3, 0xe8 };
	int fd = log_in(world.gateway, PATIENCE_MS, TOKEN, 33281,
			"\"GUILD_CREATE\"");
	bool ok;

	if (fd < 0) {
		post();
		return false;
	}
	ok = post() && hear(fd, "\"MESSAGE_CREATE\"") &&
	     say_text(fd, "{\"op\":1,\"d\":3}") && hear(fd, "\"op\":11");
	ok = say(fd, goodbye, sizeof(goodbye)) && hear(fd, "\x03\xe8") && ok;
	close(fd);
	return ok;
}

#define SESSION_ID_MAX 64

/* True when all of it worked: the session goes on, on another connection. */
static bool turn_of_resuming(void)
{
	char resume[TEXT_MAX], id[SESSION_ID_MAX];
	int fd = log_in(world.gateway, PATIENCE_MS, TOKEN, 33281, "\"READY\"");
	const char *at = strstr(heard, "\"session_id\":\"");

	if (fd < 0)
		return false;
	check(at && sscanf(at, "\"session_id\":\"%63[0-9a-f]", id) == 1);
	close(fd);
	snprintf(resume, sizeof(resume), "{\"op\":6,\"d\":{\"token\":\"" TOKEN
		 "\",\"session_id\":\"%s\",\"seq\":1}}", id);
	fd = greet(world.gateway, PATIENCE_MS, resume, "\"RESUMED\"");
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* A guild or a directory that has failed needs a while to start again. */
static bool works_again(void)
{
	for (int i = 0; i < RECOVERY_TURNS; i++)
		if (turn())
			return true;
	return false;
}

/* One allocation after the other fails in a turn; `silent_max` turns in a
 * hundred may be left without an answer. */
static void fail_each(bool (*turn_of)(void), unsigned int silent_max)
{
	unsigned long long n, noticed = 0, silent = 0;
	bool ok, fired = true;

	assert_true(works_again());
	for (n = 1; n < TURNS_MAX && fired; n++) {
		tell_gremlin(MSG_ARM, n);
		silences = 0;
		ok = turn_of();
		fired = disarm();
		noticed += !ok;
		silent += silences;
		if (!ok && !works_again())
			fail_msg("nothing works after allocation %llu", n);
	}
	print_message("# %llu allocations: the client noticed %llu, and got no "
		      "answer %llu times\n", n, noticed, silent);
	assert_true(n < TURNS_MAX && n > 30 && noticed > 10);
	assert_true(silent * 100 <= silent_max * n);
}

static void nothing_breaks_when_any_allocation_fails(void **state)
{
	(void)state;
	fail_each(turn, 20);
}

static void nor_when_a_session_is_resumed(void **state)
{
	(void)state;
	fail_each(turn_of_resuming, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_breaks_when_any_allocation_fails),
		cmocka_unit_test(nor_when_a_session_is_resumed),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
