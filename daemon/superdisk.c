// SPDX-License-Identifier: Apache-2.0
/* superdisk(8): the command of a person; each subcommand is a module. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "monitor/command.h"

static const struct {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "latency", "block I/O latency as histograms", command_latency },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("usage: superdisk COMMAND [options]\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-12s %s\n", commands[i].name,
			commands[i].summary);
	fputs("\nsuperdisk COMMAND --help says more.\n", out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EX_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return EX_OK;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "superdisk: no such command: %s\n", argv[1]);
	usage(stderr);
	return EX_USAGE;
}
