/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files attached to messages, for a backup: DIR/CHANNEL/ID beside the
 * store, written once and never changed (guild/files.h).  Blocking.
 */
#ifndef STORE_TOOL_FILES_H
#define STORE_TOOL_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "store/tool.h"

#define TOOL_FILES_NAME "attachments"

struct tool_files_sum {
	uint64_t files, bytes;
};

/*
 * Gives all pieces of every file that was written at `since` or later to fn;
 * one that is removed meanwhile is left out.  No folder: no files.
 */
int tool_files_walk(const char *dir, const struct timespec *since,
		    tool_piece_fn fn, void *ctx, struct tool_files_sum *sum);

/* Files being made anew, in a folder that is made if need be; one that is
 * there is replaced. */
struct tool_files;

int tool_files_new(const char *dir, struct tool_files **ret_files);
/* A tool_piece_fn; ctx is the files. */
int tool_files_add(void *files, uint64_t channel, uint64_t id,
		   const void *data, uint32_t size);
/* Durable when it has returned 0. */
int tool_files_close(struct tool_files *files);

#endif
