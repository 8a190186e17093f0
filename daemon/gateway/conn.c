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
#include "gateway/squeeze.h"
#include "os/loop.h"
#include "os/sock.h"

#define SCRATCH (16u << 10)
#define READS_MAX 4		/* of one conn_read(), for fairness */
#define BIG_PAYLOAD (8u << 10)	/* sent from where it is, not copied */
#define BIGS_MAX 4		/* such payloads in one batch */
#define SQUEEZE_FROM 1024	/* bytes that make a payload large */
#define SPARES_MAX 1024		/* batches that a core keeps for the next send */
#define SPARE_BYTES (4u << 10)	/* and the memory that such a one may have */

struct conns {
	struct actor_system *sys;
	struct os_loop *loop;
	struct list closing;
	struct batch *spare;
	unsigned int spares;
	uint8_t scratch[SCRATCH];
};

enum conn_state {
	CONN_OPEN,
	CONN_CLOSE_DUE,		/* the close frame is to be put */
	CONN_CLOSE_SENT,	/* … is in the batch or beyond */
	CONN_GONE,		/* nothing more to say: free it when idle */
};

/* A stretch of the batch that is not in `bytes`: it follows bytes[..at]. */
struct big {
	size_t at;
	struct blob *blob;
};

struct batch {
	struct batch *next;	/* in conns->spare */
	struct buf bytes;	/* heads and small payloads */
	size_t total;
	unsigned int bigs;
	struct big big[BIGS_MAX];
	struct iovec iov[2 * BIGS_MAX + 1];
};

struct conn {
	struct conns *conns;
	struct os_poll *poll;
	int fd;
	uint8_t state;
	bool squeeze_payloads;
	bool stirred;		/* a CONN_STIRRED is on its way */
	bool readable;
	bool sending;
	bool wants_room;	/* the owner was refused room */
	bool pong_due;
	bool peer_closed;	/* its close frame was read, or its end */
	uint8_t pong_len;
	uint16_t close_code;
	actor_ref owner;
	uint64_t tag;
	uint64_t send_began_ns;
	uint64_t close_by_ns;
	struct list link;	/* in conns->closing */
	struct squeeze *squeeze;
	uint8_t *pong;		/* FRAME_CONTROL_MAX; NULL before the first */
	struct frame_reader reader;
	struct batch *batch;	/* NULL while nothing is pending */
	struct os_send send;
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

struct conn *conn_new(int fd)
{
	struct conn *conn = mem_zalloc(sizeof(*conn));

	if (!conn) {
		close(fd);
		return NULL;
	}
	conn->fd = fd;
	list_init(&conn->link);
	frame_reader_init(&conn->reader, CONN_MESSAGE_MAX);
	return conn;
}

/* Emptied, for the next send of any connection; or freed. */
static void batch_release(struct conns *conns, struct batch *batch)
{
	while (batch->bigs)
		blob_put(batch->big[--batch->bigs].blob);
	if (!conns || conns->spares == SPARES_MAX ||
	    batch->bytes.cap > SPARE_BYTES) {
		buf_fini(&batch->bytes);
		mem_free(batch);
		return;
	}
	buf_reset(&batch->bytes);
	batch->total = 0;
	batch->next = conns->spare;
	conns->spare = batch;
	conns->spares++;
}

static void batch_drop(struct conn *conn)
{
	if (conn->batch)
		batch_release(conn->conns, conn->batch);
	conn->batch = NULL;
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
	check(!conn->sending && conn->state == CONN_OPEN);
	os_poll_stop(conn->poll);
	conn->poll = NULL;
	conn->conns = NULL;
}

/* --- sending ------------------------------------------------------------- */

static struct batch *batch_of(struct conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->batch)
		return conn->batch;
	conn->batch = conns->spare;
	if (!conn->batch) {
		conn->batch = mem_zalloc(sizeof(*conn->batch));
		return conn->batch;
	}
	conns->spare = conn->batch->next;
	conns->spares--;
	return conn->batch;
}

static int put_bytes(struct batch *batch, const void *data, size_t len)
{
	batch->total += len;
	return buf_append(&batch->bytes, data, len);
}

static int put_frame_head(struct batch *batch, enum frame_opcode opcode,
			  size_t len)
{
	uint8_t head[FRAME_HEAD_MAX];

	return put_bytes(batch, head, frame_head(head, opcode, len));
}

static int put_blob(struct batch *batch, struct blob *blob)
{
	if (blob->len < BIG_PAYLOAD)
		return put_bytes(batch, blob->data, blob->len);
	check(batch->bigs < BIGS_MAX);
	batch->big[batch->bigs++] = (struct big){
		.at = batch->bytes.len,
		.blob = blob_get(blob),
	};
	batch->total += blob->len;
	return 0;
}

static int put_plain(struct batch *batch, const char *head, size_t head_len,
		     struct blob *tail)
{
	int err = put_frame_head(batch, FRAME_TEXT,
				 head_len + (tail ? tail->len : 0));

	err = err ? err : put_bytes(batch, head, head_len);
	return err || !tail ? err : put_blob(batch, tail);
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
	err = err ? err : put_frame_head(batch, FRAME_BINARY, out.len);
	err = err ? err : put_bytes(batch, out.data, out.len);
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
	return put_plain(batch, head, head_len, tail);
}

static bool batch_full(const struct conn *conn)
{
	const struct batch *batch = conn->batch;

	return conn->sending || (batch && (batch->total >= CONN_BATCH_BYTES ||
					   batch->bigs == BIGS_MAX));
}

bool conn_has_room(struct conn *conn)
{
	conn->wants_room = batch_full(conn);
	return !conn->wants_room;
}

bool conn_sending(const struct conn *conn)
{
	return conn->sending;
}

uint64_t conn_stalled_since_ns(const struct conn *conn)
{
	return conn->sending ? conn->send_began_ns : 0;
}

/* Control frames of ours go between frames, as soon as one can. */
static int put_due(struct conn *conn)
{
	uint8_t code[2] = { conn->close_code >> 8, conn->close_code };
	struct batch *batch;
	int err = 0;

	if (!conn->pong_due && conn->state != CONN_CLOSE_DUE)
		return 0;
	batch = batch_of(conn);
	if (!batch)
		return -ENOMEM;
	if (conn->pong_due) {
		conn->pong_due = false;
		err = put_frame_head(batch, FRAME_PONG, conn->pong_len);
		err = err ? err : put_bytes(batch, conn->pong, conn->pong_len);
	}
	if (conn->state == CONN_CLOSE_DUE) {
		size_t len = conn->close_code == FRAME_CLOSE_NONE ? 0 : 2;

		conn->state = CONN_CLOSE_SENT;
		err = err ? err : put_frame_head(batch, FRAME_CLOSE, len);
		err = err ? err : put_bytes(batch, code, len);
	}
	return err;
}

static unsigned int fill_iov(struct batch *batch)
{
	unsigned int n = 0, i;
	size_t from = 0;

	for (i = 0; i < batch->bigs; i++) {
		const struct big *big = &batch->big[i];

		if (big->at > from)
			batch->iov[n++] = (struct iovec){
				batch->bytes.data + from, big->at - from };
		batch->iov[n++] = (struct iovec){
			big->blob->data, big->blob->len };
		from = big->at;
	}
	if (batch->bytes.len > from)
		batch->iov[n++] = (struct iovec){
			batch->bytes.data + from, batch->bytes.len - from };
	return n;
}

static void on_sent(struct os_send *op, int result);

/* What cannot be sent is lost: the peer then sees the end of the stream. */
static void cut(struct conn *conn)
{
	conn->peer_closed = true;
	shutdown(conn->fd, SHUT_RDWR);
	if (conn->state == CONN_OPEN) {
		conn->readable = true;
		stir(conn);
	} else {
		conn->state = CONN_GONE;
	}
}

void conn_flush(struct conn *conn)
{
	if (conn->sending || conn->state == CONN_GONE)
		return;
	if (put_due(conn)) {
		cut(conn);
		return;
	}
	if (!conn->batch)
		return;
	conn->send = (struct os_send){
		.done = on_sent,
		.ctx = conn,
		.fd = conn->fd,
		.iov = conn->batch->iov,
		.iovcnt = fill_iov(conn->batch),
	};
	conn->send_began_ns = now_ns(conn->conns);
	conn->sending = !os_send_start(conn->conns->loop, &conn->send);
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
		shutdown(conn->fd, SHUT_RDWR);
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
	while (conns->spare) {
		struct batch *batch = conns->spare;

		conns->spare = batch->next;
		buf_fini(&batch->bytes);
		mem_free(batch);
	}
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

static int on_bytes(struct found *found, ssize_t n, bool *ret_more)
{
	*ret_more = n == SCRATCH;
	if (n > 0)
		return frame_read(&found->conn->reader,
				  found->conn->conns->scratch, n, on_frame,
				  found);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	found->conn->peer_closed = true;
	return FRAME_CLOSE_LOST;
}

int conn_read(struct conn *conn, frame_found_fn fn, void *ctx)
{
	struct found found = { conn, fn, ctx };
	bool more = true;
	int reads, result = 0;

	conn->stirred = false;
	if (!conn->readable)
		return 0;
	for (reads = 0; more && !result && reads < READS_MAX; reads++) {
		ssize_t n = recv(conn->fd, conn->conns->scratch, SCRATCH,
				 MSG_DONTWAIT);

		result = on_bytes(&found, n, &more);
	}
	if (result)
		return result;
	conn->readable = false;
	os_poll_change(conn->poll, POLLIN);
	if (conn->pong_due)
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
