/* SPDX-License-Identifier: Apache-2.0 */
/* What the URL of a gateway connection asks for. */
#ifndef GATEWAY_UPGRADE_H
#define GATEWAY_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>

struct upgrade {
	uint16_t close;		/* refuse with this close code; 0: welcome */
	bool zlib_stream;	/* compress=zlib-stream */
};

/*
 * Reads a query string ("v=10&encoding=json"); a NULL or absent parameter is
 * its default (10, json, no compression).  Unknown parameters are ignored.
 */
struct upgrade upgrade_parse(const char *query);

#endif
