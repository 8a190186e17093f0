// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/blob.h"
#include "base/mem.h"
#include "proto/record.h"

static struct message full(void)
{
	static struct message m;

	m = (struct message){
		.edited_ms = 1700000000123, .webhook_id = 1ull << 62,
		.ref_message_id = 3, .ref_channel_id = 4, .ref_guild_id = 5,
		.author = { .id = UINT64_MAX, .name = "ann", .bot = true,
			    .global_name = "Ann \xf0\x9f\x94\xa5",
			    .avatar = "a1b2", .discriminator = 7 },
		.content = "hi <@3>", .content_len = 7, .embeds = "[{}]",
		.attachments = "[1]", .components = "[2]",
		.flags = 1u << 31, .type = MESSAGE_REPLY, .tts = true,
		.mention_everyone = true, .pinned = true, .reacted = true,
		.mention_count = 2, .mention_role_count = 1,
		.mention = { { .id = 3, .name = "bob" },
			     { .id = 9, .name = "eve", .bot = true } },
		.mention_role = { 77 },
	};
	return m;
}

static void assert_same_user(const struct user *a, const struct user *b)
{
	assert_int_equal(a->id, b->id);
	assert_string_equal(a->name, b->name);
	assert_int_equal(!a->global_name, !b->global_name);
	if (a->global_name)
		assert_string_equal(a->global_name, b->global_name);
	assert_int_equal(!a->avatar, !b->avatar);
	if (a->avatar)
		assert_string_equal(a->avatar, b->avatar);
	assert_int_equal(a->discriminator, b->discriminator);
	assert_int_equal(a->bot, b->bot);
}

static void assert_same(const struct message *a, const struct message *b)
{
	assert_same_user(&a->author, &b->author);
	assert_int_equal(a->content_len, b->content_len);
	assert_string_equal(a->content, b->content);
	assert_int_equal(a->edited_ms, b->edited_ms);
	assert_int_equal(a->webhook_id, b->webhook_id);
	assert_int_equal(a->ref_message_id, b->ref_message_id);
	assert_int_equal(a->ref_channel_id, b->ref_channel_id);
	assert_int_equal(a->ref_guild_id, b->ref_guild_id);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->tts, b->tts);
	assert_int_equal(a->mention_everyone, b->mention_everyone);
	assert_int_equal(a->pinned, b->pinned);
	assert_int_equal(a->reacted, b->reacted);
	assert_int_equal(a->mention_count, b->mention_count);
	for (uint32_t i = 0; i < a->mention_count; i++)
		assert_same_user(&a->mention[i], &b->mention[i]);
	assert_int_equal(a->mention_role_count, b->mention_role_count);
	assert_memory_equal(a->mention_role, b->mention_role,
			    a->mention_role_count * sizeof(uint64_t));
	assert_int_equal(!a->embeds, !b->embeds);
}

static void a_full_message_comes_back(void **state)
{
	struct message m = full(), back;
	struct blob *r = record_encode(&m);

	(void)state;
	assert_non_null(r);
	assert_int_equal(record_decode(&back, r->data, r->len), 0);
	assert_same(&m, &back);
	assert_string_equal(back.embeds, "[{}]");
	assert_string_equal(back.attachments, "[1]");
	assert_string_equal(back.components, "[2]");
	blob_put(r);
}

static void a_plain_message_is_small(void **state)
{
	struct message m = { .author = { .id = 1, .name = "ann" },
			     .content = "hi", .content_len = 2 }, back;
	struct blob *r = record_encode(&m);

	(void)state;
	assert_int_equal(record_decode(&back, r->data, r->len), 0);
	assert_same(&m, &back);
	assert_true(r->len <= 24);
	blob_put(r);
}

/* In memory of exactly that size, so that asan sees a byte too far. */
static int decode_exact(const uint8_t *data, size_t size)
{
	uint8_t *copy = mem_dup(data, size);
	struct message back;
	int err = record_decode(&back, copy, size);

	mem_free(copy);
	return err;
}

static void every_truncation_is_refused(void **state)
{
	struct message m = full();
	struct blob *r = record_encode(&m);

	(void)state;
	for (size_t n = 1; n < r->len; n++)
		assert_true(decode_exact(r->data, n) < 0);
	blob_put(r);
}

static void bytes_behind_the_end_are_refused(void **state)
{
	struct message m = full();
	struct blob *r = record_encode(&m);
	uint8_t *longer = mem_zalloc(r->len + 1);

	(void)state;
	memcpy(longer, r->data, r->len);
	assert_true(decode_exact(longer, r->len + 1) < 0);
	mem_free(longer);
	blob_put(r);
}

static void every_changed_byte_is_safe(void **state)
{
	struct message m = full();
	struct blob *r = record_encode(&m);
	uint8_t *copy = mem_dup(r->data, r->len);

	(void)state;
	for (size_t i = 0; i < r->len; i++) {
		for (unsigned int v = 0; v < 256; v += 17) {
			copy[i] = (uint8_t)v;
			decode_exact(copy, r->len);
		}
		copy[i] = r->data[i];
	}
	mem_free(copy);
	blob_put(r);
}

static void a_later_version_is_refused(void **state)
{
	struct message m = full(), back;
	struct blob *r = record_encode(&m);
	uint8_t *copy = mem_dup(r->data, r->len);

	(void)state;
	copy[0] = RECORD_VERSION + 1;
	assert_int_equal(record_decode(&back, copy, r->len), -95);
	mem_free(copy);
	blob_put(r);
}

static void a_nul_within_a_string_is_refused(void **state)
{
	struct message m = { .author = { .id = 1, .name = "ann" },
			     .content = "a\0b", .content_len = 3 };
	struct blob *r = record_encode(&m);
	struct message back;

	(void)state;
	assert_true(record_decode(&back, r->data, r->len) < 0);
	blob_put(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_message_comes_back),
		cmocka_unit_test(a_plain_message_is_small),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(bytes_behind_the_end_are_refused),
		cmocka_unit_test(every_changed_byte_is_safe),
		cmocka_unit_test(a_later_version_is_refused),
		cmocka_unit_test(a_nul_within_a_string_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
