/* SPDX-License-Identifier: Apache-2.0 */
/* What the small subcommands have in common.  One thread (getopt). */
#ifndef MONITOR_COMMAND_ARGS_H
#define MONITOR_COMMAND_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "monitor/module.h"

struct command_args {
	bool json;
	int count;	/* of operands */
	char **operand;	/* borrowed from argv */
};

/*
 * Takes --json and --help; demands @min to @max operands.  Returns 0 to go on,
 * else the exit status plus one: EX_OK + 1 after --help, EX_USAGE + 1 after a
 * complaint.  @usage begins with "usage: superdisk NAME".
 */
int command_args_parse(int argc, char **argv, const char *usage, int min,
		       int max, struct command_args *ret_args);

/* "superdisk NAME: WORDS: what @err means" on stderr; returns @status. */
int command_fail(const char *name, const char *words, int err, int status);

/* Prints @document, which it *takes*, in a line. */
void command_print_json(json_t *document);

/*
 * What superdiskd answers to @what, or NULL: with its refusal in @why, or ""
 * there where no superdiskd runs.
 */
json_t *command_ask(const char *what, char *why, size_t why_size);

/*
 * Opens the module and reads its state, which is to be given to mem_free().
 * On failure complains and returns an exit status, else EX_OK.
 */
int command_open_module(const char *name, struct module **ret_module,
			struct module_state **ret_state);

/* The device called @name, or NULL after a complaint of command @command. */
const struct module_device *command_find(const struct module_state *state,
					 const char *command,
					 const char *name);

/* A position in the table, below SUPERDISK_MAX_LEGS; -EINVAL after words. */
int command_position(const char *command, const char *text);

#endif
