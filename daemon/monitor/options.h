/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a command, over getopt_long().  One thread. */
#ifndef MONITOR_OPTIONS_H
#define MONITOR_OPTIONS_H

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>

/* A table: letters with ':' in front, long names up to a NULL one. */
struct options {
	const char *letters;
	const struct option *names;
	/*
	 * Takes option @option (its letter or val) with @argument or NULL into
	 * @into.  -EINVAL with the complaint in @why.
	 */
	int (*take)(int option, const char *argument, void *into, char *why,
		    size_t why_size);
};

/*
 * Returns the index of the first operand in @argv, which getopt has sorted to
 * its end, or -EINVAL with the complaint in @why.
 */
int options_parse(const struct options *options, int argc, char **argv,
		  void *into, char *why, size_t why_size);

/* A decimal number of @min to @max, all of @text; -EINVAL: it is none. */
int options_number(const char *text, uint64_t min, uint64_t max,
		   uint64_t *ret_number);

#endif
