// SPDX-License-Identifier: Apache-2.0
#include "guild/live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "actor/inspect.h"
#include "base/buf.h"
#include "base/mem.h"
#include "proto/search.h"

#define CLASSES_MAX 64
#define NS_PER_MS 1000000

const char live_usage[] =
	"actors [CLASS]             actors by class, or each one of a class\n"
	"messages                   what became of all messages so far\n"
	"trace EVERY                follow one of so many messages; 0: none\n"
	"flight                     dump the flight recorder, for scripts/flight\n"
	"reindex GUILD              make the guild's search index anew\n";

/* --- actors --------------------------------------------------------------- */

struct class_sum {
	const char *name;
	uint64_t actors, mailbox, mailbox_most, handled, time_ns, memory;
	uint64_t hogging_ns;	/* the longest turn that goes on */
};

struct classes {
	struct class_sum sum[CLASSES_MAX];
	int count;
};

static int add_to_class(void *ctx, const struct actor_info *info)
{
	struct classes *c = ctx;
	int i = 0;

	while (i < c->count && strcmp(c->sum[i].name, info->class_name))
		i++;
	if (i == CLASSES_MAX)
		return 0;
	if (i == c->count)
		c->sum[c->count++].name = info->class_name;
	c->sum[i].actors++;
	c->sum[i].mailbox += info->mailbox;
	if (info->mailbox > c->sum[i].mailbox_most)
		c->sum[i].mailbox_most = info->mailbox;
	c->sum[i].handled += info->handled;
	c->sum[i].time_ns += info->time_ns;
	c->sum[i].memory += info->memory;
	if (info->hogging_ns > c->sum[i].hogging_ns)
		c->sum[i].hogging_ns = info->hogging_ns;
	return 0;
}

static int busier_class(const void *left, const void *right)
{
	const struct class_sum *a = left, *b = right;

	return a->time_ns < b->time_ns ? 1 : -(a->time_ns > b->time_ns);
}

static void put_classes(struct actor_system *sys, struct buf *out)
{
	struct classes c = { 0 };
	int i;

	actor_system_list(sys, add_to_class, &c);
	qsort(c.sum, c.count, sizeof(c.sum[0]), busier_class);
	buf_printf(out, "%-14s %8s %8s %8s %12s %12s %12s %8s\n", "class",
		   "actors", "waiting", "most", "handled", "busy_us", "bytes",
		   "hog_ms");
	for (i = 0; i < c.count; i++)
		buf_printf(out, "%-14s %8" PRIu64 " %8" PRIu64 " %8" PRIu64
			   " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %8" PRIu64
			   "\n", c.sum[i].name, c.sum[i].actors,
			   c.sum[i].mailbox, c.sum[i].mailbox_most,
			   c.sum[i].handled, c.sum[i].time_ns / 1000,
			   c.sum[i].memory, c.sum[i].hogging_ns / NS_PER_MS);
}

struct chosen {
	const char *class_name;
	struct buf infos;	/* of struct actor_info */
};

static int choose(void *ctx, const struct actor_info *info)
{
	struct chosen *c = ctx;

	return strcmp(c->class_name, info->class_name) ? 0 :
	       buf_append(&c->infos, info, sizeof(*info));
}

static int busier(const void *left, const void *right)
{
	const struct actor_info *a = left, *b = right;

	if (a->mailbox != b->mailbox)
		return a->mailbox < b->mailbox ? 1 : -1;
	return a->time_ns < b->time_ns ? 1 : -(a->time_ns > b->time_ns);
}

/* Those first in whose mailboxes most waits. */
static int put_actors(struct actor_system *sys, const char *class_name,
		      struct buf *out)
{
	struct chosen c = { .class_name = class_name };
	const struct actor_info *info;
	size_t i, count;
	int err = actor_system_list(sys, choose, &c);

	info = (const void *)c.infos.data;
	count = c.infos.len / sizeof(*info);
	if (count)
		qsort(c.infos.data, count, sizeof(*info), busier);
	buf_printf(out, "%-16s %-10s %4s %8s %12s %12s %8s %8s\n", "actor",
		   "phase", "core", "waiting", "handled", "busy_us", "bytes",
		   "hog_ms");
	for (i = 0; i < count; i++)
		buf_printf(out, "%016" PRIx64 " %-10s %4d %8u %12" PRIu64
			   " %12" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
			   info[i].ref.bits, info[i].phase, info[i].core,
			   info[i].mailbox, info[i].handled,
			   info[i].time_ns / 1000, info[i].memory,
			   info[i].hogging_ns / NS_PER_MS);
	buf_fini(&c.infos);
	return err;
}

static int run_actors(struct actor_system *sys, int argc,
		      const char *const *argv, struct buf *out)
{
	if (argc == 2)
		return put_actors(sys, argv[1], out);
	put_classes(sys, out);
	return 0;
}

/* --- messages and their ways ---------------------------------------------- */

static int run_messages(struct actor_system *sys, int argc,
			const char *const *argv, struct buf *out)
{
	struct actor_stats s;

	(void)argc;
	(void)argv;
	actor_system_stats(sys, &s);
	buf_printf(out,
		   "sent %" PRIu64 "\ndelivered %" PRIu64 "\nwaiting %" PRIu64
		   "\ndropped_stale %" PRIu64 "\ndropped_full %" PRIu64
		   "\ndropped_end %" PRIu64 "\nactors %" PRIu64
		   "\nrestarts %" PRIu64 "\nturns %" PRIu64 "\nsteals %" PRIu64
		   "\nwakes %" PRIu64 "\nmutes %" PRIu64 "\n",
		   s.sent, s.delivered, s.queued, s.dropped_stale,
		   s.dropped_full, s.dropped_end, s.actors, s.restarts, s.runs,
		   s.steals, s.wakes, s.mutes);
	return 0;
}

static int run_trace(struct actor_system *sys, int argc,
		     const char *const *argv, struct buf *out)
{
	unsigned long every;
	char *end;

	(void)argc;
	errno = 0;
	every = strtoul(argv[1], &end, 10);
	if (errno || *end || !*argv[1] || every > UINT32_MAX) {
		buf_printf(out, "chatd: %s is no number\n", argv[1]);
		return -EINVAL;
	}
	actor_system_trace(sys, (uint32_t)every);
	return 0;
}

static int read_all(int fd, struct buf *out)
{
	off_t len = lseek(fd, 0, SEEK_END);
	char *room;

	if (len <= 0)
		return len ? -errno : 0;
	room = buf_grow(out, (size_t)len);
	if (!room)
		return out->err;
	return pread(fd, room, (size_t)len, 0) == len ? 0 : -EIO;
}

static int run_flight(struct actor_system *sys, int argc,
		      const char *const *argv, struct buf *out)
{
	int fd = memfd_create("flight", MFD_CLOEXEC), err;

	(void)argc;
	(void)argv;
	if (fd < 0)
		return -errno;
	err = actor_system_dump(sys, fd);
	err = err ? err : read_all(fd, out);
	close(fd);
	return err;
}

static int run_reindex(struct actor_system *sys, int argc,
		       const char *const *argv, struct buf *out)
{
	struct search_reindex_msg *m;
	char *end;

	(void)argc;
	m = ACTOR_MSG_NEW(struct search_reindex_msg, SEARCH_REINDEX);
	if (!m)
		return -ENOMEM;
	m->guild_id = strtoull(argv[1], &end, 10);
	if (!m->guild_id || *end) {
		actor_msg_free(&m->head);
		buf_puts(out, live_usage);
		return -EINVAL;
	}
	buf_puts(out, "reindexing; chatd_search_behind_channels says how many "
		 "channels are left\n");
	return actor_system_send(sys, search_route(sys), &m->head);
}

/* --- commands ------------------------------------------------------------- */

static const struct {
	const char *name;
	int argc_min, argc_max;
	int (*run)(struct actor_system *sys, int argc, const char *const *argv,
		   struct buf *out);
} commands[] = {
	{ "actors", 1, 2, run_actors },
	{ "messages", 1, 1, run_messages },
	{ "trace", 2, 2, run_trace },
	{ "flight", 1, 1, run_flight },
	{ "reindex", 2, 2, run_reindex },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

bool live_is(const char *command)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, command))
			return true;
	return false;
}

int live_run(struct actor_system *sys, int argc, const char *const *argv,
	     struct buf *out)
{
	int err = -EINVAL;

	for (size_t i = 0; argc && i < COMMANDS; i++) {
		if (strcmp(commands[i].name, argv[0]))
			continue;
		if (argc >= commands[i].argc_min &&
		    argc <= commands[i].argc_max)
			err = commands[i].run(sys, argc, argv, out);
		else
			buf_puts(out, live_usage);
	}
	return err ? err : out->err;
}
