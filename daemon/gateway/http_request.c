// SPDX-License-Identifier: Apache-2.0
#include "gateway/http_request.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "gateway/call.h"

static const struct method {
	enum lws_token_indexes token;
	enum route_method method;
} methods[] = {
	{ WSI_TOKEN_GET_URI, ROUTE_GET },
	{ WSI_TOKEN_HEAD_URI, ROUTE_GET },
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

bool http_request_is_head(struct lws *wsi)
{
	return lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI) > 0;
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

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 :
							-1;
}

/* In place; an escape that is none stays as it is. */
static void percent_decode(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0 &&
		    (hex(text[1]) || hex(text[2]))) {
			*to++ = (char)(hex(text[1]) << 4 | hex(text[2]));
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = 0;
}

/* After so many characters; false: it is no UTF-8. */
static bool cut(char *text, int characters)
{
	size_t n;

	for (; *text && characters; characters--, text += n) {
		n = utf8_len(text, strlen(text));
		if (!n)
			return false;
	}
	*text = 0;
	return true;
}

void http_request_reason(struct lws *wsi, struct call *call)
{
	static const char name[] = "x-audit-log-reason:";
	int len = lws_hdr_custom_length(wsi, name, sizeof(name) - 1);
	char *text = len > 0 ? mem_alloc((size_t)len + 1) : NULL;

	if (!text)
		return;
	if (lws_hdr_custom_copy(wsi, text, len + 1, name, sizeof(name) - 1) < 0) {
		mem_free(text);
		return;
	}
	percent_decode(text);
	if (!cut(text, CALL_REASON_MAX) || !*text) {
		mem_free(text);
		return;
	}
	call->reason = text;
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
	char value[24];
	size_t digits;

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
		return HTTP_REQUEST_NO_BODY;
	digits = strspn(value, "0123456789");
	return value[digits] ? -1 : strtoll(value, NULL, 10);
}
