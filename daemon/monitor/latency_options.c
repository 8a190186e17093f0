// SPDX-License-Identifier: Apache-2.0
#include "monitor/latency_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/control.h"
#include "monitor/latency.h"

#define INTERVAL_MAX_S 86400

const char latency_options_usage[] =
"usage: superdisk latency [options] [interval [count]]\n"
"\n"
"Block I/O latency of every device as histograms.  With an interval, in\n"
"seconds, on a terminal: a live view with heatmaps; q leaves it.  Without one:\n"
"what superdiskd has seen so far, or, where none runs, what happens until\n"
"Ctrl-C.\n"
"\n"
"  -i, -d, --device DEV   this device only: a path, a kernel or a dm name\n"
"  -o, --operation OP     read, write, flush or discard only\n"
"  -Q, --queue            the time before the device as well\n"
"  -P, --parents          split a device by the dm or md device that used it\n"
"  -T, --timestamp        a timestamp before each interval\n"
"  -p, --plain            no live view\n"
"  -j, --json             JSON, one line an interval\n"
"      --own              measure here, ask no superdiskd\n"
"      --socket PATH      of superdiskd (" CONTROL_SOCKET ")\n"
"  -h, --help\n";

enum { OPTION_OWN = 256, OPTION_SOCKET };

static const struct option long_options[] = {
	{ "device", required_argument, NULL, 'i' },
	{ "operation", required_argument, NULL, 'o' },
	{ "queue", no_argument, NULL, 'Q' },
	{ "parents", no_argument, NULL, 'P' },
	{ "timestamp", no_argument, NULL, 'T' },
	{ "plain", no_argument, NULL, 'p' },
	{ "json", no_argument, NULL, 'j' },
	{ "own", no_argument, NULL, OPTION_OWN },
	{ "socket", required_argument, NULL, OPTION_SOCKET },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int operation_of(const char *name)
{
	for (int op = 0; op < BLOCK_OPS; op++)
		if (!strcmp(name, latency_op_names[op]))
			return op;
	return -EINVAL;
}

static int parse_operands(int argc, char **argv, struct latency_options *o,
			  char *why, size_t why_size)
{
	char *end;

	if (argc > 2) {
		snprintf(why, why_size, "too many arguments: %s", argv[2]);
		return -EINVAL;
	}
	if (argc > 0) {
		double seconds = strtod(argv[0], &end);

		if (*end || end == argv[0] || !(seconds >= 0.1) ||
		    seconds > INTERVAL_MAX_S) {
			snprintf(why, why_size,
				 "interval %s: not 0.1 to %d seconds", argv[0],
				 INTERVAL_MAX_S);
			return -EINVAL;
		}
		o->interval_ms = (uint32_t)(seconds * 1000);
	}
	if (argc > 1) {
		unsigned long count = strtoul(argv[1], &end, 10);

		if (*end || argv[1][0] < '0' || argv[1][0] > '9' || !count ||
		    count > UINT32_MAX) {
			snprintf(why, why_size, "count %s: not a number above 0",
				 argv[1]);
			return -EINVAL;
		}
		o->count = (uint32_t)count;
	}
	return 0;
}

static int take_option(int option, const char *current,
		       struct latency_options *o, char *why, size_t why_size)
{
	switch (option) {
	case 'i':
	case 'd':
		o->device = optarg;
		return 0;
	case 'o':
		o->operation = operation_of(optarg);
		if (o->operation >= 0)
			return 0;
		snprintf(why, why_size, "no such operation: %s", optarg);
		return -EINVAL;
	case 'Q':
		o->queue = true;
		return 0;
	case 'P':
		o->parents = true;
		return 0;
	case 'T':
		o->timestamp = true;
		return 0;
	case 'p':
		o->live = false;
		return 0;
	case 'j':
		o->json = true;
		o->live = false;
		return 0;
	case OPTION_OWN:
		o->socket = NULL;
		return 0;
	case OPTION_SOCKET:
		o->socket = optarg;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	default:
		snprintf(why, why_size, "%s: %s", current,
			 option == ':' ? "needs an argument" :
					 "no such option");
		return -EINVAL;
	}
}

int latency_options_parse(int argc, char **argv,
			  struct latency_options *ret_options, char *why,
			  size_t why_size)
{
	struct latency_options o = {
		.socket = CONTROL_SOCKET,
		.operation = -1,
		.live = true,
	};
	int option, err = 0;

	optind = 0; /* a fresh scan, whatever was parsed before */
	opterr = 0;
	while (!err && (option = getopt_long(argc, argv, ":i:d:o:QPTpjh",
					     long_options, NULL)) != -1)
		err = take_option(option, argv[optind - 1], &o, why, why_size);
	if (!err)
		err = parse_operands(argc - optind, argv + optind, &o, why,
				     why_size);
	if (!err)
		*ret_options = o;
	return err;
}
