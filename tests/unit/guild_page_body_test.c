// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/blob.h"
#include "guild/page_body.h"
#include "guild/state.h"
#include "proto/rows.h"

struct page {
	struct page_body p;
	struct state s;
	struct rows *rows, *other;
	struct blob *body;
};

static int setup(void **state)
{
	static struct page page;

	page = (struct page){
		.rows = rows_new(1, 1), .other = rows_new(1, 1),
		.body = blob_from_str("[]"),
	};
	*state = &page;
	return page.rows && page.other && page.body ? 0 : -1;
}

static int teardown(void **state)
{
	struct page *t = *state;

	rows_put(t->rows);
	rows_put(t->other);
	blob_put(t->body);
	return 0;
}

static void the_same_rows_have_the_same_body(void **state)
{
	struct page *t = *state;

	page_body_enter(&t->p);
	assert_null(page_body_find(&t->p, &t->s, t->rows));
	page_body_keep(&t->p, &t->s, t->rows, t->body);
	assert_ptr_equal(page_body_find(&t->p, &t->s, t->rows), t->body);
	assert_null(page_body_find(&t->p, &t->s, t->other));
	page_body_leave(&t->p);
}

static void a_changed_user_makes_it_anew(void **state)
{
	struct page *t = *state;

	page_body_enter(&t->p);
	page_body_keep(&t->p, &t->s, t->rows, t->body);
	t->s.users++;
	assert_null(page_body_find(&t->p, &t->s, t->rows));
	page_body_leave(&t->p);
}

static void the_last_reader_takes_it_away(void **state)
{
	struct page *t = *state;

	page_body_enter(&t->p);
	page_body_enter(&t->p);
	page_body_keep(&t->p, &t->s, t->rows, t->body);
	page_body_leave(&t->p);
	assert_ptr_equal(page_body_find(&t->p, &t->s, t->rows), t->body);
	page_body_leave(&t->p);
	assert_null(t->p.rows);
	assert_null(t->p.body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_same_rows_have_the_same_body, setup, teardown),
		cmocka_unit_test_setup_teardown(a_changed_user_makes_it_anew,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_reader_takes_it_away,
						setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
