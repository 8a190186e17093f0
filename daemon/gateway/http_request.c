// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_request.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/call.h"

static const struct method {
	enum lws_token_indexes token;
	enum route_method method;
} methods[] = {
	{ WSI_TOKEN_GET_URI, ROUTE_GET },
	{ WSI_TOKEN_POST_URI, ROUTE_POST },
	{ WSI_TOKEN_PUT_URI, ROUTE_PUT },
	{ WSI_TOKEN_PATCH_URI, ROUTE_PATCH },
	{ WSI_TOKEN_DELETE_URI, ROUTE_DELETE },
};

enum route_method http_request_method(struct lws *wsi)
{
	size_t i;

	for (i = 0; i < LWS_ARRAY_SIZE(methods); i++)
		if (lws_hdr_total_length(wsi, methods[i].token) > 0)
			return methods[i].method;
	return ROUTE_METHODS;
}

/* "" when absent; false when it does not fit. */
static bool header(struct lws *wsi, enum lws_token_indexes token, char *ret,
		   size_t size)
{
	ret[0] = 0;
	if (lws_hdr_total_length(wsi, token) <= 0)
		return true;
	return lws_hdr_copy(wsi, ret, size, token) >= 0;
}

void http_request_token(struct lws *wsi, struct call *call)
{
	static const char *const schemes[] = { "Bot ", "Bearer " };
	char value[REST_TOKEN_MAX + 16];
	const char *token = value;
	size_t i;

	if (!header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, value, sizeof(value)))
		return;
	for (i = 0; i < LWS_ARRAY_SIZE(schemes); i++)
		if (!strncasecmp(value, schemes[i], strlen(schemes[i])))
			token = value + strlen(schemes[i]);
	if (strlen(token) < sizeof(call->token))
		strcpy(call->token, token);
}

/* libwebsockets splits a query at & and decodes the parts: the & and % that
 * were escaped are escaped again. */
static void put_escaped(struct buf *buf, const char *part, int len)
{
	static const char plain[] = "-._~!$'()*,;:@/?";
	bool name = true;
	int i;

	for (i = 0; i < len; i++) {
		unsigned char c = part[i];

		if ((c == '=' && name) || (c >= '0' && c <= '9') ||
		    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    (c && strchr(plain, c)))
			buf_putc(buf, c);
		else
			buf_printf(buf, "%%%02X", c);
		name = name && c != '=';
	}
}

char *http_request_query(struct lws *wsi)
{
	char part[CALL_QUERY_MAX];
	struct buf query = { .limit = CALL_QUERY_MAX };
	char *text;
	int i, len = 0;

	buf_puts(&query, "");
	for (i = 0; len >= 0; i++) {
		len = lws_hdr_copy_fragment(wsi, part, sizeof(part),
					    WSI_TOKEN_HTTP_URI_ARGS, i);
		if (len < 0)
			break;
		if (i)
			buf_putc(&query, '&');
		put_escaped(&query, part, len);
	}
	buf_putc(&query, 0);
	text = buf_steal(&query, NULL);
	buf_fini(&query);
	return text;
}

void http_request_boundary(struct lws *wsi, struct call *call)
{
	char value[MULTIPART_BOUNDARY_MAX + 64];

	if (header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, value, sizeof(value)))
		multipart_boundary(value, call->boundary);
}

bool http_request_keep_alive(struct lws *wsi)
{
	char connection[32];

	return header(wsi, WSI_TOKEN_CONNECTION, connection,
		      sizeof(connection)) &&
	       strcasecmp(connection, "close");
}

bool http_request_is_version_13(struct lws *wsi)
{
	char value[8];

	return header(wsi, WSI_TOKEN_VERSION, value, sizeof(value)) &&
	       !strcmp(value, "13");
}

long long http_request_length(struct lws *wsi)
{
	char value[24], *end;
	long long len;

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return header(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING, value,
			      sizeof(value)) &&
		       !strcasecmp(value, "chunked") &&
		       lws_hdr_total_length(wsi,
					    WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0 ?
			       HTTP_REQUEST_CHUNKED : -1;
	if (!header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, value, sizeof(value)))
		return -1;
	if (!*value)
		return 0;
	len = strtoll(value, &end, 10);
	return *end || len < 0 ? -1 : len;
}
