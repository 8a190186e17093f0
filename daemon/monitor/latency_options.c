// SPDX-License-Identifier: Apache-2.0
#include "monitor/latency_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/control.h"
#include "monitor/latency.h"
#include "monitor/options.h"

#define INTERVAL_MAX_S 86400

const char latency_options_usage[] =
"usage: superdisk latency [options] [interval [count]]\n"
"\n"
"Block I/O latency of every device as histograms.  With an interval, in\n"
"seconds, on a terminal: a live view with heatmaps; space holds it, q leaves\n"
"it.  Without one: what superdiskd has seen so far, or, where none runs, what\n"
"happens until Ctrl-C.\n"
"\n"
"  -i, -d, --device DEV   this device only: a path, a kernel or a dm name\n"
"  -c, --cgroup PATH      what this cgroup and those below it send; own figures\n"
"  -o, --operation OP     read, write, flush or discard only\n"
"  -Q, --queue            the time before the device as well\n"
"  -P, --parents          split a device by the dm or md device that used it\n"
"  -m, --milliseconds     one row for all below a millisecond\n"
"  -x, --table            a line a device and operation, as iostat -x\n"
"  -T, -t, --timestamp    a timestamp before each interval\n"
"  -p, --plain            no live view\n"
"  -j, --json             JSON, one line an interval\n"
"      --own              measure here, ask no superdiskd\n"
"      --socket PATH      of superdiskd (" CONTROL_SOCKET ")\n"
"  -h, --help\n"
"\n"
"biolatency's -D and -F are taken, too: it is always by device and operation.\n";

enum { OPTION_OWN = 256, OPTION_SOCKET };

static const struct option long_options[] = {
	{ "device", required_argument, NULL, 'i' },
	{ "cgroup", required_argument, NULL, 'c' },
	{ "operation", required_argument, NULL, 'o' },
	{ "queue", no_argument, NULL, 'Q' },
	{ "parents", no_argument, NULL, 'P' },
	{ "milliseconds", no_argument, NULL, 'm' },
	{ "table", no_argument, NULL, 'x' },
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
	uint64_t count = 0;
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
	if (argc > 1 && options_number(argv[1], 1, UINT32_MAX, &count)) {
		snprintf(why, why_size, "count %s: not a number above 0",
			 argv[1]);
		return -EINVAL;
	}
	o->count = (uint32_t)count;
	return 0;
}

static int take(int option, const char *argument, void *into, char *why,
		size_t why_size)
{
	struct latency_options *o = into;

	switch (option) {
	case 'i':
	case 'd':
		o->device = argument;
		return 0;
	case 'c':
		o->cgroup = argument;
		return 0;
	case 'o':
		o->operation = operation_of(argument);
		if (o->operation >= 0)
			return 0;
		snprintf(why, why_size, "no such operation: %s", argument);
		return -EINVAL;
	case 'D':
	case 'F':
		return 0; /* biolatency's: by device and operation, as always */
	case 'm':
		o->milliseconds = true;
		return 0;
	case 'Q':
		o->queue = true;
		return 0;
	case 'P':
		o->parents = true;
		return 0;
	case 't':
	case 'T':
		o->timestamp = true;
		return 0;
	case 'x':
		o->table = true;
		o->live = false;
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
		o->socket = argument;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

int latency_options_parse(int argc, char **argv,
			  struct latency_options *ret_options, char *why,
			  size_t why_size)
{
	static const struct options options = { ":i:d:c:o:DFmQPTtxpjh",
						long_options, take };
	struct latency_options o = {
		.socket = control_path(),
		.operation = -1,
		.live = true,
	};
	int at = options_parse(&options, argc, argv, &o, why, why_size);
	int err = at < 0 ? at : parse_operands(argc - at, argv + at, &o, why,
					       why_size);

	if (o.cgroup)
		o.socket = NULL;
	if (!err)
		*ret_options = o;
	return err;
}
