// SPDX-License-Identifier: Apache-2.0
#include "guild/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guild/admin.h"
#include "guild/overview.h"

#define DIR_MODE 0700

static int lock(const char *dir, int *ret_fd)
{
	char path[PATH_MAX];
	int fd;

	if (mkdir(dir, DIR_MODE) && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return -errno;
	}
	*ret_fd = fd;
	return 0;
}

int folder_open(const char *dir, uint32_t worker, struct folder *ret_folder)
{
	struct folder f = { .lock_fd = -1 };
	uint64_t mark = 0;
	int err;

	err = lock(dir, &f.lock_fd);
	if (err)
		return err;
	err = catalog_open(dir, &f.catalog);
	if (!err)
		err = catalog_id_mark(f.catalog, &mark);
	if (!err)
		err = idgen_new(worker, mark, &f.ids);
	if (err)
		folder_close(&f);
	else
		*ret_folder = f;
	return err;
}

void folder_close(struct folder *folder)
{
	catalog_close(folder->catalog);
	idgen_free(folder->ids);
	close(folder->lock_fd);
}

/* In one transaction with the mark of the ids it has given out. */
static int transact(struct folder *f, uint64_t now_ms, struct buf *out,
		    int (*run)(const struct admin *a, int argc,
			       const char *const *argv),
		    int argc, const char *const *argv)
{
	struct overview added;
	struct catalog_visitor v;
	struct admin a = { f->catalog, f->ids, now_ms, out, &v };
	int err;

	overview_init(&added);
	v = overview_visitor(&added);
	err = catalog_begin(f->catalog);
	if (err)
		return err;
	err = run(&a, argc, argv);
	if (!err)
		err = catalog_set_id_mark(f->catalog, idgen_last(f->ids));
	if (err)
		catalog_rollback(f->catalog);
	else
		err = catalog_commit(f->catalog);
	overview_fini(&added);
	return err;
}

int folder_admin(struct folder *folder, uint64_t now_ms, int argc,
		 const char *const *argv, struct buf *out)
{
	return transact(folder, now_ms, out, admin_run, argc, argv);
}

static int first_start(const struct admin *a, int argc,
		       const char *const *argv)
{
	(void)argc;
	(void)argv;
	return admin_first_start(a);
}

int folder_first_start(struct folder *folder, uint64_t now_ms, struct buf *out)
{
	struct overview all;
	struct catalog_visitor v;
	bool empty;
	int err;

	overview_init(&all);
	v = overview_visitor(&all);
	err = catalog_visit(folder->catalog, &v);
	empty = !all.users.count;
	overview_fini(&all);
	if (err || !empty)
		return err;
	return transact(folder, now_ms, out, first_start, 0, NULL);
}
