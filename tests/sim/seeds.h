/* SPDX-License-Identifier: Apache-2.0 */
/* What a simulation begins with, which seeds it tries and how to run it again;
 * and how it says what came of it. */
#ifndef TESTS_SEEDS_H
#define TESTS_SEEDS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct seeds {
	uint64_t first, count;
};

/* NAME [FIRST [COUNT]]; environment: SEEDS, the count when no seed is named. */
static inline struct seeds seeds_begin(int argc, char **argv, uint64_t usual,
				       size_t tests)
{
	const char *env = getenv("SEEDS");
	struct seeds seeds = {
		.first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1,
		.count = argc > 2 ? strtoull(argv[2], NULL, 0) :
			 argc > 1 ? 1 : env ? strtoull(env, NULL, 0) : usual,
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# seeds %" PRIu64 " to %" PRIu64 "; again: %s %" PRIu64 " %"
	       PRIu64 "\n1..%zu\n", seeds.first, seeds.first + seeds.count - 1,
	       argv[0], seeds.first, seeds.count, tests);
	return seeds;
}

static int tap_number, tap_failures;

static inline void tap(bool ok, const char *name)
{
	tap_failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tap_number, name);
}

#endif
