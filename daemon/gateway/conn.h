/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open WebSocket: frames in, frames out, on a descriptor of our own.
 *
 * Its owner is a session actor on the same core.  What happens on the socket
 * reaches it as a CONN_STIRRED message; in the handler it calls conn_read()
 * and puts what it has to send.  A connection can change its owner, and with
 * it the core: conn_detach() there, conn_attach() here.
 *
 * OPEN -> CLOSING (a close frame is on its way or awaited) -> freed, or
 * OPEN -> freed at once when the peer is gone.  From CLOSING on a connection
 * belongs to its core's `conns`, which end it after CONN_CLOSE_NS at the latest.
 *
 * Context: all of it on the thread of the loop it is attached to.
 */
#ifndef GATEWAY_CONN_H
#define GATEWAY_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actor/actor.h"
#include "gateway/frame.h"
#include "proto/types.h"

struct blob;
struct conn;
struct conns;
struct os_loop;
struct squeeze;
struct tls;

#define CONN_CLOSE_NS (3ull * 1000 * 1000 * 1000)
#define CONN_LAST_WORDS_NS (500ull * 1000 * 1000)	/* conns_free() waits */
#define CONN_MESSAGE_MAX 4096		/* bytes of a client's message */

/* To the owner; the tag is the one it gave on attaching. */
#define CONN_STIRRED (PROTO_GATEWAY + 0x10)	/* struct actor_msg alone */

/* What a core's connections share. */
int conns_new(struct actor_system *sys, struct os_loop *loop,
	      struct conns **ret_conns);
/* Every connection attached to it has been closed; cuts the closing ones. */
void conns_free(struct conns *conns);
/* Every second or so: ends closings that have lasted too long. */
void conns_tick(struct conns *conns, uint64_t now_ns);

/* Takes a connected, non-blocking descriptor, and the TLS that is spoken on it
 * (NULL: none), always.  NULL: no memory. */
struct conn *conn_new(int fd, struct tls *tls);
/* Frees one that is attached nowhere. */
void conn_free(struct conn *conn);

/* From now on frames are compressed, one stream for all.  -ENOMEM. */
int conn_compress_stream(struct conn *conn);
/* Large payloads are compressed, each for itself. */
void conn_compress_payloads(struct conn *conn);

/* -ENOMEM.  The owner gets CONN_STIRRED from now on. */
int conn_attach(struct conn *conn, struct conns *conns, actor_ref owner,
		uint64_t tag);
/* Not while conn_sending(), nor once settled. */
void conn_detach(struct conn *conn);
/* It stays with its owner: where descriptors are short it gives its own back. */
void conn_settle(struct conn *conn);

/*
 * Reads what is there and hands each message to `found` (FRAME_TEXT or _BINARY
 * only).  Returns 0; what `found` returned; or what it ended with, after
 * which conn_close() is the only call left:
 *   > 0 the peer closes, with this code (FRAME_CLOSE_LOST: it is gone)
 *   < 0 the negated code to close with: it broke a rule.
 * Values of `found` are told apart by the owner.
 */
int conn_read(struct conn *conn, frame_found_fn found, void *ctx);

/* May another text be put now?  False: the batch is full, or on its way. */
bool conn_has_room(struct conn *conn);
/* Puts one text, `head` then `tail` (may be NULL), into the batch.  Borrows;
 * keeps a reference of a large tail.  -ENOMEM, -EIO: close it. */
int conn_put(struct conn *conn, const char *head, size_t head_len,
	     struct blob *tail);
/* Starts sending the batch; CONN_STIRRED when room is wanted and there again. */
void conn_flush(struct conn *conn);
bool conn_sending(const struct conn *conn);

/* The kernel's number of its socket, never used again (SO_COOKIE); before it
 * is settled. */
uint64_t conn_cookie(const struct conn *conn);

/* Since when the send in flight has not ended; 0: none is. */
uint64_t conn_stalled_since_ns(const struct conn *conn);

/*
 * Takes it off its owner and closes it: with a close frame (code), answering
 * the peer's, or without a word (FRAME_CLOSE_LOST).
 */
void conn_close(struct conn *conn, uint16_t code);

#endif
