// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/control.h"
#include "monitor/service.h"

#define HTTP_ADDRESS "127.0.0.1:9650"

const char service_usage[] =
"usage: superdiskd [options]\n"
"\n"
"Measures block I/O with eBPF and serves the figures.\n"
"\n"
"  -l, --listen ADDRESS:PORT  HTTP (" HTTP_ADDRESS "; none: no HTTP)\n"
"  -s, --socket PATH          control socket (" CONTROL_SOCKET ")\n"
"      --no-block             do not measure block I/O\n"
"      --sockets              measure TCP connections to local listeners\n"
"      --advice               log what to do about slow SSDs, do not do it\n"
"      --warm KIB_PER_S       fill blank SSDs at that rate (65536; 0: do not)\n"
"  -h, --help\n";

#define WARM_KIB_S 65536

enum {
	OPTION_NO_BLOCK = 256,
	OPTION_ADVICE,
	OPTION_WARM,
	OPTION_SOCKETS,
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, 'l' },
	{ "socket", required_argument, NULL, 's' },
	{ "no-block", no_argument, NULL, OPTION_NO_BLOCK },
	{ "advice", no_argument, NULL, OPTION_ADVICE },
	{ "warm", required_argument, NULL, OPTION_WARM },
	{ "sockets", no_argument, NULL, OPTION_SOCKETS },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse_rate(const char *text, uint32_t *ret_rate, char *why,
		      size_t why_size)
{
	char *end;
	unsigned long rate = strtoul(text, &end, 10);

	if (*end || *text < '0' || *text > '9' || rate > UINT32_MAX) {
		snprintf(why, why_size, "rate %s: not a number", text);
		return -EINVAL;
	}
	*ret_rate = (uint32_t)rate;
	return 0;
}

static int take_option(int option, const char *current,
		       struct service_options *o, char *why, size_t why_size)
{
	switch (option) {
	case 'l':
		o->listen = strcmp(optarg, "none") ? optarg : NULL;
		return 0;
	case 's':
		o->socket = optarg;
		return 0;
	case OPTION_NO_BLOCK:
		o->block = false;
		return 0;
	case OPTION_SOCKETS:
		o->sockets = true;
		return 0;
	case OPTION_ADVICE:
		o->advice = true;
		return 0;
	case OPTION_WARM:
		return parse_rate(optarg, &o->warm_kib_s, why, why_size);
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

int service_options_parse(int argc, char **argv,
			  struct service_options *ret_options, char *why,
			  size_t why_size)
{
	struct service_options o = {
		.socket = CONTROL_SOCKET,
		.listen = HTTP_ADDRESS,
		.block = true,
		.warm_kib_s = WARM_KIB_S,
	};
	int option, err = 0;

	optind = 0; /* a fresh scan, whatever was parsed before */
	opterr = 0;
	while (!err && (option = getopt_long(argc, argv, ":l:s:h",
					     long_options, NULL)) != -1)
		err = take_option(option, argv[optind - 1], &o, why, why_size);
	if (!err && optind < argc) {
		snprintf(why, why_size, "unexpected argument: %s",
			 argv[optind]);
		err = -EINVAL;
	}
	if (!err)
		*ret_options = o;
	return err;
}
