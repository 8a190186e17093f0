/* SPDX-License-Identifier: Apache-2.0 */
/* What the head of a request says, out of libwebsockets' tables. */
#ifndef GATEWAY_HTTP_REQUEST_H
#define GATEWAY_HTTP_REQUEST_H

#include <stdbool.h>

#include "gateway/route.h"

struct call;
struct lws;

/* Of HEAD that is GET, too. */
enum route_method http_request_method(struct lws *wsi);
bool http_request_is_head(struct lws *wsi);

/* An Authorization without its scheme into call->token; one that is too long is
 * none. */
void http_request_token(struct lws *wsi, struct call *call);

/* Returns the query string, mem_free() it; NULL: too long, or no memory. */
char *http_request_query(struct lws *wsi);

#define HTTP_REQUEST_CHUNKED (-2)
#define HTTP_REQUEST_NO_BODY (-3)

/* Bytes of the body to come; HTTP_REQUEST_CHUNKED: its chunks say so;
 * HTTP_REQUEST_NO_BODY: it says nothing of one; -1: a form we do not take. */
long long http_request_length(struct lws *wsi);

/* Why a call is made, into call->reason; one that is too long is cut. */
void http_request_reason(struct lws *wsi, struct call *call);

/* Of a body with files into call->boundary; else "". */
void http_request_boundary(struct lws *wsi, struct call *call);

bool http_request_keep_alive(struct lws *wsi);

/* Of a WebSocket: the one that there is. */
bool http_request_is_version_13(struct lws *wsi);

#endif
