// SPDX-License-Identifier: Apache-2.0
/* superdiskd(8): options, then the service. */
#include <stdio.h>
#include <sysexits.h>

#include "monitor/service.h"

int main(int argc, char **argv)
{
	struct service_options options;
	char why[256];

	if (service_options_parse(argc, argv, &options, why, sizeof(why))) {
		fprintf(stderr, "superdiskd: %s\n%s", why, service_usage);
		return EX_USAGE;
	}
	if (options.help) {
		fputs(service_usage, stdout);
		return EX_OK;
	}
	return service_run(&options) < 0 ? EX_UNAVAILABLE : EX_OK;
}
