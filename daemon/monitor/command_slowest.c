// SPDX-License-Identifier: Apache-2.0
/* `superdisk slowest`: the requests that took longest, and who sent them. */
#include <stdio.h>
#include <sysexits.h>

#include "monitor/command.h"
#include "monitor/command_args.h"
#include "monitor/json_get.h"
#include "monitor/text.h"

static const char usage[] =
"usage: superdisk slowest [--json]\n"
"\n"
"The slowest block requests of the last one to two minutes, of all devices,\n"
"with who sent them.  From superdiskd.\n";

static void print_request(json_t *request)
{
	uint64_t queue = json_get_number(request, "queue_ns");
	uint64_t device = json_get_number(request, "device_ns");
	char total[TEXT_SIZE], queued[TEXT_SIZE], bytes[TEXT_SIZE];
	const char *parent = json_get_text(request, "parent");
	char name[160], who[64];

	snprintf(name, sizeof(name), "%s%s%s", json_get_text(request, "device"),
		 *parent ? "<" : "", parent);
	snprintf(who, sizeof(who), "%s/%d", json_get_text(request, "command"),
		 (int)json_get_number(request, "pid"));
	printf("%8s %8s  %-20s %-7s %12llu %8s  %-22s %s%s\n",
	       text_time(queue + device, total), text_time(queue, queued),
	       name, json_get_text(request, "operation"),
	       (unsigned long long)json_get_number(request, "sector"),
	       text_bytes(json_get_number(request, "bytes"), bytes), who,
	       json_get_text(request, "cgroup"),
	       json_get_number(request, "error") ? "  failed" : "");
}

int command_slowest(int argc, char **argv)
{
	struct command_args args;
	json_t *document, *request;
	char why[1024];
	uint64_t lost;
	size_t i;
	int status = command_args_parse(argc, argv, usage, 0, 0, &args);

	if (status)
		return status - 1;
	document = command_ask("slow", why, sizeof(why));
	if (!document) {
		fprintf(stderr, "superdisk slowest: %s\n",
			*why ? why : "no superdiskd runs");
		return EX_UNAVAILABLE;
	}
	if (args.json) {
		command_print_json(document);
		return EX_OK;
	}
	printf("%8s %8s  %-20s %-7s %12s %8s  %-22s %s\n", "total", "queued",
	       "device", "", "sector", "size", "process", "cgroup");
	json_array_foreach(json_object_get(document, "requests"), i, request)
		print_request(request);
	lost = json_get_number(document, "lost");
	if (lost)
		printf("%llu slow requests lost, to a full ring buffer\n",
		       (unsigned long long)lost);
	json_decref(document);
	return EX_OK;
}
