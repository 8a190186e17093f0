// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guild/perm.h"

#define USER 10
#define GUILD 20
#define ROLE_A 30
#define ROLE_B 40

/* The rules one by one, as GATEWAY states them, without cleverness. */
static uint64_t naive(const struct perm_member *m,
		      const struct perm_overwrite *o, size_t n)
{
	uint64_t p = m->held, deny = 0, allow = 0;

	if (m->is_owner || (p & PERM_ADMINISTRATOR))
		return PERM_ALL;
	for (size_t i = 0; i < n; i++)
		if (o[i].target == PERM_TARGET_ROLE && o[i].id == GUILD)
			p = (p & ~o[i].deny) | o[i].allow;
	for (size_t r = 0; r < m->role_count; r++)
		for (size_t i = 0; i < n; i++)
			if (o[i].target == PERM_TARGET_ROLE &&
			    o[i].id == m->role[r]) {
				deny |= o[i].deny;
				allow |= o[i].allow;
			}
	p = (p & ~deny) | allow;
	for (size_t i = 0; i < n; i++)
		if (o[i].target == PERM_TARGET_MEMBER && o[i].id == USER)
			p = (p & ~o[i].deny) | o[i].allow;
	if (m->is_timed_out)
		p &= PERM_VIEW_CHANNEL | PERM_READ_HISTORY;
	if (!(p & PERM_VIEW_CHANNEL))
		return 0;
	if (!(p & PERM_SEND_MESSAGES))
		p &= ~(PERM_MENTION_EVERYONE | PERM_SEND_TTS |
		       PERM_ATTACH_FILES | PERM_EMBED_LINKS);
	if (!(p & PERM_CONNECT))
		p &= ~(PERM_SPEAK | PERM_STREAM | PERM_USE_VAD |
		       PERM_PRIORITY_SPEAKER | PERM_MUTE_MEMBERS |
		       PERM_DEAFEN_MEMBERS | PERM_MOVE_MEMBERS |
		       PERM_REQUEST_TO_SPEAK | PERM_SOUNDBOARD |
		       PERM_EXTERNAL_SOUNDS);
	return p;
}

/* One bit in each of four overwrites: untouched, denied, allowed, both. */
static struct perm_overwrite overwrite(uint64_t id, uint8_t target,
				       uint64_t bit, unsigned int how)
{
	return (struct perm_overwrite){ .id = id, .target = target,
					.deny = how & 1 ? bit : 0,
					.allow = how & 2 ? bit : 0 };
}

/* All 4^4 overwrites of a bit, times the roles held, the base, and flags. */
static void every_combination_for(uint64_t bit)
{
	static const uint64_t roles[] = { ROLE_A, ROLE_B };

	for (unsigned int i = 0; i < 256 * 32; i++) {
		const struct perm_overwrite o[] = {
			overwrite(ROLE_B, PERM_TARGET_ROLE, bit, i >> 4 & 3),
			overwrite(USER, PERM_TARGET_MEMBER, bit, i >> 6 & 3),
			overwrite(GUILD, PERM_TARGET_ROLE, bit, i & 3),
			overwrite(ROLE_A, PERM_TARGET_ROLE, bit, i >> 2 & 3),
			/* Of others: no effect. */
			overwrite(USER + 1, PERM_TARGET_MEMBER, bit, 3),
			overwrite(USER, PERM_TARGET_ROLE, bit, 3),
			overwrite(ROLE_A, PERM_TARGET_MEMBER, bit, 3),
		};
		const struct perm_member m = {
			.user_id = USER,
			.guild_id = GUILD,
			.role = roles,
			.role_count = i >> 8 & 1 ? 2 : 1,
			.held = (i >> 9 & 1 ? bit : 0) | PERM_VIEW_CHANNEL,
			.is_timed_out = i >> 10 & 1,
			.is_owner = (i >> 11 & 3) == 3,
		};

		assert_int_equal(perm_in_channel(&m, o, 7), naive(&m, o, 7));
	}
}

static void agrees_with_the_rules_everywhere(void **state)
{
	static const uint64_t bits[] = {
		PERM_VIEW_CHANNEL, PERM_SEND_MESSAGES, PERM_READ_HISTORY,
		PERM_MENTION_EVERYONE, PERM_CONNECT, PERM_SPEAK,
		PERM_MANAGE_MESSAGES, PERM_ADMINISTRATOR,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		every_combination_for(bits[i]);
}

static void an_owner_may_everything(void **state)
{
	const struct perm_overwrite o = { .id = USER, .deny = PERM_ALL,
					  .target = PERM_TARGET_MEMBER };
	const struct perm_member m = { .user_id = USER, .guild_id = GUILD,
				       .is_owner = true,
				       .is_timed_out = true };

	(void)state;
	assert_int_equal(perm_in_guild(&m), PERM_ALL);
	assert_int_equal(perm_in_channel(&m, &o, 1), PERM_ALL);
}

static void an_administrator_ignores_overwrites_and_timeouts(void **state)
{
	const struct perm_overwrite o = { .id = GUILD, .deny = PERM_ALL };
	const struct perm_member m = { .user_id = USER, .guild_id = GUILD,
				       .held = PERM_ADMINISTRATOR,
				       .is_timed_out = true };

	(void)state;
	assert_int_equal(perm_in_channel(&m, &o, 1), PERM_ALL);
}

static void allow_wins_between_roles_in_any_order(void **state)
{
	static const uint64_t roles[] = { ROLE_A, ROLE_B };
	const struct perm_overwrite o[] = {
		{ .id = ROLE_A, .allow = PERM_VIEW_CHANNEL },
		{ .id = ROLE_B, .deny = PERM_VIEW_CHANNEL },
	};
	const struct perm_overwrite turned[] = { o[1], o[0] };
	const struct perm_member m = { .user_id = USER, .guild_id = GUILD,
				       .role = roles, .role_count = 2 };

	(void)state;
	assert_int_equal(perm_in_channel(&m, o, 2), PERM_VIEW_CHANNEL);
	assert_int_equal(perm_in_channel(&m, turned, 2), PERM_VIEW_CHANNEL);
}

static void who_cannot_see_may_nothing(void **state)
{
	const struct perm_overwrite o = { .id = GUILD,
					  .deny = PERM_VIEW_CHANNEL };
	const struct perm_member m = { .user_id = USER, .guild_id = GUILD,
				       .held = PERM_DEFAULT };

	(void)state;
	assert_int_equal(perm_in_channel(&m, &o, 1), 0);
}

static void bit_47_is_unused(void **state)
{
	(void)state;
	assert_int_equal(PERM_ALL >> 47 & 1, 0);
	assert_int_equal(PERM_ALL >> 52, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_rules_everywhere),
		cmocka_unit_test(an_owner_may_everything),
		cmocka_unit_test(
			an_administrator_ignores_overwrites_and_timeouts),
		cmocka_unit_test(allow_wins_between_roles_in_any_order),
		cmocka_unit_test(who_cannot_see_may_nothing),
		cmocka_unit_test(bit_47_is_unused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
