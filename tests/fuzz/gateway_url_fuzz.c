// SPDX-License-Identifier: Apache-2.0
/* Paths of REST and query strings of gateway connections: the first byte picks
 * the method, the rest is both. */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "gateway/route.h"
#include "gateway/upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	route_init();
	return 0;
}

/* What was taken out of a path stands in it, between slashes. */
static void check_stands_in(const char *path, const char *text)
{
	size_t len = strlen(text);

	for (const char *at = path; (at = strstr(at, text)); at++)
		if (at > path && at[-1] == '/' && (!at[len] || at[len] == '/'))
			return;
	check(false);
}

/* Zeroes may stand before an id. */
static void check_id(const char *path, uint64_t id)
{
	char digits[24];
	const char *at = path;
	size_t len;

	if (id == REST_ID_ME) {
		check_stands_in(path, "@me");
		return;
	}
	len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, id);
	for (; (at = strstr(at, digits)); at++) {
		const char *before = at;

		while (before > path && before[-1] == '0')
			before--;
		if (before > path && before[-1] == '/' &&
		    (!at[len] || at[len] == '/'))
			return;
	}
	check(false);
}

static void check_path(enum route_method method, const char *path)
{
	struct route_match match;
	enum error_code code = route_find(method, path, &match);

	check(code == ERROR_NONE || code == ERROR_NO_ROUTE ||
	      code == ERROR_METHOD || code == ERROR_FORM);
	if (code == ERROR_FORM)
		check(match.bad_id);
	if (code == ERROR_NONE) {
		check(!match.bad_id && match.kind < REST_KINDS);
		check((match.kind == REST_NONE) == (match.own != 0));
		check(memchr(match.text, 0, sizeof(match.text)));
		if (match.text[0])
			check_stands_in(path, match.text);
		for (int i = 0; i < REST_IDS; i++)
			if (match.id[i])
				check_id(path, match.id[i]);
	}
}

static bool is(const char *at, size_t len, const char *text)
{
	return len == strlen(text) && !memcmp(at, text, len);
}

/* Each parameter for itself; what is last said is what counts. */
static void check_upgrade(const char *query)
{
	struct upgrade upgrade = upgrade_parse(query);
	bool zlib = false;
	uint16_t code = 0;

	while (*query) {
		size_t len = strcspn(query, "&");

		if (len >= 2 && !memcmp(query, "v=", 2) &&
		    !is(query, len, "v=9") && !is(query, len, "v=10"))
			code = 4012;
		if (len >= 9 && !memcmp(query, "encoding=", 9) &&
		    !is(query, len, "encoding=json"))
			code = 4002;
		if (len >= 9 && !memcmp(query, "compress=", 9)) {
			if (is(query, len, "compress=zlib-stream"))
				zlib = true;
			else if (len > 9)
				code = 4002;
		}
		query += len;
		query += *query == '&';
	}
	check(upgrade.close == code && upgrade.zlib_stream == zlib);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	/* The input has no terminator of its own. */
	text = calloc(1, size);
	check(text);
	memcpy(text, data + 1, size - 1);
	check_path(data[0] % (ROUTE_METHODS + 1), text);
	check_upgrade(text);
	free(text);
	return 0;
}
