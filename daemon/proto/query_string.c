// SPDX-License-Identifier: Apache-2.0
#include "proto/query_string.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode(const char *text, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < size - 1; i++) {
		out[n] = text[i] == '+' ? ' ' : text[i];
		if (text[i] == '%' && i + 2 < len && hex(text[i + 1]) >= 0 &&
		    hex(text[i + 2]) >= 0) {
			out[n] = (char)(hex(text[i + 1]) << 4 |
					hex(text[i + 2]));
			i += 2;
		}
		if (out[n])
			n++;
	}
	out[n] = 0;
}

bool query_string_next(struct query_string *q, char key[QUERY_KEY_MAX],
		       char *value, size_t value_size)
{
	const char *amp, *stop, *eq;

	if (q->at >= q->end)
		return false;
	amp = memchr(q->at, '&', (size_t)(q->end - q->at));
	stop = amp ? amp : q->end;
	eq = memchr(q->at, '=', (size_t)(stop - q->at));
	decode(q->at, (size_t)((eq ? eq : stop) - q->at), key, QUERY_KEY_MAX);
	value[0] = 0;
	if (eq)
		decode(eq + 1, (size_t)(stop - eq - 1), value, value_size);
	q->at = stop + 1;
	return true;
}

bool query_number(const char *text, uint64_t *ret_n)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*ret_n = strtoull(text, &end, 10);
	return !*end && !errno;
}

bool query_is_true(const char *text)
{
	return !strcasecmp(text, "true") || !strcmp(text, "1");
}
