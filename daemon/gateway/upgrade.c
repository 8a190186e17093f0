// SPDX-License-Identifier: Apache-2.0
#include "gateway/upgrade.h"

#include <stddef.h>
#include <string.h>

#include "proto/close.h"

static bool is(const char *text, size_t len, const char *want)
{
	return strlen(want) == len && !memcmp(text, want, len);
}

static void set_version(struct upgrade *upgrade, const char *value, size_t len)
{
	if (!is(value, len, "10") && !is(value, len, "9"))
		upgrade->close = CLOSE_VERSION;
}

static void set_encoding(struct upgrade *upgrade, const char *value, size_t len)
{
	if (!is(value, len, "json"))
		upgrade->close = CLOSE_DECODE;
}

static void set_compress(struct upgrade *upgrade, const char *value, size_t len)
{
	if (is(value, len, "zlib-stream"))
		upgrade->zlib_stream = true;
	else if (len)
		upgrade->close = CLOSE_DECODE;
}

static const struct parameter {
	const char *name;
	void (*set)(struct upgrade *upgrade, const char *value, size_t len);
} parameters[] = {
	{ "v", set_version },
	{ "encoding", set_encoding },
	{ "compress", set_compress },
};

static void set_parameter(struct upgrade *upgrade, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t i;

	if (!equals)
		return;
	for (i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (is(text, equals - text, parameters[i].name))
			parameters[i].set(upgrade, equals + 1,
					  len - (equals + 1 - text));
}

struct upgrade upgrade_parse(const char *query)
{
	struct upgrade upgrade = { 0 };
	const char *end;

	while (query && *query) {
		end = strchrnul(query, '&');
		set_parameter(&upgrade, query, end - query);
		query = *end ? end + 1 : end;
	}
	return upgrade;
}
