/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's numbered events: those a client may still ask for in a RESUME,
 * and behind a cursor those its socket has not been given yet.  Payloads are
 * shared; an event costs one pointer here.
 *
 *	base < next <= last + 1	events base+1 .. last are held,
 *				those from `next` on are unsent
 */
#ifndef GATEWAY_JOURNAL_H
#define GATEWAY_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob;

/* What a session holds at most, the oldest goes first: events, and bytes of
 * those that were sent. */
#define JOURNAL_EVENTS_MAX (1u << 14)
#define JOURNAL_SENT_MAX (8u << 20)
/* Bytes that may wait for a client that does not read them; one event may
 * always. */
#define JOURNAL_UNSENT_MAX (64u << 20)

struct journal {
	struct blob **event;	/* ring, event s is at s & (cap - 1) */
	uint32_t cap;		/* power of two, 0 before the first event */
	uint32_t sent;		/* bytes of base+1 .. next-1 */
	uint32_t unsent;	/* bytes of next .. last */
	uint64_t base;		/* last event that is held no more */
	uint64_t last;		/* number given last; 0: none */
	uint64_t next;		/* next to be sent */
};

void journal_init(struct journal *journal);
void journal_fini(struct journal *journal);

/*
 * Numbers and holds an event; takes `payload`, always.  When full the oldest
 * is dropped; an unsent one is never dropped: -ENOBUFS, and the number is not
 * given.  -ENOMEM.
 */
int journal_add(struct journal *journal, struct blob *payload);

/* The next event to send and its number, NULL: none.  Borrows. */
struct blob *journal_peek(const struct journal *journal, uint64_t *ret_seq);
void journal_sent(struct journal *journal);
uint64_t journal_unsent(const struct journal *journal);

/* The client has seen events up to seq: they are dropped.  Others' numbers
 * (of the future, or behind) change nothing. */
void journal_ack(struct journal *journal, uint64_t seq);

/*
 * Puts the cursor behind seq, for a new socket.  -ERANGE when an event after
 * seq is gone or seq was never given.
 */
int journal_rewind(struct journal *journal, uint64_t seq);

#endif
