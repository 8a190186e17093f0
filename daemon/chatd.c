// SPDX-License-Identifier: Apache-2.0
/*
 * chatd: the chat daemon.  This file is the table of contents: in which order
 * the parts start, and, backwards, stop.
 */
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "actor/inspect.h"
#include "actor/system.h"
#include "base/log.h"
#include "data/data.h"
#include "data/read_actor.h"
#include "gateway/gateway.h"
#include "gateway/tls.h"
#include "guild/admin.h"
#include "guild/admin_socket.h"
#include "guild/catalog_actor.h"
#include "guild/config.h"
#include "guild/directory.h"
#include "guild/files.h"
#include "guild/folder.h"
#include "guild/guild.h"
#include "guild/live.h"
#include "guild/privilege.h"
#include "guild/sweeper.h"
#include "os/env.h"
#include "proto/data.h"
#include "proto/files.h"
#include "proto/readstate.h"
#include "proto/search.h"
#include "proto/types.h"
#include "search/search.h"
#include "store/store.h"

#define SHUTDOWN_MS 10000
#define RECOVERY_MS 600000
#define ROUTERS_MS 10000

struct chatd {
	struct config config;
	struct folder folder;
	struct os_env *env;
	struct gateway *gateway;
	struct tls_server *tls;		/* NULL: none is spoken */
	struct actor_system *sys;
	struct store *store;
	struct data *data;
	struct read_states *reads;
	struct search *search;
	char files_dir[PATH_MAX];
	int admin_fd;
	sem_t ready;		/* the directory has loaded, or failed to */
	int ready_error;
	/* Each is set before the other is looked at: one of the two sees it. */
	atomic_bool serving;
	atomic_int broken;	/* why a part has failed for good */
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "chatd: %s: %s\n", what, strerror(-err));
	return err;
}

static void path_of(const struct chatd *d, const char *name, char *ret_path)
{
	snprintf(ret_path, PATH_MAX, "%.*s/%s", PATH_MAX - 64, d->config.data,
		 name);
}

/* --- chatd admin --- */

static int admin_offline(struct chatd *d, int argc, const char *const *argv)
{
	struct buf out = BUF_INIT;
	int err;

	err = folder_open(d->config.data, d->config.node, &d->folder);
	if (err)
		return fail(d->config.data, err);
	err = folder_admin(&d->folder, os_wall_ms(d->env), argc, argv, &out);
	fputs(buf_str(&out), err ? stderr : stdout);
	if (err && !out.len)
		fail(argv[0], err);
	buf_fini(&out);
	folder_close(&d->folder);
	return err;
}

/* To the chatd that runs on this folder, else to the folder itself. */
static int admin(struct chatd *d, int argc, const char *const *argv)
{
	char path[PATH_MAX];
	int ret;

	path_of(d, ADMIN_SOCKET_NAME, path);
	ret = argc ? admin_socket_call(path, argc, argv, STDOUT_FILENO) :
		     -ENOENT;
	if (argc && live_is(argv[0]) &&
	    (ret == -ENOENT || ret == -ECONNREFUSED || ret == -ECONNRESET))
		fprintf(stderr, "chatd: none runs on %s\n", d->config.data);
	else if (ret == -ENOENT || ret == -ECONNREFUSED)
		ret = admin_offline(d, argc, argv);
	else if (ret < 0)
		fail("admin", ret);
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- start --- */

static int open_folder(struct chatd *d)
{
	struct buf out = BUF_INIT;
	char path[PATH_MAX];
	int err;

	err = folder_open(d->config.data, d->config.node, &d->folder);
	if (err == -EWOULDBLOCK)
		fprintf(stderr, "chatd: another one uses %s\n",
			d->config.data);
	if (err)
		return fail(d->config.data, err);
	path_of(d, ADMIN_SOCKET_NAME, path);
	err = admin_socket_open(path, &d->admin_fd);
	if (err)
		return fail(path, err);
	err = folder_first_start(&d->folder, os_wall_ms(d->env), &out);
	if (err)
		return fail("first start", err);
	if (out.len)
		printf("A guild with #general has been made.  Shown this once; "
		       "more with `chatd admin`.\n\n%s\n", buf_str(&out));
	/* Should we not come to say that we are ready, it has been shown. */
	fflush(stdout);
	buf_fini(&out);
	return 0;
}

static int open_tls(struct chatd *d)
{
	const struct config *c = &d->config;
	char what[2 * PATH_MAX + 8];
	int err;

	if (!c->tls_cert[0] && !c->tls_key[0])
		return 0;
	snprintf(what, sizeof(what), "%s, %s", c->tls_cert, c->tls_key);
	err = tls_server_new(c->tls_cert, c->tls_key, &d->tls);
	return err ? fail(what, err) : 0;
}

/* Every part's, in the order in which they start.  On any core. */
static void write_metrics(void *ctx, struct buf *out)
{
	const struct chatd *d = ctx;

	actor_system_metrics(d->sys, out);
	store_metrics(d->store, out);
	data_metrics(d->data, out);
	read_states_metrics(d->reads, out);
	search_metrics(d->search, out);
	gateway_metrics(d->gateway, out);
}

static int open_gateway(struct chatd *d)
{
	const struct config *c = &d->config;
	const struct gateway_opts opts = {
		.host = c->listen,
		.port = c->port,
		.public_url = c->public_url[0] ? c->public_url : NULL,
		.tls = d->tls,
		.heartbeat_ms = c->heartbeat_ms,
		.stall_ms = c->stall_ms,
		.privileged_intents = UINT32_MAX,
		.no_rate_limits = c->no_rate_limits,
		.metrics = c->metrics ? write_metrics : NULL,
		.metrics_ctx = d,
		.metrics_port = c->metrics_port,
	};
	char where[CONFIG_TEXT_MAX + 16];
	int err;

	err = gateway_open(&opts, actor_system_cores(d->sys), &d->gateway);
	if (!err)
		return 0;
	snprintf(where, sizeof(where), "%s port %u", c->listen, c->port);
	return fail(where, err);
}

/* Parts without which what matters goes on. */
static bool is_beside(const char *class_name)
{
	static const char *const beside[] = {
		"search", "readstates", "sweeper", "admin",
	};

	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
		if (!strcmp(beside[i], class_name))
			return true;
	return false;
}

/* One that answers some of all calls only helps nobody: we end, and whoever
 * supervises us starts us again.  While we start our own waiting finds out. */
static void on_ended(void *ctx, const char *class_name, int reason)
{
	struct chatd *d = ctx;

	if (is_beside(class_name))
		return;
	atomic_store(&d->broken, reason);
	if (atomic_load(&d->serving))
		kill(getpid(), SIGTERM);
}

static int register_types(void)
{
	int err = proto_types_register();

	if (!err)
		err = store_types_register();
	if (!err)
		err = data_types_register();
	if (!err)
		err = readstate_types_register();
	if (!err)
		err = search_types_register();
	if (!err)
		err = files_types_register();
	if (!err)
		err = guild_types_register();
	return err ? err : gateway_types_register();
}

/* Everything that needs rights, then none are left, then threads. */
static int open_all(struct chatd *d)
{
	const struct actor_system_opts opts = {
		.env = d->env,
		.cores = (int)d->config.cores,
		.node = d->config.node,
		.ended = on_ended,
		.ended_ctx = d,
	};
	char path[PATH_MAX];
	int err;

	err = open_folder(d);
	if (err)
		return err;
	err = register_types();
	if (!err)
		err = actor_system_new(&opts, &d->sys);
	if (err)
		return fail("actor system", err);
	err = open_tls(d);
	err = err ? err : open_gateway(d);
	if (err)
		return err;
	err = privilege_drop(d->config.user[0] ? d->config.user : NULL,
			     d->config.data);
	if (err)
		return fail("dropping privileges", err);
	path_of(d, "crash.flight", path);
	err = actor_system_dump_on_crash(d->sys, path);
	err = err ? err : actor_system_start(d->sys);
	return err ? fail("actor system", err) : 0;
}

static int spawn(struct chatd *d, const struct actor_class *class,
		 const void *arg, size_t arg_size, actor_ref *ret_ref)
{
	const struct actor_spawn_opts opts = { .core = 0,
					       .arg_size = arg_size };

	return actor_system_spawn(d->sys, class, arg, &opts, ret_ref);
}

static void directory_ready(void *ctx, int error)
{
	struct chatd *d = ctx;

	d->ready_error = error;
	sem_post(&d->ready);
}

static int start_files(struct chatd *d)
{
	const struct files_arg arg = {
		.dir = d->files_dir,
		.secret = *catalog_secret(d->folder.catalog),
	};
	actor_ref ref;

	path_of(d, "attachments", d->files_dir);
	return spawn(d, &files_actor_class, &arg, sizeof(arg), &ref);
}

static int start_directory(struct chatd *d)
{
	const struct catalog_actor_arg catalog = { d->folder.catalog,
						   d->folder.ids };
	struct sweeper_arg sweeper;
	struct directory_arg arg = { .ids = d->folder.ids,
				     .secret = *catalog_secret(catalog.catalog),
				     .ready = directory_ready,
				     .ctx = d };
	actor_ref ref;
	int err;

	err = spawn(d, &catalog_actor_class, &catalog, sizeof(catalog),
		    &arg.catalog);
	if (err)
		return err;
	d->folder.catalog = NULL;	/* the actor closes it */
	err = spawn(d, &directory_actor_class, &arg, sizeof(arg), &ref);
	if (err)
		return err;
	while (sem_wait(&d->ready))
		;
	if (d->ready_error)
		return d->ready_error;
	sweeper.catalog = arg.catalog;
	return spawn(d, &sweeper_class, &sweeper, sizeof(sweeper), &ref);
}

static int start_store(struct chatd *d)
{
	char path[PATH_MAX];
	const struct store_opts store = {
		.dir = path, .compress = true, .backup_socket = true,
	};
	struct data_opts data = { 0 };
	int err;

	path_of(d, "messages", path);
	err = store_start(d->sys, &store, &d->store);
	if (!err)
		err = store_wait(d->store, RECOVERY_MS);
	if (err)
		return fail(path, err);
	data.shards = store_shards(d->store);
	if (d->config.no_coalescing) {
		data.unsafe = DATA_UNSAFE_NO_JOIN;
		data.max_runs = DATA_WAITERS_MAX;
	}
	err = data_start(d->sys, &data, &d->data);
	if (!err)
		err = data_wait(d->data, ROUTERS_MS);
	return err ? fail("data service", err) : 0;
}

/* What goes along with messages, and what they do not wait for. */
static int start_beside(struct chatd *d)
{
	char path[PATH_MAX];
	const struct read_states_opts reads = { .dir = path };
	const struct search_opts search = { .dir = path };
	int err;

	path_of(d, "readstates", path);
	err = read_states_start(d->sys, &reads, &d->reads);
	if (err)
		return fail(path, err);
	path_of(d, "search", path);
	err = search_start(d->sys, &search, &d->search);
	return err ? fail(path, err) : 0;
}

static int start_all(struct chatd *d)
{
	struct admin_socket_arg admin = {
		.fd = d->admin_fd,
		.patience_ms = ADMIN_PATIENCE_MS,
	};
	actor_ref ref;
	int err;

	err = start_store(d);
	if (!err)
		err = start_beside(d);
	if (err)
		return err;
	err = start_files(d);
	if (err)
		return fail(d->files_dir, err);
	err = start_directory(d);
	if (err)
		return fail("directory", err);
	err = spawn(d, &admin_socket_class, &admin, sizeof(admin), &ref);
	if (err)
		return fail("admin socket", err);
	err = gateway_start(d->gateway, d->sys);
	return err ? fail("gateway", err) : 0;
}

/* --- run --- */

/* Without TLS SIGHUP means what it means to others: the terminal is gone. */
static void hold_hangups(const struct chatd *d)
{
	sigset_t set;

	sigemptyset(&set);
	if (d->config.tls_cert[0])
		sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/*
 * Signals to stop wait from here on.  Before, in a start that may take minutes,
 * and when one has been heard they end us at once: what is acknowledged is
 * durable.
 */
static void hold_stops(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

/* Until a signal says to stop; SIGHUP says to read the certificate again. */
static void wait_for_stop(struct chatd *d, const sigset_t *stops)
{
	sigset_t set = *stops;
	int sig, err;

	if (d->config.tls_cert[0])
		sigaddset(&set, SIGHUP);
	while (!sigwait(&set, &sig) && sig == SIGHUP) {
		err = tls_server_reload(d->tls);
		if (err)
			log_error("chatd", "tls_not_reloaded", "error=%d", err);
		else
			log_info("chatd", "tls_reloaded", "cert=%s",
				 d->config.tls_cert);
	}
	log_info("chatd", "stopping", "signal=%d", sig);
	pthread_sigmask(SIG_UNBLOCK, stops, NULL);
}

/* A session has one; beyond the limit's half os/ does without. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct chatd *d)
{
	sigset_t stops;
	int err;

	hold_hangups(d);
	raise_descriptors();
	err = open_all(d);
	if (!err)
		err = start_all(d);
	if (!err && d->config.metrics)
		printf("chatd: metrics on http://127.0.0.1:%u/metrics\n",
		       gateway_metrics_port(d->gateway));
	if (!err) {
		hold_stops(&stops);
		printf("chatd: ready on %s://%s:%u/\n",
		       d->tls ? "https" : "http", d->config.listen,
		       gateway_port(d->gateway));
		fflush(stdout);
		atomic_store(&d->serving, true);
		if (!atomic_load(&d->broken))
			wait_for_stop(d, &stops);
		err = atomic_load(&d->broken);
	}
	if (d->sys) {
		int late = actor_system_shutdown(d->sys, SHUTDOWN_MS);

		if (late)
			log_warn("chatd", "shutdown_incomplete", "error=%d",
				 late);
		gateway_free(d->gateway);
		tls_server_free(d->tls);
		search_free(d->search);
		read_states_free(d->reads);
		data_free(d->data);
		store_free(d->store);
		actor_system_free(d->sys);
	}
	folder_close(&d->folder);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct chatd d = { .folder.lock_fd = -1 };
	int first, ret;

	first = config_parse(&d.config, argc, argv);
	if (first < 0 || d.config.help) {
		config_usage(first < 0 ? stderr : stdout);
		printf("\nadmin commands:\n%s\n"
		       "of a chatd that runs:\n%s", admin_usage, live_usage);
		return first < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	log_set_level(d.config.log_level);
	sem_init(&d.ready, 0, 0);
	ret = os_env_new(&d.env);
	if (ret) {
		fail("start", ret);
		return EXIT_FAILURE;
	}
	if (first < argc && !strcmp(argv[first], "admin"))
		ret = admin(&d, argc - first - 1,
			    (const char *const *)argv + first + 1);
	else
		ret = run(&d);
	os_env_free(d.env);
	return ret;
}
