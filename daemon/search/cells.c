// SPDX-License-Identifier: Apache-2.0
#include "search/cells.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "search/cell.h"
#include "search/cell_impl.h"

#define PATH_SIZE 512
#define DIR_MODE 0700

struct open_cell {
	struct list node;	/* used last first */
	uint64_t id;
	struct cell *cell;
};

struct cells {
	char dir[PATH_SIZE - 64];
	sqlite3 *run;
	struct list open;
	unsigned int count, max;
	bool doubt;		/* a cell could not be closed in good order */
};

/* --- run.db --- */

static const char run_sql[] =
	"PRAGMA synchronous = FULL;"
	"CREATE TABLE IF NOT EXISTS run (generation INTEGER, clean INTEGER);"
	"CREATE TABLE IF NOT EXISTS safe (generation INTEGER PRIMARY KEY,"
	" ms INTEGER);"
	"INSERT INTO run SELECT 1, 1 WHERE NOT EXISTS (SELECT 1 FROM run);"
	"UPDATE run SET generation = generation + 1 - clean, clean = 0";

static int first_number(void *ctx, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	return sscanf(values[0], "%lu", (unsigned long *)ctx) != 1;
}

static int open_run(struct cells *s, uint64_t *ret_generation)
{
	char path[PATH_SIZE];
	unsigned long generation = 0;
	int err;

	snprintf(path, sizeof(path), "%s/run.db", s->dir);
	err = sqlite3_open(path, &s->run);
	if (!err)
		err = sqlite3_exec(s->run, run_sql, NULL, NULL, NULL);
	if (!err)
		err = sqlite3_exec(s->run, "SELECT generation FROM run",
				   first_number, &generation, NULL);
	*ret_generation = generation;
	return cell_errno(err);
}

static void close_run(struct cells *s, bool clean)
{
	if (clean)
		sqlite3_exec(s->run, "UPDATE run SET clean = 1", NULL, NULL,
			     NULL);
	sqlite3_close(s->run);
}

int cells_safe(struct cells *s, uint64_t generation, uint64_t *ret_ms)
{
	unsigned long ms = 0;
	char text[96];
	int err;

	snprintf(text, sizeof(text), "SELECT ms FROM safe WHERE generation"
		 " = %llu", (unsigned long long)generation);
	err = sqlite3_exec(s->run, text, first_number, &ms, NULL);
	*ret_ms = ms;
	return cell_errno(err);
}

int cells_set_safe(struct cells *s, uint64_t generation, uint64_t ms)
{
	char text[96];

	snprintf(text, sizeof(text), "INSERT OR REPLACE INTO safe VALUES"
		 " (%llu, %llu)", (unsigned long long)generation,
		 (unsigned long long)ms);
	return cell_errno(sqlite3_exec(s->run, text, NULL, NULL, NULL));
}

/* --- cells --- */

int cells_open(const char *dir, unsigned int max_open,
	       struct cells **ret_cells, uint64_t *ret_generation)
{
	struct cells *s = mem_zalloc(sizeof(*s));
	int err = 0;

	if (!s)
		return -ENOMEM;
	list_init(&s->open);
	s->max = max_open;
	snprintf(s->dir, sizeof(s->dir), "%s", dir);
	if (mkdir(dir, DIR_MODE) && errno != EEXIST)
		err = -errno;
	if (!err)
		err = open_run(s, ret_generation);
	if (err) {
		close_run(s, false);
		mem_free(s);
		return err;
	}
	*ret_cells = s;
	return 0;
}

static void close_one(struct cells *s, struct open_cell *o)
{
	list_del(&o->node);
	if (cell_close(o->cell))
		s->doubt = true;
	mem_free(o);
	s->count--;
}

static struct open_cell *last_used(struct cells *s)
{
	return list_entry(s->open.prev, struct open_cell, node);
}

void cells_close(struct cells *s, bool complete)
{
	while (!list_empty(&s->open))
		close_one(s, last_used(s));
	close_run(s, complete && !s->doubt);
	mem_free(s);
}

static const char *cell_path(const struct cells *s, uint64_t id,
			     const char *suffix, char *path)
{
	snprintf(path, PATH_SIZE, "%s/%llu.db%s", s->dir,
		 (unsigned long long)id, suffix);
	return path;
}

static void remove_files(const struct cells *s, uint64_t id)
{
	static const char *const suffixes[] = { "-wal", "-shm", "" };
	char path[PATH_SIZE];

	log_error("search", "cell_dropped", "cell=%llu",
		  (unsigned long long)id);
	for (int i = 0; i < 3; i++)
		unlink(cell_path(s, id, suffixes[i], path));
}

static int open_one(struct cells *s, uint64_t id, struct open_cell **ret_open)
{
	struct open_cell *o = mem_zalloc(sizeof(*o));
	char path[PATH_SIZE];
	int err;

	if (!o)
		return -ENOMEM;
	err = cell_open(cell_path(s, id, "", path), &o->cell);
	if (err == -EBADMSG) {
		remove_files(s, id);
		err = cell_open(path, &o->cell);
	}
	if (err) {
		mem_free(o);
		return err;
	}
	o->id = id;
	list_push_front(&s->open, &o->node);
	s->count++;
	*ret_open = o;
	return 0;
}

static struct open_cell *find(struct cells *s, uint64_t id)
{
	list_for_each(node, &s->open) {
		struct open_cell *o = list_entry(node, struct open_cell, node);

		if (o->id == id)
			return o;
	}
	return NULL;
}

int cells_get(struct cells *s, uint64_t id, struct cell **ret_cell)
{
	struct open_cell *o = find(s, id);
	int err = 0;

	if (o) {
		list_del(&o->node);
		list_push_front(&s->open, &o->node);
	} else {
		if (s->count == s->max)
			close_one(s, last_used(s));
		err = open_one(s, id, &o);
	}
	if (!err)
		*ret_cell = o->cell;
	return err;
}

void cells_drop(struct cells *s, uint64_t id)
{
	struct open_cell *o = find(s, id);

	if (o)
		close_one(s, o);
	remove_files(s, id);
}
