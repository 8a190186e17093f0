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
	{ "create", "make a Super-Disk of a disk and SSDs", command_create },
	{ "remove", "take one apart", command_remove },
	{ "list", "all Super-Disks", command_list },
	{ "status", "counters and latencies of them", command_status },
	{ "add-ssd", "fill a vacant position", command_add_ssd },
	{ "remove-ssd", "leave a position vacant", command_remove_ssd },
	{ "replace-ssd", "both at once", command_replace_ssd },
	{ "bypass", "route around an SSD", command_bypass },
	{ "restore", "use it again", command_restore },
	{ "warm", "copy what the SSDs lack", command_warm },
	{ "events", "what happens to them", command_events },
	{ "trace", "each request, and what became of it", command_trace },
	{ "latency", "block I/O latency as histograms", command_latency },
	{ "slowest", "the slowest requests, and who sent them",
	  command_slowest },
	{ "sockets", "TCP to local listeners, and who waits", command_sockets },
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
