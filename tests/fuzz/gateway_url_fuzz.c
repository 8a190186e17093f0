// SPDX-License-Identifier: Apache-2.0
/* Paths of REST and query strings of gateway connections: the first byte picks
 * the method, the rest is both. */
#include <stddef.h>
#include <stdint.h>
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
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct upgrade upgrade;
	char *text;

	if (!size)
		return 0;
	/* The input has no terminator of its own. */
	text = calloc(1, size);
	check(text);
	memcpy(text, data + 1, size - 1);
	check_path(data[0] % (ROUTE_METHODS + 1), text);
	upgrade = upgrade_parse(text);
	check(!upgrade.close || upgrade.close == 4002 || upgrade.close == 4012);
	free(text);
	return 0;
}
