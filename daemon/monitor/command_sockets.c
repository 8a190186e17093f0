// SPDX-License-Identifier: Apache-2.0
/* `superdisk sockets`: TCP by port and process, and the connections that wait. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/mem.h"
#include "monitor/capabilities.h"
#include "monitor/command.h"
#include "monitor/command_args.h"
#include "monitor/json_get.h"
#include "monitor/sockets.h"
#include "monitor/terminal.h"
#include "monitor/text.h"

#define SHOWN_MAX 10

static const char usage[] =
"usage: superdisk sockets [--json]\n"
"\n"
"TCP connections to local listeners: time to acknowledgment, time until the\n"
"application reads, round trips, and who waits most.  From superdiskd\n"
"--sockets; where none runs, of what happens until Ctrl-C.\n";

/* How long something waits, "-" if nothing does. */
static const char *text_wait(json_t *of, const char *key, char text[TEXT_SIZE])
{
	uint64_t ns = json_get_number(of, key);

	return ns ? text_time(ns, text) : "-";
}

static void print_span(json_t *group, const char *name)
{
	json_t *span = json_object_get(json_object_get(group, "spans"), name);
	char p50[TEXT_SIZE], p99[TEXT_SIZE];

	if (span)
		printf("  %9s %9s", text_time(json_get_number(span, "p50_ns"), p50),
		       text_time(json_get_number(span, "p99_ns"), p99));
	else
		printf("  %9s %9s", "-", "-");
}

static void print_who(json_t *group)
{
	int port = (int)json_get_number(group, "port");
	int pid = (int)json_get_number(group, "pid");

	if (pid)
		printf("%5d %7d %-15s ", port, pid,
		       json_get_text(group, "command"));
	else if (port)
		printf("%5d %7s %-15s ", port, "-", "(others)");
	else
		printf("%5s %7s %-15s ", "", "", "(all others)");
}

#define WHO_HEAD "%5s %7s %-15s "

static void print_times(json_t *groups)
{
	json_t *group;
	size_t i;

	printf(WHO_HEAD, "", "", "");
	for (int span = 0; span < SOCKET_SPANS; span++)
		printf("  %19s", sockets_span_names[span]);
	printf("\n" WHO_HEAD, "port", "pid", "command");
	for (int span = 0; span < SOCKET_SPANS; span++)
		printf("  %9s %9s", "p50", "p99");
	putchar('\n');
	json_array_foreach(groups, i, group) {
		print_who(group);
		for (int span = 0; span < SOCKET_SPANS; span++)
			print_span(group, sockets_span_names[span]);
		putchar('\n');
	}
}

static void print_counts(json_t *groups)
{
	char backlog[32], oldest[TEXT_SIZE], unsent[TEXT_SIZE];
	char unacked[TEXT_SIZE];
	json_t *group;
	size_t i;

	printf("\n" WHO_HEAD "%8s %6s %8s %8s %8s %9s %8s %8s  %s\n", "port",
	       "pid", "command", "accepted", "conns", "unsent", "unacked",
	       "retrans", "backlog", "oldest", "dropped", "cgroup");
	json_array_foreach(groups, i, group) {
		print_who(group);
		snprintf(backlog, sizeof(backlog), "%d/%d",
			 (int)json_get_number(group, "backlog"),
			 (int)json_get_number(group, "backlog_max"));
		printf("%8d %6d %8s %8s %8d %9s %8s %8d  %s\n",
		       (int)json_get_number(group, "accepted"),
		       (int)json_get_number(group, "connections"),
		       text_bytes(json_get_number(group, "unsent"), unsent),
		       text_bytes(json_get_number(group, "unacked"), unacked),
		       (int)json_get_number(group, "retransmits"), backlog,
		       text_wait(group, "unaccepted_ns", oldest),
		       (int)json_get_number(group, "drops"),
		       json_get_text(group, "cgroup"));
	}
}

static void print_connection(json_t *each)
{
	char unsent[TEXT_SIZE], unacked[TEXT_SIZE], peer[64];
	char unread[TEXT_SIZE], waits[TEXT_SIZE], queued[TEXT_SIZE];
	char pid[TEXT_SIZE] = "-";

	snprintf(peer, sizeof(peer), "%s:%d", json_get_text(each, "peer"),
		 (int)json_get_number(each, "peer_port"));
	if (json_get_number(each, "pid"))
		snprintf(pid, sizeof(pid), "%d",
			 (int)json_get_number(each, "pid"));
	printf("%5d %-28s %7s %-36s %8s %8s %9s %9s %9s\n",
	       (int)json_get_number(each, "port"), peer,
	       pid, json_get_text(each, "name"),
	       text_bytes(json_get_number(each, "unsent"), unsent),
	       text_bytes(json_get_number(each, "unacked"), unacked),
	       text_wait(each, "unread_ns", unread),
	       text_wait(each, "unacked_ns", waits),
	       text_wait(each, "unaccepted_ns", queued));
}

static void print_slowest(json_t *slowest)
{
	json_t *each;
	size_t i;

	if (!json_array_size(slowest))
		return;
	printf("\nslowest connections\n%5s %-28s %7s %-36s %8s %8s %9s %9s %9s\n",
	       "port", "peer", "pid", "name", "unsent", "unacked", "unread",
	       "no ack", "no accept");
	json_array_foreach(slowest, i, each) {
		if (i == SHOWN_MAX)
			break;
		print_connection(each);
	}
}

static void print_missing(json_t *document)
{
	json_t *measured = json_object_get(document, "measured"), *value;
	json_t *lost = json_object_get(document, "lost");
	uint64_t count = json_get_number(lost, "missed") +
			 json_get_number(lost, "storage") + json_get_number(lost, "ports");
	const char *key;

	json_object_foreach(measured, key, value)
		if (!json_is_true(value))
			printf("this kernel offers no hook for: %s\n", key);
	if (json_get_number(lost, "groups"))
		printf("%llu connections of more listeners than there are "
		       "places are among \"all others\"\n",
		       (unsigned long long)json_get_number(lost, "groups"));
	if (json_get_number(lost, "processes"))
		printf("%llu connections of more processes than there are "
		       "places are among the \"others\" of their port\n",
		       (unsigned long long)json_get_number(lost, "processes"));
	if (count)
		printf("%llu events lost\n", (unsigned long long)count);
}

/* Where no superdiskd runs; what stands in the way is left in @why. */
static json_t *measure_here(char *why, size_t why_size)
{
	struct sockets_state *state = mem_zalloc(sizeof(*state));
	struct socket_names *names = NULL;
	struct cgroups *cgroups = NULL;
	struct sockets *sockets = NULL;
	json_t *document = NULL;

	snprintf(why, why_size, "no memory");
	if (state && !sockets_open(why, why_size, &sockets) &&
	    !capabilities_drop(false) && !socket_names_new(&names) &&
	    !cgroups_new(NULL, CGROUPS_SOCKETS, &cgroups)) {
		fprintf(stderr, "measuring, Ctrl-C ends\n");
		interrupts_wait(-1);
		if (!sockets_read(sockets, state))
			document = sockets_to_json(state, names, cgroups);
	}
	cgroups_free(cgroups);
	socket_names_free(names);
	sockets_close(sockets);
	mem_free(state);
	return document;
}

int command_sockets(int argc, char **argv)
{
	struct command_args args;
	json_t *document;
	char why[1024];
	int status = command_args_parse(argc, argv, usage, 0, 0, &args);

	if (status)
		return status - 1;
	interrupts_catch();
	document = command_ask("sockets", why, sizeof(why));
	if (!document && !*why)
		document = measure_here(why, sizeof(why));
	if (!document) {
		fprintf(stderr, "superdisk sockets: %s\n", why);
		return EX_UNAVAILABLE;
	}
	if (args.json) {
		command_print_json(document);
		return EX_OK;
	}
	print_times(json_object_get(document, "groups"));
	print_counts(json_object_get(document, "groups"));
	print_slowest(json_object_get(document, "slowest"));
	print_missing(document);
	json_decref(document);
	return EX_OK;
}
