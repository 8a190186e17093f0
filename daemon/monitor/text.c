// SPDX-License-Identifier: Apache-2.0
#include "monitor/text.h"

#include <stdio.h>

/* @value in the largest of @units that leaves at least 1. */
static const char *scaled(double value, double step,
			  const char *const units[], char text[TEXT_SIZE])
{
	size_t unit = 0;

	/* 999.5 would be printed as 1000 */
	while (units[unit + 1] && value >= step - 0.5) {
		value /= step;
		unit++;
	}
	snprintf(text, TEXT_SIZE, "%.*f%s", value < 9.95 && unit ? 1 : 0,
		 value, units[unit]);
	return text;
}

const char *text_time(uint64_t ns, char text[TEXT_SIZE])
{
	static const char *const units[] = { " ns", " us", " ms", " s", NULL };

	return scaled((double)ns, 1000, units, text);
}

const char *text_count(uint64_t count, char text[TEXT_SIZE])
{
	static const char *const units[] = { "", " k", " M", " G", " T", NULL };

	return scaled((double)count, 1000, units, text);
}

const char *text_bytes(uint64_t bytes, char text[TEXT_SIZE])
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB",
					     " TiB", NULL };

	return scaled((double)bytes, 1024, units, text);
}

void text_make_printable(char *name)
{
	for (; *name; name++)
		if (*name < ' ' || *name > '~')
			*name = '?';
}

const char *text_printable(const char *from, size_t from_size,
			   char text[TEXT_SIZE])
{
	snprintf(text, TEXT_SIZE, "%.*s", (int)from_size, from);
	text_make_printable(text);
	return text;
}
