/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of `superdisk create`, and the table line they make. */
#ifndef MONITOR_TABLE_H
#define MONITOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "superdisk.h"

#define TABLE_OPTIONS_MAX 16

struct table {
	/* all borrowed from argv */
	const char *name, *disk;
	const char *ssd[SUPERDISK_MAX_LEGS];
	unsigned int ssds;
	const char *option[TABLE_OPTIONS_MAX];	/* KEY=VALUE for the module */
	unsigned int options;
	bool json, help;
};

extern const char table_usage[];

/* -EINVAL with the complaint in @why. */
int table_parse(int argc, char **argv, struct table *ret_table, char *why,
		size_t why_size);

/* Appends the line, as kmod/args.h describes it. */
void table_print(const struct table *table, struct buf *out);

#endif
