/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which call a method and a path name.  One table holds all of Discord's
 * routes that are served; it is compiled once and then only read.
 */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rest.h"

enum route_method {
	ROUTE_GET,
	ROUTE_POST,
	ROUTE_PUT,
	ROUTE_PATCH,
	ROUTE_DELETE,
	ROUTE_METHODS,		/* also: any other method */
};

/* Calls that the gateway answers itself, beside those of enum rest_kind. */
enum route_own {
	ROUTE_OWN_NONE,
	ROUTE_OWN_GATEWAY,	/* GET /gateway */
	ROUTE_OWN_GATEWAY_BOT,	/* GET /gateway/bot */
};

struct route_match {
	uint16_t kind;			/* enum rest_kind, or REST_NONE and … */
	uint8_t own;			/* … enum route_own */
	uint64_t id[REST_IDS];
	char text[REST_TEXT_MAX];
	const char *bad_id;		/* with ERROR_FORM: e.g. "channel_id" */
};

/*
 * Matches a path below /api/v10 ("/users/@me").  Percent escapes are already
 * decoded.  Returns ERROR_NONE; ERROR_NO_ROUTE; ERROR_METHOD when the path
 * exists under another method; ERROR_FORM when an id is not a snowflake.
 * Any thread after route_init().
 */
enum error_code route_find(enum route_method method, const char *path,
			   struct route_match *ret_match);

/* Compiles the table.  Once, before any thread calls route_find(). */
void route_init(void);

#endif
