// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/blob.h"
#include "base/mem.h"
#include "gateway/journal.h"

static struct blob *event(uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return blob_from_str(text);
}

static void add_to(struct journal *journal, uint64_t last)
{
	while (journal->last < last)
		assert_int_equal(journal_add(journal, event(journal->last + 1)),
				 0);
}

/* Sends all there is and checks that it is from .. to, in order. */
static void expect_sent(struct journal *journal, uint64_t from, uint64_t to)
{
	struct blob *blob;
	uint64_t seq, want = from;
	char text[24];

	while ((blob = journal_peek(journal, &seq))) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)want);
		assert_int_equal(seq, want++);
		assert_string_equal((char *)blob->data, text);
		journal_sent(journal);
	}
	assert_int_equal(want, to + 1);
}

static void numbers_from_one_and_sends_in_order(void **state)
{
	struct journal journal;

	(void)state;
	journal_init(&journal);
	expect_sent(&journal, 1, 0);
	add_to(&journal, 100);
	assert_int_equal(journal_unsent(&journal), 100);
	expect_sent(&journal, 1, 100);
	journal_fini(&journal);
}

static void replays_what_was_not_acknowledged(void **state)
{
	struct journal journal;

	(void)state;
	journal_init(&journal);
	add_to(&journal, 50);
	expect_sent(&journal, 1, 50);
	journal_ack(&journal, 20);
	assert_int_equal(journal_rewind(&journal, 19), -ERANGE);
	assert_int_equal(journal_rewind(&journal, 51), -ERANGE);
	assert_int_equal(journal_rewind(&journal, 20), 0);
	add_to(&journal, 60);
	expect_sent(&journal, 21, 60);
	assert_int_equal(journal_rewind(&journal, 60), 0);
	expect_sent(&journal, 61, 60);
	journal_fini(&journal);
}

static struct blob *big_event(size_t len)
{
	char *bytes = mem_zalloc(len);
	struct blob *blob = blob_new(bytes, len);

	assert_non_null(blob);
	mem_free(bytes);
	return blob;
}

static void forgets_the_oldest_sent_beyond_its_bytes(void **state)
{
	const size_t len = JOURNAL_SENT_MAX / 4;
	struct journal journal;
	uint64_t seq, i;

	(void)state;
	journal_init(&journal);
	for (i = 0; i < 10; i++)
		assert_int_equal(journal_add(&journal, big_event(len)), 0);
	/* Nothing is lost before it is sent. */
	assert_int_equal(journal_rewind(&journal, 0), 0);
	while (journal_peek(&journal, &seq))
		journal_sent(&journal);
	assert_int_equal(journal.sent, JOURNAL_SENT_MAX);
	assert_int_equal(journal_rewind(&journal, 5), -ERANGE);
	assert_int_equal(journal_rewind(&journal, 7), 0);
	assert_int_equal(journal.sent, len);
	assert_int_equal(journal.unsent, 3 * len);
	journal_ack(&journal, 7);
	assert_int_equal(journal.sent, 0);
	assert_int_equal(journal_rewind(&journal, 9), 0);
	assert_int_equal(journal.sent, 2 * len);
	assert_int_equal(journal.unsent, len);
	journal_fini(&journal);
	assert_int_equal(journal.sent + journal.unsent, 0);
}

static void keeps_the_latest_sent_whatever_its_size(void **state)
{
	struct journal journal;

	(void)state;
	journal_init(&journal);
	assert_int_equal(journal_add(&journal,
				     big_event(JOURNAL_SENT_MAX + 1)), 0);
	journal_sent(&journal);
	assert_int_equal(journal_rewind(&journal, 0), 0);
	journal_fini(&journal);
}

static void refuses_what_a_client_does_not_read(void **state)
{
	const size_t len = JOURNAL_UNSENT_MAX / 8;
	struct journal journal;
	int i;

	(void)state;
	journal_init(&journal);
	/* One event may be as big as it is. */
	assert_int_equal(journal_add(&journal,
				     big_event(JOURNAL_UNSENT_MAX)), 0);
	journal_sent(&journal);
	for (i = 0; i < 8; i++)
		assert_int_equal(journal_add(&journal, big_event(len)), 0);
	assert_int_equal(journal_add(&journal, big_event(1)), -ENOBUFS);
	assert_int_equal(journal.last, 9);
	journal_sent(&journal);
	assert_int_equal(journal_add(&journal, big_event(1)), 0);
	journal_fini(&journal);
}

static void ignores_acknowledgements_of_what_was_not_sent(void **state)
{
	struct journal journal;

	(void)state;
	journal_init(&journal);
	add_to(&journal, 5);
	journal_ack(&journal, 3);
	journal_ack(&journal, UINT64_MAX);
	assert_int_equal(journal.base, 0);
	expect_sent(&journal, 1, 5);
	journal_ack(&journal, 5);
	journal_ack(&journal, 2);
	assert_int_equal(journal.base, 5);
	journal_fini(&journal);
}

static void drops_the_oldest_sent_but_never_an_unsent_event(void **state)
{
	struct journal journal;

	(void)state;
	journal_init(&journal);
	add_to(&journal, JOURNAL_EVENTS_MAX);
	assert_int_equal(journal_add(&journal, event(0)), -ENOBUFS);
	assert_int_equal(journal.last, JOURNAL_EVENTS_MAX);
	journal_sent(&journal);
	add_to(&journal, JOURNAL_EVENTS_MAX + 1);
	assert_int_equal(journal_rewind(&journal, 0), -ERANGE);
	expect_sent(&journal, 2, JOURNAL_EVENTS_MAX + 1);
	journal_fini(&journal);
}

static void gives_memory_back_when_acknowledged(void **state)
{
	struct journal journal;

	(void)state;
	journal_init(&journal);
	add_to(&journal, 1000);
	expect_sent(&journal, 1, 1000);
	journal_ack(&journal, 990);
	assert_true(journal.cap <= 64);
	assert_int_equal(journal_rewind(&journal, 990), 0);
	expect_sent(&journal, 991, 1000);
	journal_fini(&journal);
}

static void keeps_its_events_when_memory_is_out(void **state)
{
	struct journal journal;
	struct blob *blob = event(9);

	(void)state;
	journal_init(&journal);
	add_to(&journal, 8);
	mem_fail_nth(1);
	assert_int_equal(journal_add(&journal, blob), -ENOMEM);
	mem_fail_nth(0);
	add_to(&journal, 9);
	expect_sent(&journal, 1, 9);
	journal_fini(&journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_from_one_and_sends_in_order),
		cmocka_unit_test(replays_what_was_not_acknowledged),
		cmocka_unit_test(forgets_the_oldest_sent_beyond_its_bytes),
		cmocka_unit_test(keeps_the_latest_sent_whatever_its_size),
		cmocka_unit_test(refuses_what_a_client_does_not_read),
		cmocka_unit_test(ignores_acknowledgements_of_what_was_not_sent),
		cmocka_unit_test(drops_the_oldest_sent_but_never_an_unsent_event),
		cmocka_unit_test(gives_memory_back_when_acknowledged),
		cmocka_unit_test(keeps_its_events_when_memory_is_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
