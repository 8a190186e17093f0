// SPDX-License-Identifier: Apache-2.0
#include "gateway/http.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/mem.h"
#include "gateway/call.h"
#include "gateway/http_request.h"
#include "gateway/pump.h"
#include "gateway/tunnel.h"
#include "os/loop.h"

#define HEADERS_MAX 8192	/* bytes of a request's head */
#define REQUEST_TIMEOUT_S 20	/* for its head, and for each part of its body */
#define KEEP_ALIVE_S 65
#define SERVICE_BUF 4096

struct http {
	struct os_loop *loop;
	struct pump *pump;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct calls *calls;
	const struct http_owner *owner;
	void *ctx;
	struct lws_dll2_owner opened;	/* WebSockets to be handed over */
};

/* What a connection keeps, zeroed by libwebsockets. */
struct connection {
	struct call *call;
	struct upgrade upgrade;
	struct lws_dll2 opened;
	struct lws *wsi;
};

static struct http *http_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

/* With each socket goes its tunnel, if it has one, or this mark: that it came
 * in by the door for operators. */
static char inside_mark;

static bool is_inside(struct lws *wsi)
{
	return lws_get_opaque_user_data(wsi) == &inside_mark;
}

static struct tunnel *tunnel_of(struct lws *wsi)
{
	return is_inside(wsi) ? NULL : lws_get_opaque_user_data(wsi);
}

static uint64_t now_ns(const struct http *http)
{
	return os_now_ns(os_loop_env(http->loop));
}

/* --- reading a request -------------------------------------------------- */

/* A tunnel's plain end has no address. */
static void read_peer(struct lws *wsi, struct call *call)
{
	const struct tunnel *tunnel = tunnel_of(wsi);

	if (tunnel)
		snprintf(call->peer, sizeof(call->peer), "%s",
			 tunnel_peer(tunnel));
	else
		lws_get_peer_simple(wsi, call->peer, sizeof(call->peer));
}

static bool read_head(struct lws *wsi, struct call *call, const char *path,
		      size_t path_len)
{
	call->wsi = wsi;
	call->inside = is_inside(wsi);
	call->method = http_request_method(wsi);
	call->path = path_len < CALL_PATH_MAX ?
		     mem_alloc(path_len + 1) : NULL;
	call->query = http_request_query(wsi);
	if (!call->path || !call->query)
		return false;
	memcpy(call->path, path, path_len);
	call->path[path_len] = 0;
	http_request_token(wsi, call);
	read_peer(wsi, call);
	call->keep_alive = http_request_keep_alive(wsi);
	return true;
}

static void refuse(struct call *call, enum error_code code)
{
	call->answer.status = error_status(code);
	call->answer.body = error_body(code);
	call->keep_alive = false;
	lws_callback_on_writable(call->wsi);
}

static void request_done(struct http *http, struct call *call)
{
	if (call->head_done)
		return;
	call->head_done = true;
	http->owner->call(http->ctx, call);
}

static int on_request(struct lws *wsi, struct connection *c, void *in,
		      size_t len)
{
	struct http *http = http_of(wsi);
	struct call *call;
	long long body;

	/* An h2 stream or a request while another is open: not spoken here. */
	if (c->call || lws_get_network_wsi(wsi) != wsi)
		return -1;
	call = call_new(http->calls, now_ns(http));
	if (!call)
		return -1;
	c->call = call;
	if (!read_head(wsi, call, in, len))
		return -1;
	body = http_request_length(wsi);
	if (body < 0)
		refuse(call, ERROR_FORM);
	else if (body > CALL_BODY_MAX)
		refuse(call, ERROR_TOO_LARGE_AT_EDGE);
	else if (!body)
		request_done(http, call);
	return 0;
}

static int on_body(struct lws *wsi, struct connection *c, void *in, size_t len)
{
	struct call *call = c->call;

	/* What comes behind a refusal is read and thrown away. */
	if (!call || call->answer.status || call->head_done)
		return 0;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, REQUEST_TIMEOUT_S);
	return buf_append(&call->body, in, len) ? -1 : 0;
}

static int on_body_end(struct lws *wsi, struct connection *c, void *in,
		       size_t len)
{
	(void)in;
	(void)len;
	if (c->call && !c->call->answer.status)
		request_done(http_of(wsi), c->call);
	return 0;
}

/* --- writing an answer --------------------------------------------------- */

static const struct reason {
	uint16_t status;
	const char *phrase;
} reasons[] = {
	{ 200, "OK" },			{ 201, "Created" },
	{ 202, "Accepted" },		{ 204, "No Content" },
	{ 400, "Bad Request" },		{ 401, "Unauthorized" },
	{ 403, "Forbidden" },		{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },	{ 413, "Content Too Large" },
	{ 429, "Too Many Requests" },	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },	{ 504, "Gateway Timeout" },
};

static const char *phrase(uint16_t status)
{
	size_t i;

	for (i = 0; i < LWS_ARRAY_SIZE(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].phrase;
	return "Status";
}

static void put_date(const struct http *http, struct buf *out)
{
	time_t seconds = os_wall_ms(os_loop_env(http->loop)) / 1000;
	char text[48];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "Date: %a, %d %b %Y %T GMT\r\n", &tm);
	buf_puts(out, text);
}

static void put_answer(const struct http *http, struct call *call,
		       struct buf *out)
{
	const struct call_answer *answer = &call->answer;
	const char *type = answer->content_type;
	size_t len = answer->body ? answer->body->len : 0;

	buf_printf(out, "HTTP/1.1 %u %s\r\n", answer->status,
		   phrase(answer->status));
	put_date(http, out);
	if (answer->status != 204)
		buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
			   type ? type : "application/json", len);
	if (answer->headers.len)
		buf_append(out, answer->headers.data, answer->headers.len);
	if (!call->keep_alive)
		buf_puts(out, "Connection: close\r\n");
	buf_puts(out, "\r\n");
	if (len)
		buf_append(out, answer->body->data, len);
}

/* One write, of which libwebsockets keeps what the socket does not take. */
static int write_answer(struct lws *wsi, struct call *call)
{
	struct buf out = BUF_INIT;
	int err = -1;

	buf_grow(&out, LWS_PRE);
	put_answer(http_of(wsi), call, &out);
	if (!out.err)
		err = lws_write(wsi, (unsigned char *)out.data + LWS_PRE,
				out.len - LWS_PRE,
				LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
	buf_fini(&out);
	return err;
}

static int on_writable(struct lws *wsi, struct connection *c, void *in,
		       size_t len)
{
	struct call *call = c->call;
	bool keep_alive;
	int err;

	(void)in;
	(void)len;
	if (!call || !call->answer.status)
		return 0;
	err = write_answer(wsi, call);
	keep_alive = call->keep_alive;
	c->call = NULL;
	call_free(http_of(wsi)->calls, call);
	if (err)
		return -1;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, REQUEST_TIMEOUT_S);
	return lws_http_transaction_completed(wsi) || !keep_alive ? -1 : 0;
}

void http_answer(struct call *call)
{
	lws_callback_on_writable(call->wsi);
}

/* --- WebSockets ---------------------------------------------------------- */

static int refuse_version(struct lws *wsi)
{
	static const char answer[] =
		"HTTP/1.1 426 Upgrade Required\r\n"
		"Sec-WebSocket-Version: 13\r\n"
		"Connection: close\r\nContent-Length: 0\r\n\r\n";
	unsigned char out[LWS_PRE + sizeof(answer)];

	memcpy(out + LWS_PRE, answer, sizeof(answer) - 1);
	lws_write(wsi, out + LWS_PRE, sizeof(answer) - 1,
		  LWS_WRITE_HTTP_HEADERS);
	return -1;
}

/* libwebsockets looks at neither method nor version (RFC 6455, 4.2.1). */
static int on_upgrade(struct lws *wsi, struct connection *c, void *in,
		      size_t len)
{
	const char *protocol = in;

	(void)c;
	(void)len;
	if (is_inside(wsi) || !protocol || strcasecmp(protocol, "websocket") ||
	    http_request_method(wsi) != ROUTE_GET)
		return -1;
	return http_request_is_version_13(wsi) ? 0 : refuse_version(wsi);
}

static int on_handshake(struct lws *wsi, struct connection *c, void *in,
			size_t len)
{
	char *query = http_request_query(wsi);

	(void)in;
	(void)len;
	if (!query || lws_get_network_wsi(wsi) != wsi) {
		mem_free(query);
		return -1;
	}
	c->upgrade = upgrade_parse(query);
	mem_free(query);
	return 0;
}

/* From here on libwebsockets neither reads nor writes it. */
static int on_established(struct lws *wsi, struct connection *c, void *in,
			  size_t len)
{
	(void)in;
	(void)len;
	if (lws_partial_buffered(wsi))
		return -1;
	lws_rx_flow_control(wsi, 0);
	c->wsi = wsi;
	lws_dll2_add_tail(&c->opened, &http_of(wsi)->opened);
	return 0;
}

static int on_closed(struct lws *wsi, struct connection *c, void *in, size_t len)
{
	(void)in;
	(void)len;
	if (!c)
		return 0;
	lws_dll2_remove(&c->opened);
	if (c->call)
		call_free(http_of(wsi)->calls, c->call);
	c->call = NULL;
	return 0;
}

/*
 * Takes a socket out of libwebsockets' hands: with this reason it closes its
 * descriptor without a word to the peer, whose stream lives on in ours.
 */
static int release(struct lws *wsi, struct tls **ret_tls)
{
	struct tunnel *tunnel = tunnel_of(wsi);
	int fd = tunnel ? tunnel_release(tunnel, ret_tls) :
			  dup(lws_get_socket_fd(wsi));

	lws_set_opaque_user_data(wsi, NULL);
	lws_close_free_wsi(wsi, LWS_CLOSE_STATUS_NOSTATUS_CONTEXT_DESTROY,
			   "released");
	return fd;
}

/* True when there were any. */
static bool hand_over(struct http *http)
{
	bool any = http->opened.head;

	while (http->opened.head) {
		struct connection *c = lws_container_of(
			http->opened.head, struct connection, opened);
		struct upgrade upgrade = c->upgrade;
		struct tls *tls = NULL;
		int fd;

		lws_dll2_remove(&c->opened);
		fd = release(c->wsi, &tls);
		if (fd >= 0)
			http->owner->socket(http->ctx, fd, tls, &upgrade);
	}
	return any;
}

/* --- the context --------------------------------------------------------- */

static const struct event {
	enum lws_callback_reasons reason;
	int (*fn)(struct lws *wsi, struct connection *c, void *in, size_t len);
} events[] = {
	{ LWS_CALLBACK_HTTP, on_request },
	{ LWS_CALLBACK_HTTP_BODY, on_body },
	{ LWS_CALLBACK_HTTP_BODY_COMPLETION, on_body_end },
	{ LWS_CALLBACK_HTTP_WRITEABLE, on_writable },
	{ LWS_CALLBACK_HTTP_CONFIRM_UPGRADE, on_upgrade },
	{ LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION, on_handshake },
	{ LWS_CALLBACK_ESTABLISHED, on_established },
	{ LWS_CALLBACK_CLOSED, on_closed },
	{ LWS_CALLBACK_CLOSED_HTTP, on_closed },
	{ LWS_CALLBACK_HTTP_DROP_PROTOCOL, on_closed },
	{ LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL, on_closed },
};

static int callback(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	size_t i;

	for (i = 0; i < LWS_ARRAY_SIZE(events); i++)
		if (events[i].reason == reason)
			return events[i].fn(wsi, user, in, len);
	return 0;
}

static const struct lws_protocols protocols[] = {
	{ "gateway", callback, sizeof(struct connection), SERVICE_BUF, 0, NULL,
	  SERVICE_BUF },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

/* No pings and no hang-ups of its own: a session has heartbeats. */
static const lws_retry_bo_t no_keep_alive;

static int context_new(struct http *http)
{
	void *loops[1] = { pump_loop(http->pump) };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV |
			   LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
		.foreign_loops = loops,
		.user = http,
		.gid = -1,
		.uid = -1,
		.max_http_header_data = HEADERS_MAX,
		.timeout_secs = REQUEST_TIMEOUT_S,
		.keepalive_timeout = KEEP_ALIVE_S,
		.retry_and_idle_policy = &no_keep_alive,
		.pcontext = &http->context,
	};

	http->context = lws_create_context(&info);
	if (!http->context)
		return -EIO;
	http->vhost = lws_create_vhost(http->context, &info);
	return http->vhost ? 0 : -EIO;
}

/*
 * In a loop that is not its own, libwebsockets only begins to close its handles
 * and frees nothing (nor closes its /dev/urandom) before it is asked again, once
 * they are closed.  It clears http->context when it has freed it.
 */
static void context_free(struct http *http)
{
	if (http->context)
		lws_context_destroy(http->context);
	pump_drain(http->pump);
	if (http->context)
		lws_context_destroy(http->context);
}

int http_open(struct os_loop *loop, struct calls *calls,
	      const struct http_owner *owner, void *ctx, struct http **ret_http)
{
	struct http *http = mem_zalloc(sizeof(*http));
	int err;

	if (!http)
		return -ENOMEM;
	lws_set_log_level(LLL_ERR, NULL);
	http->loop = loop;
	http->calls = calls;
	http->owner = owner;
	http->ctx = ctx;
	err = pump_open(loop, owner->stirred, ctx, &http->pump);
	if (err)
		goto free_http;
	err = context_new(http);
	if (err)
		goto free_context;
	*ret_http = http;
	return 0;

free_context:
	context_free(http);
	pump_close(http->pump);
free_http:
	mem_free(http);
	return err;
}

void http_close(struct http *http)
{
	context_free(http);
	pump_close(http->pump);
	mem_free(http);
}

void http_adopt(struct http *http, int fd, struct tunnel *tunnel)
{
	/* It closes the descriptor when it fails. */
	struct lws *wsi = lws_adopt_socket_vhost(http->vhost, fd);

	if (wsi)
		lws_set_opaque_user_data(wsi, tunnel);
}

void http_adopt_inside(struct http *http, int fd)
{
	struct lws *wsi = lws_adopt_socket_vhost(http->vhost, fd);

	if (wsi)
		lws_set_opaque_user_data(wsi, &inside_mark);
}

void http_tick(struct http *http)
{
	/* Arms the timers of what was begun outside of its loop. */
	lws_cancel_service(http->context);
}

void http_run(struct http *http)
{
	pump_run(http->pump);
	/* libwebsockets' own descriptor of what was released closes only then,
	 * and would keep the connection open. */
	if (hand_over(http))
		pump_run(http->pump);
}
