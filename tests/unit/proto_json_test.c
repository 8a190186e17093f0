// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "proto/json.h"

static char *text_of(struct buf *buf)
{
	return (char *)buf_str(buf);
}

/* The keys of a JSON object, in order, joined by blanks. */
static void assert_keys(struct buf *buf, const char *expected)
{
	json_error_t error;
	json_t *object = json_loads(text_of(buf), 0, &error);
	char keys[2048] = "";
	const char *key;
	json_t *value;

	assert_non_null(object);
	json_object_foreach(object, key, value) {
		strcat(keys, keys[0] ? " " : "");
		strcat(keys, key);
	}
	assert_string_equal(keys, expected);
	json_decref(object);
	buf_fini(buf);
}

static void a_user_has_the_known_keys(void **state)
{
	const struct user u = { .id = 1, .name = "ann", .bot = true };
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	json_user(&w, &u);
	assert_string_equal(text_of(&buf),
			    "{\"id\":\"1\",\"username\":\"ann\","
			    "\"discriminator\":\"0000\",\"global_name\":null,"
			    "\"avatar\":null,\"bot\":true}");
	buf_fini(&buf);
}

static void a_self_user_has_the_known_keys(void **state)
{
	const struct user u = { .id = 1, .name = "ann" };
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	json_self_user(&w, &u);
	assert_keys(&buf, "id username discriminator global_name avatar bot "
			  "verified mfa_enabled email locale");
}

static void a_role_has_the_known_keys(void **state)
{
	const struct role r = { .id = 1, .name = "@everyone",
				.permissions = 2251799813685247ull };
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	json_role(&w, &r);
	assert_non_null(strstr(text_of(&buf),
			       "\"permissions\":\"2251799813685247\""));
	assert_keys(&buf, "id name color colors hoist icon unicode_emoji "
			  "position permissions managed mentionable flags");
}

static void a_text_channel_has_the_known_keys(void **state)
{
	const struct channel c = { .id = 2, .guild_id = 1, .name = "general" };
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	json_channel(&w, &c);
	assert_keys(&buf, "id type guild_id position permission_overwrites "
			  "name topic nsfw last_message_id "
			  "rate_limit_per_user parent_id last_pin_timestamp "
			  "flags");
}

static void a_member_has_the_known_keys(void **state)
{
	const struct member m = { .user = { .id = 1, .name = "ann" } };
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	json_member(&w, &m, true);
	assert_keys(&buf, "user nick avatar banner roles joined_at "
			  "premium_since deaf mute flags pending "
			  "communication_disabled_until");
	jsonw_init(&w, &buf);
	json_member(&w, &m, false);
	assert_keys(&buf, "nick avatar banner roles joined_at premium_since "
			  "deaf mute flags pending "
			  "communication_disabled_until");
}

static void a_guild_has_the_known_keys(void **state)
{
	const struct guild_info g = { .id = 1, .name = "demo" };
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	jsonw_obj(&w);
	json_guild_head(&w, &g);
	json_guild_tail(&w, &g);
	jsonw_end(&w);
	assert_keys(&buf,
		    "id name icon splash discovery_splash owner_id region "
		    "afk_channel_id afk_timeout widget_enabled "
		    "widget_channel_id verification_level "
		    "default_message_notifications explicit_content_filter "
		    "emojis stickers features mfa_level application_id "
		    "system_channel_id system_channel_flags rules_channel_id "
		    "max_presences max_members vanity_url_code description "
		    "banner premium_tier premium_subscription_count "
		    "preferred_locale public_updates_channel_id nsfw_level "
		    "premium_progress_bar_enabled safety_alerts_channel_id "
		    "incidents_data");
}

static struct message some_message(void)
{
	return (struct message){ .id = 1573911098409615361ull,
				 .channel_id = 2, .content = "hi \"you\"\n",
				 .content_len = 9,
				 .author = { .id = 1, .name = "ann" } };
}

static void a_message_has_the_known_keys(void **state)
{
	const struct message_view view = { 0 };
	struct message m = some_message();
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	json_message(&w, &m, &view);
	assert_non_null(strstr(text_of(&buf), "\"timestamp\":\"2026-11-22T"));
	assert_non_null(strstr(text_of(&buf),
			       "\"content\":\"hi \\\"you\\\"\\n\""));
	assert_keys(&buf, "id channel_id author content attachments embeds "
			  "components timestamp edited_timestamp tts "
			  "mention_everyone mentions mention_roles pinned "
			  "type flags");
}

static void an_event_adds_where_it_was_said(void **state)
{
	const struct member by = { .user = { .id = 1, .name = "ann" } };
	const struct message_view view = { .guild_id = 7, .member = &by,
					   .nonce = "\"n\"" };
	struct message m = some_message();
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	json_message(&w, &m, &view);
	assert_keys(&buf, "id channel_id author content attachments embeds "
			  "components timestamp edited_timestamp tts "
			  "mention_everyone mentions mention_roles pinned "
			  "type flags nonce guild_id channel_type member");
}

static void hidden_content_is_empty(void **state)
{
	const struct message_view view = { .hide_content = true };
	struct message m = some_message();
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	m.embeds = "[{\"title\":\"x\"}]";
	jsonw_init(&w, &buf);
	json_message(&w, &m, &view);
	assert_null(strstr(text_of(&buf), "you"));
	assert_null(strstr(text_of(&buf), "title"));
	buf_fini(&buf);
}

static void a_reply_shows_what_it_answers(void **state)
{
	struct message m = some_message(), other = some_message();
	struct message_view view = { .referenced = &other };
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	m.type = MESSAGE_REPLY;
	m.ref_message_id = 3;
	jsonw_init(&w, &buf);
	json_message(&w, &m, &view);
	assert_non_null(strstr(text_of(&buf), "\"referenced_message\":{"));
	buf_reset(&buf);
	view.referenced = NULL;
	jsonw_init(&w, &buf);
	json_message(&w, &m, &view);
	assert_non_null(strstr(text_of(&buf), "\"referenced_message\":null"));
	buf_fini(&buf);
}

static void an_emoji_has_an_id_or_none(void **state)
{
	struct buf buf = BUF_INIT;
	struct jsonw w;

	(void)state;
	jsonw_init(&w, &buf);
	jsonw_arr(&w);
	json_emoji(&w, "\xf0\x9f\x94\xa5");
	json_emoji(&w, "party:123456789012345678");
	jsonw_end(&w);
	assert_string_equal(text_of(&buf),
			    "[{\"id\":null,\"name\":\"\xf0\x9f\x94\xa5\"},"
			    "{\"id\":\"123456789012345678\","
			    "\"name\":\"party\"}]");
	buf_fini(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_has_the_known_keys),
		cmocka_unit_test(a_self_user_has_the_known_keys),
		cmocka_unit_test(a_role_has_the_known_keys),
		cmocka_unit_test(a_text_channel_has_the_known_keys),
		cmocka_unit_test(a_member_has_the_known_keys),
		cmocka_unit_test(a_guild_has_the_known_keys),
		cmocka_unit_test(a_message_has_the_known_keys),
		cmocka_unit_test(an_event_adds_where_it_was_said),
		cmocka_unit_test(hidden_content_is_empty),
		cmocka_unit_test(a_reply_shows_what_it_answers),
		cmocka_unit_test(an_emoji_has_an_id_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
