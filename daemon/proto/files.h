/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attached files.  The actor registered as "files" keeps them in a folder and
 * answers each request but DROP once, with its tag:
 *
 *	FILES_PUT	guild -> FILES_WRITTEN, when all of them are durable
 *	FILES_GET	gate -> FILES_DATA
 *	FILES_DROP	guild: these are named by no message any more
 *	FILES_CLEAR	-> FILES_CLEARED: some files of a channel that is gone
 *
 * Whoever knows a file's mark may have it: there is no other check.  The mark
 * is in the file's URL, see files_path().
 */
#ifndef PROTO_FILES_H
#define PROTO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actor/actor.h"
#include "proto/types.h"

struct blob;

#define FILES_NAME "files"

#define FILES_MAX 10			/* of one message */
#define FILE_SIZE_MAX (10u << 20)
#define FILE_MARK_SIZE 33		/* hexadecimal, with its NUL */
#define FILE_NAME_MAX 128		/* bytes */
#define FILE_PATH_MAX (FILE_NAME_MAX + 128)

enum files_msg_type {
	FILES_PUT = PROTO_FILES,	/* struct files_put_msg */
	FILES_WRITTEN,			/* struct files_written_msg */
	FILES_GET,			/* struct files_get_msg */
	FILES_DATA,			/* struct files_data_msg */
	FILES_DROP,			/* struct files_drop_msg */
	FILES_CLEAR,			/* struct files_clear_msg */
	FILES_CLEARED,			/* struct files_cleared_msg */
};

/* One name in the store: of a channel, and an id of its own. */
struct files_file {
	uint64_t id;
	const uint8_t *data;		/* in `upload` */
	size_t size;
};

struct files_put_msg {
	struct actor_msg head;
	uint64_t channel_id;
	char *upload;			/* owned */
	uint32_t count;
	struct files_file file[FILES_MAX];
};

/* -ENOSPC, -EIO; -EOVERFLOW: shed. */
struct files_written_msg {
	struct actor_msg head;
	int status;
	char mark[FILES_MAX][FILE_MARK_SIZE];
};

struct files_get_msg {
	struct actor_msg head;
	uint64_t channel_id;
	uint64_t id;
	char mark[FILE_MARK_SIZE];
};

/* -ENOENT: no such file, or a wrong mark. */
struct files_data_msg {
	struct actor_msg head;
	int status;
	struct blob *data;		/* owned */
};

struct files_drop_msg {
	struct actor_msg head;
	uint64_t channel_id;
	uint32_t count;
	uint64_t id[];
};

struct files_clear_msg {
	struct actor_msg head;
	uint64_t channel_id;
};

struct files_cleared_msg {
	struct actor_msg head;
	int status;
	bool more;			/* ask again */
};

/* Registers the types above.  Once, before the actor system starts. */
int files_types_register(void);
/* Nobody while it is not up.  Any thread. */
actor_ref files_route(struct actor_system *sys);
struct files_drop_msg *files_drop_new(uint32_t count);

/* /attachments/{channel}/{id}/{name}?hm={mark} */
void files_path(char path[FILE_PATH_MAX], uint64_t channel_id, uint64_t id,
		const char *name, const char *mark);
/* Reads one, without its query; false: it is none.  *ret_name borrows. */
bool files_path_parse(const char *path, uint64_t *ret_channel_id,
		      uint64_t *ret_id, const char **ret_name);
/* What is left of a name that may stand in a URL; never empty. */
void files_name_clean(char name[FILE_NAME_MAX], const char *from);
/* By the end of the name. */
const char *files_type_of(const char *name);

#endif
