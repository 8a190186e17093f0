// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "error check failed at=%s:%d cond=\"%s\"\n", file, line,
		cond);
	abort();
}
