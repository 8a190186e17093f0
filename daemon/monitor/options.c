// SPDX-License-Identifier: Apache-2.0
#include "monitor/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int options_parse(const struct options *options, int argc, char **argv,
		  void *into, char *why, size_t why_size)
{
	int option, err = 0;

	optind = 0; /* a fresh scan, whatever was parsed before */
	opterr = 0;
	while (!err && (option = getopt_long(argc, argv, options->letters,
					     options->names, NULL)) != -1) {
		if (option != ':' && option != '?') {
			err = options->take(option, optarg, into, why,
					    why_size);
			continue;
		}
		snprintf(why, why_size, "%s: %s", argv[optind - 1],
			 option == ':' ? "needs an argument" :
					 "no such option");
		err = -EINVAL;
	}
	return err ? err : optind;
}

int options_number(const char *text, uint64_t min, uint64_t max,
		   uint64_t *ret_number)
{
	unsigned long long number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *end || number < min || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}
