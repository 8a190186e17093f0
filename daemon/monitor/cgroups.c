// SPDX-License-Identifier: Apache-2.0
#include "monitor/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "monitor/clock.h"
#include "monitor/text.h"

#define MOUNTS "/proc/self/mounts"
#define DEPTH_MAX 64

struct cgroups {
	char root[PATH_MAX];	/* "": nowhere */
	struct hmap paths;	/* id to a path from mem_alloc() */
	uint64_t read_ns;	/* when the tree was last read, 0: never */
};

/* Whether the unified hierarchy at @folder controls block I/O. */
static bool controls_io(const char *folder)
{
	char path[PATH_MAX], line[512] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%.*s/cgroup.controllers", PATH_MAX - 32,
		 folder);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	return strstr(line, "io ") || strstr(line, "io\n");
}

static bool is_wanted(const struct mntent *mount, enum cgroups_of of)
{
	if (!strcmp(mount->mnt_type, "cgroup"))
		return of == CGROUPS_BLOCK && hasmntopt(mount, "blkio");
	if (strcmp(mount->mnt_type, "cgroup2"))
		return false;
	return of == CGROUPS_SOCKETS || controls_io(mount->mnt_dir);
}

static void find_root(struct cgroups *cgroups, enum cgroups_of of)
{
	FILE *mounts = setmntent(MOUNTS, "re");
	struct mntent *mount;

	if (!mounts)
		return;
	while (!cgroups->root[0] && (mount = getmntent(mounts)))
		if (is_wanted(mount, of))
			snprintf(cgroups->root, sizeof(cgroups->root), "%s",
				 mount->mnt_dir);
	endmntent(mounts);
}

int cgroups_new(const char *root, enum cgroups_of of,
		struct cgroups **ret_cgroups)
{
	struct cgroups *cgroups = mem_zalloc(sizeof(*cgroups));

	if (!cgroups)
		return -ENOMEM;
	if (root)
		snprintf(cgroups->root, sizeof(cgroups->root), "%s", root);
	else
		find_root(cgroups, of);
	*ret_cgroups = cgroups;
	return 0;
}

static void forget(struct cgroups *cgroups)
{
	uint64_t path;
	size_t at = 0;

	while (hmap_next(&cgroups->paths, &at, NULL, &path))
		mem_free((void *)(uintptr_t)path);
	hmap_fini(&cgroups->paths);
	cgroups->paths = HMAP_INIT;
}

void cgroups_free(struct cgroups *cgroups)
{
	if (!cgroups)
		return;
	forget(cgroups);
	mem_free(cgroups);
}

const char *cgroups_root(const struct cgroups *cgroups)
{
	return cgroups->root;
}

int cgroups_id(const struct cgroups *cgroups, const char *path,
	       uint64_t *ret_id)
{
	char below[PATH_MAX];
	struct stat root, st;
	bool found;

	if (!cgroups->root[0] || stat(cgroups->root, &root))
		return -ENOENT;
	found = !stat(path, &st) && st.st_dev == root.st_dev;
	if (!found && (size_t)snprintf(below, sizeof(below), "%s/%s",
				       cgroups->root, path) < sizeof(below))
		found = !stat(below, &st) && st.st_dev == root.st_dev;
	if (!found || !S_ISDIR(st.st_mode))
		return -ENOENT;
	*ret_id = st.st_ino;
	return 0;
}

static void add(struct cgroups *cgroups, uint64_t id, const char *path)
{
	size_t size = strlen(path) + 1;
	char *copy;

	if (cgroups->paths.count >= CGROUPS_MAX ||
	    hmap_get(&cgroups->paths, id, NULL))
		return;
	copy = mem_alloc(size);
	if (!copy)
		return;
	memcpy(copy, path, size);
	text_make_printable(copy);
	if (hmap_set(&cgroups->paths, id, (uintptr_t)copy))
		mem_free(copy);
}

/* Adds what is below the open folder @fd, which it closes; @path names it. */
static void read_folder(struct cgroups *cgroups, int fd, char *path, int depth)
{
	size_t size = strlen(path);
	DIR *folder = fdopendir(fd);
	struct dirent *entry;
	struct stat st;
	int below;

	if (!folder) {
		close(fd);
		return;
	}
	while ((entry = readdir(folder))) {
		if (entry->d_type != DT_DIR || depth == DEPTH_MAX ||
		    !strcmp(entry->d_name, ".") ||
		    !strcmp(entry->d_name, "..") ||
		    size + strlen(entry->d_name) + 2 > PATH_MAX)
			continue;
		below = openat(fd, entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			continue;
		sprintf(path + size, "/%s", entry->d_name);
		if (!fstat(below, &st))
			add(cgroups, st.st_ino, path);
		read_folder(cgroups, below, path, depth + 1);
		path[size] = 0;
	}
	closedir(folder);
}

static void read_tree(struct cgroups *cgroups)
{
	char path[PATH_MAX] = "";
	struct stat st;
	int fd = open(cgroups->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	forget(cgroups);
	if (!fstat(fd, &st))
		add(cgroups, st.st_ino, "/");
	read_folder(cgroups, fd, path, 0);
}

const char *cgroups_path(struct cgroups *cgroups, uint64_t id)
{
	const char *path = hmap_get_ptr(&cgroups->paths, id);
	uint64_t now = clock_monotonic_ns();

	if (path || !id || !cgroups->root[0])
		return path ? path : "";
	if (cgroups->read_ns && now - cgroups->read_ns < CGROUPS_REFRESH_NS)
		return "";
	cgroups->read_ns = now;
	read_tree(cgroups);
	path = hmap_get_ptr(&cgroups->paths, id);
	return path ? path : "";
}
