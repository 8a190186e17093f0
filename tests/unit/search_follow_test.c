// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "search/follow.h"

#define CHANNEL 7u
#define GENERATION 3u
#define LIMIT 10u

static const struct follow_since for_ever;
static struct follow f;

static int setup(void **state)
{
	(void)state;
	follow_init(&f, GENERATION);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	follow_fini(&f);
	return 0;
}

/* The only read there is to be made. */
static struct follow_read next(enum follow_kind kind)
{
	struct follow_read reads[8];

	assert_int_equal(follow_next(&f, reads, 8, LIMIT), 1);
	assert_int_equal(reads[0].kind, kind);
	assert_int_equal(reads[0].channel, CHANNEL);
	return reads[0];
}

static void apply(struct follow_read *read, uint32_t count, uint64_t last)
{
	follow_read_done(&f, read, count, last);
	follow_applied(&f, read);
}

/* Read up to 100, nothing in doubt. */
static void restore(void)
{
	const struct cell_mark mark = { CHANNEL, GENERATION, 100, 0, 0 };

	assert_int_equal(follow_restore(&f, &mark, &for_ever), 0);
}

static void reads_the_tail_page_by_page(void **state)
{
	struct follow_read read;

	(void)state;
	follow_channel(&f, CHANNEL, 50);
	assert_false(follow_is_ready(&f));
	read = next(FOLLOW_TAIL);
	assert_int_equal(read.from, 0);
	apply(&read, LIMIT, 30);
	assert_int_equal(read.mark.mark, 30);
	read = next(FOLLOW_TAIL);
	assert_int_equal(read.from, 30);
	/* Not full: that was all there is, up to what was known. */
	apply(&read, 3, 45);
	assert_int_equal(read.upto, 50);
	assert_false(follow_has_work(&f));
	assert_true(follow_is_ready(&f));
	assert_true(follow_is_saved(&f));
}

static void goes_on_where_the_cell_says(void **state)
{
	struct follow_read read;

	(void)state;
	restore();
	follow_channel(&f, CHANNEL, 120);
	read = next(FOLLOW_TAIL);
	assert_int_equal(read.from, 100);
	apply(&read, 2, 120);
	assert_false(follow_has_work(&f));
}

static void reads_what_changed_alone(void **state)
{
	struct follow_read read;

	(void)state;
	restore();
	follow_changed(&f, CHANNEL, 42);
	assert_false(follow_is_saved(&f));
	read = next(FOLLOW_ONE);
	assert_int_equal(read.id, 42);
	apply(&read, 1, 42);
	assert_false(follow_has_work(&f));
}

static void a_failed_read_is_made_again(void **state)
{
	struct follow_read read;

	(void)state;
	restore();
	follow_changed(&f, CHANNEL, 42);
	read = next(FOLLOW_ONE);
	follow_failed(&f, &read);
	assert_int_equal(next(FOLLOW_ONE).id, 42);
}

static void too_many_changes_become_a_range(void **state)
{
	struct follow_read reads[8];
	uint32_t n, ones = 0;

	(void)state;
	restore();
	follow_changed(&f, CHANNEL, 20);
	for (uint32_t i = 1; i < FOLLOW_DIRTY_MAX; i++)
		follow_changed(&f, CHANNEL, 50);
	follow_changed(&f, CHANNEL, 60);
	follow_changed(&f, CHANNEL, 40);
	while ((n = follow_next(&f, reads, 8, LIMIT)) &&
	       reads[0].kind == FOLLOW_ONE)
		ones += n;
	assert_int_equal(ones, FOLLOW_DIRTY_MAX);
	assert_int_equal(reads[0].kind, FOLLOW_SCRUB);
	assert_int_equal(reads[0].from, 39);
	apply(&reads[0], 2, 60);
	assert_false(follow_has_work(&f));
}

static void lost_hints_put_all_in_doubt(void **state)
{
	struct follow_read read;

	(void)state;
	restore();
	follow_doubt(&f, &for_ever);
	assert_true(follow_is_deep(&f));
	assert_true(follow_is_ready(&f));
	read = next(FOLLOW_SCRUB);
	assert_int_equal(read.from, 0);
	apply(&read, LIMIT, 60);
	assert_int_equal(read.mark.scrub, 60);
	assert_int_equal(read.mark.scrub_end, 100);
	read = next(FOLLOW_SCRUB);
	apply(&read, 1, 80);
	assert_false(follow_is_deep(&f));
}

/* What was asked before the doubt came may be older than it. */
static void a_page_from_before_the_doubt_is_not_believed(void **state)
{
	struct follow_read read;

	(void)state;
	restore();
	follow_doubt(&f, &for_ever);
	read = next(FOLLOW_SCRUB);
	follow_doubt(&f, &for_ever);
	apply(&read, 1, 80);
	assert_true(follow_is_deep(&f));
	assert_int_equal(next(FOLLOW_SCRUB).from, 0);
}

static void a_doubt_about_the_tail_waits_for_the_mark(void **state)
{
	struct follow_read read;

	(void)state;
	restore();
	follow_channel(&f, CHANNEL, 130);
	read = next(FOLLOW_TAIL);
	follow_doubt(&f, &for_ever);
	apply(&read, 3, 130);
	assert_true(follow_is_deep(&f));
	while (follow_has_work(&f)) {
		read = next(FOLLOW_SCRUB);
		apply(&read, 1, 130);
	}
	assert_true(follow_is_saved(&f));
}

static void an_empty_cell_is_read_from_the_begin(void **state)
{
	(void)state;
	restore();
	follow_forget(&f);
	assert_false(follow_is_ready(&f));
	assert_int_equal(next(FOLLOW_TAIL).from, 0);
}

/* Read up to 100 in a run that ended badly; all was well at 80. */
static void restore_after_a_crash(void)
{
	const struct cell_mark mark = { CHANNEL, GENERATION - 1, 100, 0, 0 };
	const struct follow_since since = { .id = 80, .notes = 500 };

	assert_int_equal(follow_restore(&f, &mark, &since), 0);
}

static void after_a_crash_only_what_came_since_is_doubted(void **state)
{
	struct follow_read read;

	(void)state;
	restore_after_a_crash();
	assert_false(follow_is_saved(&f));
	read = next(FOLLOW_NOTES);
	assert_int_equal(read.from, 500);
	apply(&read, 0, 0);
	read = next(FOLLOW_SCRUB);
	assert_int_equal(read.from, 80);
	apply(&read, 3, 100);
	assert_int_equal(read.mark.generation, GENERATION);
	assert_true(follow_is_saved(&f));
}

static void what_notes_name_is_read_before_the_mark_is_believed(void **state)
{
	struct follow_read read;

	(void)state;
	restore_after_a_crash();
	read = next(FOLLOW_NOTES);
	follow_changed(&f, CHANNEL, 7);
	apply(&read, LIMIT, 600);
	read = next(FOLLOW_ONE);
	assert_int_equal(read.id, 7);
	apply(&read, 1, 7);
	read = next(FOLLOW_NOTES);
	assert_int_equal(read.from, 600);
	apply(&read, 1, 601);
	read = next(FOLLOW_SCRUB);
	/* Another change comes while that is read: were the mark kept as of
	 * now, a crash would lose it. */
	follow_changed(&f, CHANNEL, 8);
	apply(&read, 3, 100);
	assert_int_equal(read.mark.generation, GENERATION - 1);
	assert_false(follow_is_saved(&f));
	read = next(FOLLOW_ONE);
	apply(&read, 1, 8);
	read = next(FOLLOW_SCRUB);
	apply(&read, 1, 100);
	assert_int_equal(read.mark.generation, GENERATION);
	assert_true(follow_is_saved(&f));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_the_tail_page_by_page),
		TEST(goes_on_where_the_cell_says),
		TEST(reads_what_changed_alone),
		TEST(a_failed_read_is_made_again),
		TEST(too_many_changes_become_a_range),
		TEST(lost_hints_put_all_in_doubt),
		TEST(a_page_from_before_the_doubt_is_not_believed),
		TEST(a_doubt_about_the_tail_waits_for_the_mark),
		TEST(after_a_crash_only_what_came_since_is_doubted),
		TEST(what_notes_name_is_read_before_the_mark_is_believed),
		TEST(an_empty_cell_is_read_from_the_begin),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
