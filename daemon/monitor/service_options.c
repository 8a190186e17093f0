// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/control.h"
#include "monitor/options.h"
#include "monitor/service.h"

#define STATE_FOLDER "/var/lib/superdisk"
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
"      --state FOLDER         keep the heat of Super-Disks there ($STATE_DIRECTORY,\n"
"                             else " STATE_FOLDER "; none: do not)\n"
"  -h, --help\n";

#define WARM_KIB_S 65536

enum {
	OPTION_NO_BLOCK = 256,
	OPTION_ADVICE,
	OPTION_WARM,
	OPTION_SOCKETS,
	OPTION_STATE,
};

static const struct option long_options[] = {
	{ "listen", required_argument, NULL, 'l' },
	{ "socket", required_argument, NULL, 's' },
	{ "no-block", no_argument, NULL, OPTION_NO_BLOCK },
	{ "advice", no_argument, NULL, OPTION_ADVICE },
	{ "warm", required_argument, NULL, OPTION_WARM },
	{ "sockets", no_argument, NULL, OPTION_SOCKETS },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int take(int option, const char *argument, void *into, char *why,
		size_t why_size)
{
	struct service_options *o = into;
	uint64_t rate;

	switch (option) {
	case 'l':
		o->listen = strcmp(argument, "none") ? argument : NULL;
		return 0;
	case 's':
		o->socket = argument;
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
	case OPTION_STATE:
		o->state = strcmp(argument, "none") ? argument : NULL;
		return 0;
	case OPTION_WARM:
		if (options_number(argument, 0, UINT32_MAX, &rate)) {
			snprintf(why, why_size, "rate %s: not a number",
				 argument);
			return -EINVAL;
		}
		o->warm_kib_s = (uint32_t)rate;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

int service_options_parse(int argc, char **argv,
			  struct service_options *ret_options, char *why,
			  size_t why_size)
{
	static const struct options options = { ":l:s:h", long_options, take };
	const char *folder = getenv("STATE_DIRECTORY"); /* of systemd */
	struct service_options o = {
		.socket = CONTROL_SOCKET,
		.listen = HTTP_ADDRESS,
		.block = true,
		.state = folder && *folder ? folder : STATE_FOLDER,
		.warm_kib_s = WARM_KIB_S,
	};
	int at = options_parse(&options, argc, argv, &o, why, why_size);

	if (at >= 0 && at < argc) {
		snprintf(why, why_size, "unexpected argument: %s", argv[at]);
		at = -EINVAL;
	}
	if (at < 0)
		return at;
	*ret_options = o;
	return 0;
}
