// SPDX-License-Identifier: Apache-2.0
#include "gateway/conn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/list.h"
#include "base/mem.h"
#include "gateway/batch.h"
#include "gateway/squeeze.h"
#include "gateway/tls.h"
#include "os/loop.h"
#include "os/sock.h"
#include "proto/close.h"

#define SCRATCH (16u << 10)
#define READS_MAX 4		/* of one conn_read(), for fairness */
#define SQUEEZE_FROM 1024	/* bytes that make a payload large */

struct conns {
	struct actor_system *sys;
	struct os_loop *loop;
	struct list closing;
	struct batch_pool batches;
	uint8_t scratch[SCRATCH];
};

enum conn_state {
	CONN_OPEN,
	CONN_CLOSE_DUE,		/* the close frame is to be put */
	CONN_CLOSE_SENT,	/* … is in the batch or beyond */
	CONN_GONE,		/* nothing more to say: free it when idle */
};

struct conn {
	struct conns *conns;
	struct os_poll *poll;
	int fd;			/* below 0: parked, see os/sock.h */
	uint8_t state;
	bool squeeze_payloads : 1;
	bool stirred : 1;	/* a CONN_STIRRED is on its way */
	bool readable : 1;
	bool lost : 1;		/* cut: nothing more is read */
	bool settled : 1;	/* it stays on its core */
	bool sending : 1;
	bool wants_room : 1;	/* the owner was refused room */
	bool pong_due : 1;
	bool peer_closed : 1;	/* its close frame was read, or its end */
	uint8_t pong_len;
	uint16_t close_code;
	actor_ref owner;
	uint64_t tag;
	union {
		uint64_t send_began_ns;	/* while OPEN */
		uint64_t close_by_ns;	/* from then on */
	};
	struct list link;	/* in conns->closing */
	struct squeeze *squeeze;
	struct tls *tls;	/* NULL: none is spoken */
	uint8_t *pong;		/* FRAME_CONTROL_MAX; NULL before the first */
	struct frame_reader reader;
	struct batch *batch;	/* NULL while nothing is pending */
};

int conns_new(struct actor_system *sys, struct os_loop *loop,
	      struct conns **ret_conns)
{
	struct conns *conns = mem_zalloc(sizeof(*conns));

	if (!conns)
		return -ENOMEM;
	conns->sys = sys;
	conns->loop = loop;
	list_init(&conns->closing);
	*ret_conns = conns;
	return 0;
}

static uint64_t now_ns(const struct conns *conns)
{
	return os_now_ns(os_loop_env(conns->loop));
}

/* --- life ---------------------------------------------------------------- */

struct conn *conn_new(int fd, struct tls *tls)
{
	struct conn *conn = mem_zalloc(sizeof(*conn));

	if (!conn) {
		tls_free(tls);
		close(fd);
		return NULL;
	}
	conn->fd = fd;
	conn->tls = tls;
	list_init(&conn->link);
	frame_reader_init(&conn->reader, CONN_MESSAGE_MAX);
	return conn;
}

static void batch_drop(struct conn *conn)
{
	batch_free(conn->conns ? &conn->conns->batches : NULL, conn->batch);
	conn->batch = NULL;
}

/* The last word of TLS, if it can be said at once. */
static void bye(struct conn *conn)
{
	struct buf out = BUF_INIT;

	tls_bye(conn->tls);
	if (!tls_take(conn->tls, &out))
		send(conn->fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_fini(&out);
}

void conn_free(struct conn *conn)
{
	check(!conn->sending);
	if (conn->poll)
		os_poll_stop(conn->poll);
	list_del(&conn->link);
	batch_drop(conn);
	squeeze_free(conn->squeeze);
	frame_reader_fini(&conn->reader);
	mem_free(conn->pong);
	if (conn->tls)
		bye(conn);
	tls_free(conn->tls);
	/* One that is attached nowhere has a descriptor. */
	if (conn->conns)
		os_sock_close(conn->conns->loop, conn->fd);
	else
		close(conn->fd);
	mem_free(conn);
}

int conn_compress_stream(struct conn *conn)
{
	conn->squeeze = squeeze_new();
	return conn->squeeze ? 0 : -ENOMEM;
}

void conn_compress_payloads(struct conn *conn)
{
	conn->squeeze_payloads = !conn->squeeze;
}

/* One message until it is handled, however much happens. */
static void stir(struct conn *conn)
{
	struct actor_msg *msg;

	if (conn->stirred)
		return;
	msg = actor_msg_new(CONN_STIRRED, sizeof(*msg));
	if (!msg)
		return;
	msg->tag = conn->tag;
	conn->stirred = !actor_system_send(conn->conns->sys, conn->owner, msg);
}

static void on_ready(void *ctx, unsigned int revents);
static void cut(struct conn *conn);

int conn_attach(struct conn *conn, struct conns *conns, actor_ref owner,
		uint64_t tag)
{
	int err = os_poll_start(conns->loop, conn->fd, POLLIN, on_ready, conn,
				&conn->poll);

	if (err)
		return err;
	conn->conns = conns;
	conn->owner = owner;
	conn->tag = tag;
	conn->stirred = false;
	return 0;
}

void conn_detach(struct conn *conn)
{
	check(!conn->sending && !conn->settled && conn->state == CONN_OPEN);
	os_poll_stop(conn->poll);
	conn->poll = NULL;
	conn->conns = NULL;
}

/* Its poll, which names the descriptor, is begun anew.  Without memory for
 * that it is lost, for nobody would read it. */
static void park(struct conn *conn)
{
	int sock = os_sock_park(conn->conns->loop, conn->fd);
	unsigned int events = conn->readable && conn->stirred ? 0 : POLLIN;

	if (sock == conn->fd)
		return;
	conn->fd = sock;
	os_poll_stop(conn->poll);
	conn->poll = NULL;
	if (os_poll_start(conn->conns->loop, sock, events, on_ready, conn,
			  &conn->poll))
		cut(conn);
}

void conn_settle(struct conn *conn)
{
	conn->settled = true;
	/* One that speaks TLS says its last word on a descriptor. */
	if (!conn->sending && !conn->tls && conn->fd >= 0 &&
	    conn->state == CONN_OPEN)
		park(conn);
}

/* --- sending ------------------------------------------------------------- */

static struct batch *batch_of(struct conn *conn)
{
	if (!conn->batch)
		conn->batch = batch_new(&conn->conns->batches);
	return conn->batch;
}

static int put_squeezed(struct conn *conn, struct batch *batch,
			const char *head, size_t head_len, struct blob *tail)
{
	const void *rest = tail ? tail->data : NULL;
	size_t rest_len = tail ? tail->len : 0;
	struct buf out = BUF_INIT;
	int err;

	if (conn->squeeze) {
		err = squeeze_put(conn->squeeze, head, head_len, &out);
		err = err ? err : squeeze_put(conn->squeeze, rest, rest_len,
					      &out);
		err = err ? err : squeeze_flush(conn->squeeze, &out);
	} else {
		err = squeeze_once(head, head_len, rest, rest_len, &out);
	}
	err = err ? err : batch_put(batch, FRAME_BINARY, out.data, out.len,
				    NULL);
	buf_fini(&out);
	return err;
}

int conn_put(struct conn *conn, const char *head, size_t head_len,
	     struct blob *tail)
{
	struct batch *batch = batch_of(conn);
	size_t len = head_len + (tail ? tail->len : 0);

	if (!batch)
		return -ENOMEM;
	if (conn->squeeze || (conn->squeeze_payloads && len >= SQUEEZE_FROM))
		return put_squeezed(conn, batch, head, head_len, tail);
	return batch_put(batch, FRAME_TEXT, head, head_len, tail);
}

bool conn_has_room(struct conn *conn)
{
	conn->wants_room = conn->sending ||
			   (conn->batch && batch_full(conn->batch));
	return !conn->wants_room;
}

bool conn_sending(const struct conn *conn)
{
	return conn->sending;
}

uint64_t conn_cookie(const struct conn *conn)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	getsockopt(conn->fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	return cookie;
}

uint64_t conn_stalled_since_ns(const struct conn *conn)
{
	return conn->sending ? conn->send_began_ns : 0;
}

static int put_close(struct conn *conn, struct batch *batch)
{
	uint8_t said[FRAME_CONTROL_MAX] = { conn->close_code >> 8,
					    conn->close_code };
	const char *reason = close_reason(conn->close_code);
	size_t len = 2 + strnlen(reason, sizeof(said) - 2);

	if (conn->close_code == FRAME_CLOSE_NONE)
		len = 0;
	else
		memcpy(said + 2, reason, len - 2);
	return batch_put(batch, FRAME_CLOSE, said, len, NULL);
}

/* Control frames of ours go between frames, as soon as one can. */
static int put_due(struct conn *conn)
{
	struct batch *batch;
	int err = 0;

	if (!conn->pong_due && conn->state != CONN_CLOSE_DUE)
		return 0;
	batch = batch_of(conn);
	if (!batch)
		return -ENOMEM;
	if (conn->pong_due) {
		conn->pong_due = false;
		err = batch_put(batch, FRAME_PONG, conn->pong, conn->pong_len,
				NULL);
	}
	if (conn->state == CONN_CLOSE_DUE) {
		conn->state = CONN_CLOSE_SENT;
		err = err ? err : put_close(conn, batch);
	}
	return err;
}

/* TLS has its own to say now and then, without a batch of ours. */
static int seal(struct conn *conn)
{
	if (!conn->tls || (!conn->batch && !tls_pending(conn->tls)))
		return 0;
	return batch_of(conn) ? batch_seal(conn->batch, conn->tls) : -ENOMEM;
}

static void on_sent(struct os_send *op, int result);

/* Ends what is in flight. */
static void silence(struct conn *conn)
{
	if (conn->fd >= 0)
		shutdown(conn->fd, SHUT_RDWR);
	else if (conn->sending)
		os_send_cancel(conn->conns->loop, batch_op(conn->batch));
}

/* What cannot be sent is lost: the peer then sees the end of the stream. */
static void cut(struct conn *conn)
{
	conn->peer_closed = true;
	silence(conn);
	if (conn->state == CONN_OPEN) {
		conn->lost = true;
		conn->readable = true;
		stir(conn);
	} else {
		conn->state = CONN_GONE;
	}
}

void conn_flush(struct conn *conn)
{
	struct os_send *send;

	if (conn->sending || conn->state == CONN_GONE)
		return;
	if (put_due(conn) || seal(conn)) {
		cut(conn);
		return;
	}
	if (!conn->batch)
		return;
	send = batch_send(conn->batch);
	send->done = on_sent;
	send->ctx = conn;
	send->fd = conn->fd;
	if (conn->state == CONN_OPEN)
		conn->send_began_ns = now_ns(conn->conns);
	conn->sending = !os_send_start(conn->conns->loop, send);
	if (!conn->sending)
		cut(conn);
}

/* --- closing ------------------------------------------------------------- */

/* Ends a closing connection whose closing handshake is complete. */
static void close_progress(struct conn *conn)
{
	if (conn->state == CONN_OPEN || conn->sending)
		return;
	if (conn->state == CONN_CLOSE_DUE) {
		conn_flush(conn);
		if (conn->sending)
			return;
	}
	if (conn->peer_closed || conn->state == CONN_GONE)
		conn_free(conn);
}

static void on_sent(struct os_send *op, int result)
{
	struct conn *conn = op->ctx;

	conn->sending = false;
	batch_drop(conn);
	if (conn->settled)
		conn_settle(conn);
	if (result < 0) {
		cut(conn);
	} else if (conn->state == CONN_OPEN) {
		if (conn->pong_due)
			conn_flush(conn);
		if (conn->wants_room)
			stir(conn);
	}
	close_progress(conn);
}

void conn_close(struct conn *conn, uint16_t code)
{
	conn->close_code = code;
	conn->pong_due = false;
	conn->owner = ACTOR_NOBODY;
	conn->close_by_ns = now_ns(conn->conns) + CONN_CLOSE_NS;
	list_push(&conn->conns->closing, &conn->link);
	if (code == FRAME_CLOSE_LOST) {
		conn->state = CONN_GONE;
		silence(conn);
	} else {
		conn->state = CONN_CLOSE_DUE;
		os_poll_change(conn->poll, POLLIN);
	}
	close_progress(conn);
}

void conns_tick(struct conns *conns, uint64_t now)
{
	list_for_each_safe(pos, &conns->closing) {
		struct conn *conn = list_entry(pos, struct conn, link);

		if (conn->close_by_ns > now)
			continue;
		cut(conn);
		close_progress(conn);
	}
}

/* Whether one still has something to say: not merely to hear. */
static bool any_sending(const struct conns *conns)
{
	list_for_each(pos, (struct list *)(uintptr_t)&conns->closing)
		if (list_entry(pos, struct conn, link)->sending)
			return true;
	return false;
}

void conns_free(struct conns *conns)
{
	uint64_t deadline = now_ns(conns) + CONN_LAST_WORDS_NS;

	while (any_sending(conns) && now_ns(conns) < deadline)
		os_loop_run(conns->loop, deadline);
	conns_tick(conns, UINT64_MAX);
	while (!list_empty(&conns->closing))
		os_loop_run(conns->loop, UINT64_MAX);
	batch_pool_fini(&conns->batches);
	mem_free(conns);
}

/* --- reading ------------------------------------------------------------- */

struct found {
	struct conn *conn;
	frame_found_fn fn;
	void *ctx;
};

static int on_ping(struct conn *conn, const uint8_t *data, size_t len)
{
	if (!conn->pong)
		conn->pong = mem_alloc(FRAME_CONTROL_MAX);
	if (!conn->pong)
		return -FRAME_CLOSE_NO_MEMORY;
	/* Only the latest ping must be answered (RFC 6455, 5.5.3). */
	memcpy(conn->pong, data, len);
	conn->pong_len = len;
	conn->pong_due = true;
	return 0;
}

static int on_frame(void *ctx, enum frame_opcode opcode, const uint8_t *data,
		    size_t len)
{
	struct found *found = ctx;
	int code;

	switch (opcode) {
	case FRAME_PING:
		return on_ping(found->conn, data, len);
	case FRAME_PONG:
		return 0;
	case FRAME_CLOSE:
		code = frame_close_code(data, len);
		found->conn->peer_closed = true;
		return code;
	default:
		return found->fn(found->ctx, opcode, data, len);
	}
}

/* What TLS has made of the bytes that came. */
static int on_opened(struct found *found)
{
	struct conn *conn = found->conn;
	uint8_t *scratch = conn->conns->scratch;
	int result = 0;
	ssize_t n;

	while (!result && (n = tls_read(conn->tls, scratch, SCRATCH)) > 0)
		result = frame_read(&conn->reader, scratch, n, on_frame, found);
	if (result || n == -EAGAIN)
		return result;
	conn->peer_closed = true;
	return FRAME_CLOSE_LOST;
}

static int on_bytes(struct found *found, ssize_t n, bool *ret_more)
{
	struct conn *conn = found->conn;
	uint8_t *scratch = conn->conns->scratch;

	*ret_more = n == SCRATCH;
	if (n > 0 && conn->tls)
		return tls_feed(conn->tls, scratch, n) ? -FRAME_CLOSE_NO_MEMORY :
							 on_opened(found);
	if (n > 0)
		return frame_read(&conn->reader, scratch, n, on_frame, found);
	if (n == -EAGAIN || n == -EINTR)
		return 0;
	conn->peer_closed = true;
	return FRAME_CLOSE_LOST;
}

int conn_read(struct conn *conn, frame_found_fn fn, void *ctx)
{
	struct found found = { conn, fn, ctx };
	bool more = true;
	int reads, result = 0;

	conn->stirred = false;
	if (conn->lost)
		return FRAME_CLOSE_LOST;
	if (!conn->readable)
		return 0;
	for (reads = 0; more && !result && reads < READS_MAX; reads++) {
		ssize_t n = os_sock_recv(conn->conns->loop, conn->fd,
					 conn->conns->scratch, SCRATCH);

		result = on_bytes(&found, n, &more);
	}
	if (result)
		return result;
	conn->readable = false;
	os_poll_change(conn->poll, POLLIN);
	if (conn->pong_due || (conn->tls && tls_pending(conn->tls)))
		conn_flush(conn);
	return 0;
}

/* Of a closing connection only the peer's close frame is of interest. */
static int ignore(void *ctx, enum frame_opcode opcode, const uint8_t *data,
		  size_t len)
{
	(void)ctx;
	(void)opcode;
	(void)data;
	(void)len;
	return 0;
}

static void on_ready(void *ctx, unsigned int revents)
{
	struct conn *conn = ctx;

	(void)revents;
	conn->readable = true;
	if (conn->state == CONN_OPEN) {
		stir(conn);
		/* Without the message nobody would read: ask again. */
		os_poll_change(conn->poll, conn->stirred ? 0 : POLLIN);
		return;
	}
	if (conn_read(conn, ignore, NULL)) {
		conn->peer_closed = true;
		if (conn->state == CONN_CLOSE_SENT)
			conn->state = CONN_GONE;
	}
	close_progress(conn);
}
