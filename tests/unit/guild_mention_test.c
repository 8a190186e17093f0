// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guild/mention.h"

#define GUILD 1000
#define ANN 1
#define BOB 2
#define ROLE_OPEN 50
#define ROLE_SHUT 51

static struct state state;
static struct message m;

static void add_member(uint64_t id, const char *name)
{
	const struct member from = { .user = { .id = id,
					       .name = (char *)name } };
	struct member copy;

	assert_int_equal(model_member_copy(&copy, &from), 0);
	assert_int_equal(state_put_member(&state, &copy), 0);
}

static void add_role(uint64_t id, bool mentionable)
{
	const struct role from = { .id = id, .name = (char *)"r",
				   .mentionable = mentionable };
	struct role copy;

	assert_int_equal(model_role_copy(&copy, &from), 0);
	assert_int_equal(state_put_role(&state, &copy), 0);
}

static int setup(void **unused)
{
	(void)unused;
	state_init(&state);
	state.info.id = GUILD;
	add_member(ANN, "ann");
	add_member(BOB, "bob");
	add_role(ROLE_OPEN, true);
	add_role(ROLE_SHUT, false);
	add_role(GUILD, true);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	state_fini(&state);
	return 0;
}

static const struct body_mentions everybody = { .users = true, .roles = true,
						.everyone = true,
						.replied_user = true };

static void resolve(const char *content, const struct body_mentions *allowed,
		    uint64_t perms)
{
	m.content = content;
	mention_resolve(&state, allowed, perms, NULL, &m);
}

static void users_are_found_in_both_forms(void **unused)
{
	(void)unused;
	resolve("hi <@1> and <@!2> and <@1>", &everybody, 0);
	assert_int_equal(m.mention_count, 2);
	assert_int_equal(m.mention[0].id, ANN);
	assert_string_equal(m.mention[1].name, "bob");
}

static void what_only_looks_like_one_is_none(void **unused)
{
	static const char *const texts[] = {
		"<@>", "<@1", "<@!>", "<@x>", "<@1x>", "<#1>", "@1", "<",
		"<@99>", "<@&99>", "<@123456789012345678901>", "<@&1>", "<@50>",
		"a@everyon", "<@", "@", "",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		resolve(texts[i], &everybody, PERM_ALL);
		assert_int_equal(m.mention_count, 0);
		assert_int_equal(m.mention_role_count, 0);
		assert_false(m.mention_everyone);
	}
}

static void a_mention_behind_a_broken_one_is_found(void **unused)
{
	(void)unused;
	resolve("<@<@1>", &everybody, 0);
	assert_int_equal(m.mention_count, 1);
}

static void roles_need_to_be_mentionable_or_the_right(void **unused)
{
	(void)unused;
	resolve("<@&50> <@&51> <@&1000>", &everybody, 0);
	assert_int_equal(m.mention_role_count, 1);
	assert_int_equal(m.mention_role[0], ROLE_OPEN);
	resolve("<@&50> <@&51>", &everybody, PERM_MENTION_EVERYONE);
	assert_int_equal(m.mention_role_count, 2);
}

static void everyone_needs_the_right_and_the_wish(void **unused)
{
	const struct body_mentions nobody = { 0 };

	(void)unused;
	resolve("hey @everyone", &everybody, 0);
	assert_false(m.mention_everyone);
	resolve("hey @here!", &everybody, PERM_MENTION_EVERYONE);
	assert_true(m.mention_everyone);
	resolve("hey @everyone", &nobody, PERM_MENTION_EVERYONE);
	assert_false(m.mention_everyone);
}

static void lists_allow_only_what_they_name(void **unused)
{
	const struct body_mentions some = { .user_count = 1, .user = { BOB },
					    .role_count = 1,
					    .role = { ROLE_OPEN } };

	(void)unused;
	resolve("<@1> <@2> <@&50> <@&51>", &some, PERM_ALL);
	assert_int_equal(m.mention_count, 1);
	assert_int_equal(m.mention[0].id, BOB);
	assert_int_equal(m.mention_role_count, 1);
}

static void an_answer_names_whom_it_answers(void **unused)
{
	const struct user eve = { .id = 9, .name = (char *)"eve" };
	const struct body_mentions silent = { .users = true };

	(void)unused;
	m.content = "sure";
	mention_resolve(&state, &everybody, 0, &eve, &m);
	assert_int_equal(m.mention_count, 1);
	assert_int_equal(m.mention[0].id, 9);
	mention_resolve(&state, &silent, 0, &eve, &m);
	assert_int_equal(m.mention_count, 0);
}

static void the_number_is_bounded(void **unused)
{
	char text[8192];
	size_t n = 0;

	(void)unused;
	for (unsigned int i = 0; i < 150; i++) {
		add_member(2000 + i, "x");
		n += (size_t)sprintf(text + n, "<@%u>", 2000 + i);
	}
	resolve(text, &everybody, 0);
	assert_int_equal(m.mention_count, MESSAGE_MENTIONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_are_found_in_both_forms),
		cmocka_unit_test(what_only_looks_like_one_is_none),
		cmocka_unit_test(a_mention_behind_a_broken_one_is_found),
		cmocka_unit_test(roles_need_to_be_mentionable_or_the_right),
		cmocka_unit_test(everyone_needs_the_right_and_the_wish),
		cmocka_unit_test(lists_allow_only_what_they_name),
		cmocka_unit_test(an_answer_names_whom_it_answers),
		cmocka_unit_test(the_number_is_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
