// SPDX-License-Identifier: Apache-2.0
#include "gateway/journal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"

#define CAP_MIN 4

void journal_init(struct journal *journal)
{
	*journal = (struct journal){ .next = 1 };
}

static void check_order(const struct journal *journal)
{
	check(journal->base < journal->next &&
	      journal->next <= journal->last + 1 &&
	      journal->last - journal->base <= journal->cap);
}

static struct blob **slot(const struct journal *journal, uint64_t seq)
{
	return &journal->event[seq & (journal->cap - 1)];
}

static void drop_first(struct journal *journal)
{
	struct blob *payload = *slot(journal, ++journal->base);

	if (journal->base < journal->next)
		journal->sent -= payload->len;
	else
		journal->unsent -= payload->len;
	blob_put(payload);
}

static void drop_to(struct journal *journal, uint64_t seq)
{
	while (journal->base < seq)
		drop_first(journal);
}

void journal_fini(struct journal *journal)
{
	drop_to(journal, journal->last);
	mem_free(journal->event);
	journal_init(journal);
}

static uint64_t held(const struct journal *journal)
{
	return journal->last - journal->base;
}

static int resize(struct journal *journal, uint32_t cap)
{
	struct blob **event = mem_alloc(cap * sizeof(*event));
	uint64_t seq;

	if (!event)
		return -ENOMEM;
	for (seq = journal->base + 1; seq <= journal->last; seq++)
		event[seq & (cap - 1)] = *slot(journal, seq);
	mem_free(journal->event);
	journal->event = event;
	journal->cap = cap;
	return 0;
}

static int make_room(struct journal *journal, size_t len)
{
	if (journal->unsent && journal->unsent + len > JOURNAL_UNSENT_MAX)
		return -ENOBUFS;
	if (held(journal) < journal->cap)
		return 0;
	if (journal->cap < JOURNAL_EVENTS_MAX)
		return resize(journal, journal->cap ? journal->cap * 2 :
						      CAP_MIN);
	if (journal->next == journal->base + 1)
		return -ENOBUFS;
	drop_first(journal);
	return 0;
}

int journal_add(struct journal *journal, struct blob *payload)
{
	int err = make_room(journal, payload->len);

	if (err) {
		blob_put(payload);
		return err;
	}
	*slot(journal, ++journal->last) = payload;
	journal->unsent += payload->len;
	check_order(journal);
	return 0;
}

struct blob *journal_peek(const struct journal *journal, uint64_t *ret_seq)
{
	if (journal->next > journal->last)
		return NULL;
	*ret_seq = journal->next;
	return *slot(journal, journal->next);
}

void journal_sent(struct journal *journal)
{
	size_t len;

	check(journal->next <= journal->last);
	len = (*slot(journal, journal->next++))->len;
	journal->unsent -= len;
	journal->sent += len;
	/* The latest stays, whatever its size: its caller still looks at it. */
	while (journal->sent > JOURNAL_SENT_MAX &&
	       journal->base + 2 < journal->next)
		drop_first(journal);
	check_order(journal);
}

uint64_t journal_unsent(const struct journal *journal)
{
	return journal->last + 1 - journal->next;
}

/* Gives memory back when a quarter is in use, all of it when nothing is;
 * losing that chance is fine. */
static void shrink(struct journal *journal)
{
	uint32_t cap = journal->cap;

	if (!held(journal)) {
		mem_free(journal->event);
		journal->event = NULL;
		journal->cap = 0;
		return;
	}
	while (cap > CAP_MIN && held(journal) <= cap / 4)
		cap /= 2;
	if (cap < journal->cap)
		resize(journal, cap);
}

void journal_ack(struct journal *journal, uint64_t seq)
{
	if (seq >= journal->next)
		return;
	drop_to(journal, seq);
	shrink(journal);
}

int journal_rewind(struct journal *journal, uint64_t seq)
{
	uint32_t total = journal->sent + journal->unsent;

	if (seq < journal->base || seq > journal->last)
		return -ERANGE;
	for (; journal->next > seq + 1; journal->next--)
		journal->unsent += (*slot(journal, journal->next - 1))->len;
	for (; journal->next <= seq; journal->next++)
		journal->unsent -= (*slot(journal, journal->next))->len;
	journal->sent = total - journal->unsent;
	check_order(journal);
	return 0;
}
