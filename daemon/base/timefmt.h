/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text, UTC: 2015-01-01T00:00:00.123000+00:00 */
#ifndef BASE_TIMEFMT_H
#define BASE_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>

#define TIMEFMT_SIZE 40

/* Milliseconds since 1970, up to the year 9999.  Needs no locale or zone. */
void timefmt_iso(uint64_t unix_ms, char ret_text[TIMEFMT_SIZE]);
/* Reads YYYY-MM-DDTHH:MM:SS[.fraction](Z|+HH:MM|-HH:MM).  -EINVAL. */
int timefmt_parse(const char *text, uint64_t *ret_unix_ms);

#endif
