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
/* For how long a body is thrown away behind an answer that came before it: a
 * client that still writes it when we close may not read the answer. */
#define LINGER_S 2
#define LINGER_NS (LINGER_S * 1000ull * 1000 * 1000)
#define SERVICE_BUF 4096
#define WRITE_MAX (256u << 10)	/* of an answer with one system call */

struct http {
	struct os_loop *loop;
	struct pump pump;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct calls *calls;
	const struct http_owner *owner;
	void *ctx;
	struct list opened;		/* WebSockets to be handed over */
	uint32_t owing;			/* connections that owe an answer */
	bool draining;
};

/* libwebsockets' opaque user data; lives from http_adopt() until it destroys
 * its own. */
struct connection {
	struct http *http;
	struct lws *wsi;
	struct pump_socket socket;
	struct tunnel *tunnel;	/* NULL: none */
	bool inside;		/* it came in by the door for operators */
	bool owes;		/* the owner has a call of it, or it a part of an
				 * answer: counted */
	struct call *call;
	uint64_t lingers_until_ns;	/* 0: it does not */
	bool unheard;		/* what it sends libwebsockets keeps to itself,
				 * and says that there is more to read */
	struct upgrade upgrade;
	struct list opened;	/* in http->opened */
};

static uint64_t now_ns(const struct http *http)
{
	return os_now_ns(os_loop_env(http->loop));
}

static void set_owes(struct connection *c, bool owes)
{
	c->http->owing += owes - c->owes;
	c->owes = owes;
}

/* --- reading a request -------------------------------------------------- */

/* A tunnel's plain end has no address. */
static void read_peer(struct connection *c, struct call *call)
{
	if (c->tunnel)
		snprintf(call->peer, sizeof(call->peer), "%s",
			 tunnel_peer(c->tunnel));
	else
		lws_get_peer_simple(c->wsi, call->peer, sizeof(call->peer));
}

static bool read_head(struct connection *c, struct call *call, const char *path,
		      size_t path_len)
{
	struct lws *wsi = c->wsi;

	call->connection = c;
	call->inside = c->inside;
	call->method = http_request_method(wsi);
	call->is_head = http_request_is_head(wsi);
	call->path = path_len < CALL_PATH_MAX ?
		     mem_alloc(path_len + 1) : NULL;
	call->query = http_request_query(wsi);
	if (!call->path || !call->query)
		return false;
	memcpy(call->path, path, path_len);
	call->path[path_len] = 0;
	http_request_token(wsi, call);
	http_request_boundary(wsi, call);
	http_request_reason(wsi, call);
	read_peer(c, call);
	call->keep_alive = http_request_keep_alive(wsi);
	return true;
}

static void refuse(struct call *call, enum error_code code)
{
	call->answer.status = error_status(code);
	call->answer.body = error_body(code);
	if (code == ERROR_OVERLOADED)
		buf_puts(&call->answer.headers, "Retry-After: 1\r\n");
	http_answer(call);
}

/* Nobody can tell where its body ends. */
static void refuse_form(struct connection *c, struct call *call)
{
	c->unheard = true;
	refuse(call, ERROR_FORM);
}

/* Until it is answered nothing more is read. */
static void request_done(struct connection *c)
{
	struct http *http = c->http;

	if (c->call->head_done)
		return;
	c->call->body_done = true;
	c->call->head_done = true;
	c->call->deadline_ns = now_ns(http) + CALL_DEADLINE_NS;
	c->socket.busy = true;
	set_owes(c, true);
	http->owner->call(http->ctx, c->call);
}

/* Nothing more is read until it answers, but what is in hand. */
static void ask_owner(struct connection *c)
{
	c->call->asked = true;
	c->socket.busy = true;
	set_owes(c, true);
	c->http->owner->head(c->http->ctx, c->call);
}

/* Its limit is the owner's to say. */
static void expect_body(struct connection *c, struct call *call, size_t size)
{
	call->body_size = size;
	call->body.limit = CALL_SMALL_MAX;
	if (size > CALL_UPLOAD_MAX)
		refuse(call, ERROR_ENTITY_TOO_LARGE);
	else if (size > CALL_BODY_MAX && !call->boundary[0])
		refuse(call, ERROR_TOO_LARGE_AT_EDGE);
	else if (size > CALL_SMALL_MAX &&
		 !calls_have_room(c->http->calls, size))
		refuse(call, ERROR_OVERLOADED);
	else if (size > CALL_SMALL_MAX || call->is_chunked)
		ask_owner(c);
}

/* Of these libwebsockets hands on what comes behind the head when that does not
 * say how much it is, of others nothing. */
static bool takes_any_body(const struct call *call)
{
	return call->method == ROUTE_POST || call->method == ROUTE_PUT ||
	       call->method == ROUTE_PATCH;
}

/* libwebsockets hands chunks over as they are, and waits for more than there
 * is: the connection ends with the answer. */
static void expect_chunks(struct connection *c, struct call *call)
{
	call->is_chunked = true;
	call->keep_alive = false;
	if (takes_any_body(call))
		expect_body(c, call, 0);
	else
		refuse_form(c, call);
}

/* Here, too, it waits for more, and would take the next request for it. */
static void expect_nothing(struct connection *c, struct call *call)
{
	if (takes_any_body(call))
		call->keep_alive = false;
	request_done(c);
}

static int on_request(struct lws *wsi, struct connection *c, void *in,
		      size_t len)
{
	struct http *http = c->http;
	struct call *call;
	long long body;

	/* An h2 stream, a request while another is open or behind the last:
	 * not spoken here. */
	if (c->call || c->lingers_until_ns || lws_get_network_wsi(wsi) != wsi)
		return -1;
	call = call_new(http->calls, now_ns(http));
	if (!call)
		return -1;
	c->call = call;
	if (!read_head(c, call, in, len))
		return -1;
	body = http_request_length(wsi);
	if (body == HTTP_REQUEST_CHUNKED)
		expect_chunks(c, call);
	else if (body == HTTP_REQUEST_NO_BODY)
		expect_nothing(c, call);
	else if (body < 0)
		refuse_form(c, call);
	else if (!body)
		request_done(c);
	else
		expect_body(c, call, (size_t)body);
	return 0;
}

/* For so much more of a body.  A small one is nobody's concern. */
static bool make_room(struct calls *calls, struct call *call, size_t len)
{
	size_t want = call->body.len + len;
	size_t more = want > call->large ? want - call->large : 0;

	if (want <= CALL_SMALL_MAX || !more)
		return true;
	return call_enlarge(calls, call, more > CALL_LARGE_STEP ?
					 more : CALL_LARGE_STEP);
}

static void body_done(struct connection *c)
{
	c->call->body_done = true;
	if (!c->call->asked)
		request_done(c);
}

/* > 0: it ends here; -EMSGSIZE, -EINVAL, -ENOMEM. */
static int put_body_part(struct call *call, const char *data, size_t len)
{
	return call->is_chunked ?
		       chunked_read(&call->chunked, data, len, &call->body) :
		       buf_append(&call->body, data, len);
}

static void take_part(struct connection *c, struct call *call, const char *data,
		      size_t len)
{
	size_t before = call->body.len;
	int end = -ENOMEM;

	if (make_room(c->http->calls, call, len))
		end = put_body_part(call, data, len);
	call->deadline_ns += (call->body.len - before) * CALL_BYTE_NS;
	if (end > 0)
		body_done(c);
	else if (end == -EMSGSIZE)
		refuse(call, call->boundary[0] ? ERROR_ENTITY_TOO_LARGE :
						 ERROR_TOO_LARGE_AT_EDGE);
	else if (end < 0)
		refuse(call, end == -EINVAL ? ERROR_FORM : ERROR_OVERLOADED);
}

static int on_body(struct lws *wsi, struct connection *c, void *in, size_t len)
{
	struct call *call = c->call;

	/* What comes behind an answer is read and thrown away, for a while. */
	if (!call)
		return now_ns(c->http) < c->lingers_until_ns ? 0 : -1;
	if (call->answer.status || call->body_done)
		return 0;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, REQUEST_TIMEOUT_S);
	take_part(c, call, in, len);
	return 0;
}

static int on_body_end(struct lws *wsi, struct connection *c, void *in,
		       size_t len)
{
	(void)wsi;
	(void)in;
	(void)len;
	if (!c->call)
		return -1;
	if (c->call->answer.status)
		c->call->body_done = true;
	else
		body_done(c);
	return 0;
}

void http_take_body(struct call *call)
{
	struct connection *c = call->connection;

	call->asked = false;
	c->socket.busy = false;
	set_owes(c, false);
	if (call->body_done)
		request_done(c);
	else
		pump_write(&c->socket);
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
}

/* NULL: none follows the head. */
static const struct blob *body_of(const struct call *call)
{
	return call->is_head ? NULL : call->answer.body;
}

static void put_body(struct call *call, struct buf *out)
{
	const struct blob *body = body_of(call);
	size_t left = body ? body->len - call->written : 0;
	size_t n = left < WRITE_MAX ? left : WRITE_MAX;

	if (n)
		buf_append(out, body->data + call->written, n);
	call->written += n;
}

static bool is_written(const struct call *call)
{
	const struct blob *body = body_of(call);

	return !body || call->written == body->len;
}

/* One write, of which libwebsockets keeps what the socket does not take: of a
 * large answer a part only. */
static int write_answer(struct connection *c, struct call *call)
{
	struct buf out = BUF_INIT;
	int err = -1;

	buf_grow(&out, LWS_PRE);
	if (!call->written)
		put_answer(c->http, call, &out);
	put_body(call, &out);
	if (!out.err)
		err = lws_write(c->wsi, (unsigned char *)out.data + LWS_PRE,
				out.len - LWS_PRE,
				LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
	buf_fini(&out);
	return err;
}

static int on_writable(struct lws *wsi, struct connection *c, void *in,
		       size_t len)
{
	struct call *call = c->call;
	bool keep_alive, lingers;
	int err;

	(void)in;
	(void)len;
	if (!call)
		set_owes(c, lws_partial_buffered(wsi));
	if (!call || !call->answer.status)
		return 0;
	err = write_answer(c, call);
	if (!err && !is_written(call)) {
		lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT,
				REQUEST_TIMEOUT_S);
		/* What the socket did not take wakes us by itself. */
		if (!lws_partial_buffered(wsi))
			pump_write(&c->socket);
		return 0;
	}
	keep_alive = call->keep_alive;
	lingers = !call->body_done;
	c->call = NULL;
	call_free(c->http->calls, call);
	set_owes(c, lws_partial_buffered(wsi));
	if (err)
		return -1;
	if (lingers) {
		c->lingers_until_ns = now_ns(c->http) + LINGER_NS;
		lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, LINGER_S);
		c->socket.busy = c->unheard;
		return 0;
	}
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, REQUEST_TIMEOUT_S);
	return lws_http_transaction_completed(wsi) || !keep_alive ? -1 : 0;
}

void http_answer(struct call *call)
{
	/* What is left of a body is not the next request. */
	if (call->connection->http->draining || !call->head_done)
		call->keep_alive = false;
	call->asked = false;
	call->connection->socket.busy = false;
	pump_write(&call->connection->socket);
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

	(void)len;
	if (c->inside || !protocol || strcasecmp(protocol, "websocket") ||
	    http_request_method(wsi) != ROUTE_GET || http_request_is_head(wsi))
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
	list_push(&c->http->opened, &c->opened);
	return 0;
}

static int on_destroy(struct lws *wsi, struct connection *c, void *in,
		      size_t len)
{
	(void)wsi;
	(void)in;
	(void)len;
	list_del(&c->opened);
	set_owes(c, false);
	if (c->call)
		call_free(c->http->calls, c->call);
	pump_stop(&c->socket);
	mem_free(c);
	return 0;
}

/*
 * Takes a socket out of libwebsockets' hands: with this reason it closes its
 * descriptor without a word to the peer, whose stream lives on in ours.
 */
static int release(struct connection *c, struct tls **ret_tls)
{
	int fd = c->tunnel ? tunnel_release(c->tunnel, ret_tls) :
			     dup(lws_get_socket_fd(c->wsi));

	lws_close_free_wsi(c->wsi, LWS_CLOSE_STATUS_NOSTATUS_CONTEXT_DESTROY,
			   "released");
	return fd;
}

static void hand_over(struct http *http)
{
	struct list *node;

	while ((node = list_pop(&http->opened))) {
		struct connection *c = list_entry(node, struct connection,
						  opened);
		struct upgrade upgrade = c->upgrade;
		struct tls *tls = NULL;
		int fd = release(c, &tls);

		if (fd >= 0)
			http->owner->socket(http->ctx, fd, tls, &upgrade);
	}
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
	{ LWS_CALLBACK_WSI_DESTROY, on_destroy },
};

static int callback(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	struct connection *c = NULL;
	size_t i;

	(void)user;
	for (i = 0; !c && i < LWS_ARRAY_SIZE(events); i++)
		if (events[i].reason == reason)
			c = lws_get_opaque_user_data(wsi);
	/* It has none while it is adopted. */
	return c ? events[i - 1].fn(wsi, c, in, len) : 0;
}

static const struct lws_protocols protocols[] = {
	{ "gateway", callback, 0, SERVICE_BUF, 0, NULL, WRITE_MAX },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

/* No pings and no hang-ups of its own: a session has heartbeats. */
static const lws_retry_bo_t no_keep_alive;

static int context_new(struct http *http)
{
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
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
	list_init(&http->opened);
	pump_init(&http->pump, loop, owner->stirred, ctx);
	err = context_new(http);
	if (err) {
		http_close(http);
		return err;
	}
	http->pump.context = http->context;
	*ret_http = http;
	return 0;
}

void http_close(struct http *http)
{
	if (http->context)
		lws_context_destroy(http->context);
	mem_free(http);
}

/* libwebsockets closes the descriptor when it fails. */
static void adopt(struct http *http, int fd, struct tunnel *tunnel, bool inside)
{
	struct connection *c = mem_zalloc(sizeof(*c));
	struct lws *wsi;

	if (!c) {
		close(fd);
		return;
	}
	wsi = lws_adopt_socket_vhost(http->vhost, fd);
	if (!wsi) {
		mem_free(c);
		return;
	}
	*c = (struct connection){
		.http = http,
		.wsi = wsi,
		.tunnel = tunnel,
		.inside = inside,
	};
	list_init(&c->opened);
	if (pump_start(&http->pump, &c->socket, wsi)) {
		lws_close_free_wsi(wsi,
				   LWS_CLOSE_STATUS_NOSTATUS_CONTEXT_DESTROY,
				   "memory");
		mem_free(c);
		return;
	}
	lws_set_opaque_user_data(wsi, c);
}

void http_adopt(struct http *http, int fd, struct tunnel *tunnel)
{
	adopt(http, fd, tunnel, false);
}

void http_adopt_inside(struct http *http, int fd)
{
	adopt(http, fd, NULL, true);
}

void http_drain(struct http *http)
{
	http->draining = true;
}

bool http_is_drained(const struct http *http)
{
	return !http->owing;
}

void http_tick(struct http *http)
{
	pump_tick(&http->pump);
}

void http_run(struct http *http)
{
	pump_run(&http->pump);
	hand_over(http);
}
