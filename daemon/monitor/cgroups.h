/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of cgroups by the ids that eBPF programs see: the inode number of the
 * folder.  One thread.
 */
#ifndef MONITOR_CGROUPS_H
#define MONITOR_CGROUPS_H

#include <stdint.h>

enum cgroups_of {
	CGROUPS_SOCKETS,	/* always the unified hierarchy */
	CGROUPS_BLOCK,		/* whichever has the controller of block I/O */
};

/* Names kept; a tree with more folders is known in part. */
#define CGROUPS_MAX 16384
/* An unknown id makes the tree be read again, no more often than this. */
#define CGROUPS_REFRESH_NS 5000000000ULL

struct cgroups;

/*
 * *returns* names over the folder @root; NULL: where the hierarchy of @of is
 * mounted, and where none is, no id has a path.
 */
int cgroups_new(const char *root, enum cgroups_of of,
		struct cgroups **ret_cgroups);
void cgroups_free(struct cgroups *cgroups);

/* The id of the folder @path, or of that path below the root; or -ENOENT. */
int cgroups_id(const struct cgroups *cgroups, const char *path,
	       uint64_t *ret_id);

/* The folder that the names are over, "" when there is none.  *borrows*. */
const char *cgroups_root(const struct cgroups *cgroups);

/*
 * The path of @id below the root ("/system.slice/chatd.service"), "" when it
 * is 0 or unknown.  *borrows*: valid until the next call.
 */
const char *cgroups_path(struct cgroups *cgroups, uint64_t id);

#endif
