// SPDX-License-Identifier: Apache-2.0
/* RFC 6455 as the reader has to see it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/frame.h"

#define LIMIT 4096

struct seen {
	int count;
	enum frame_opcode opcode[8];
	size_t len[8];
	uint8_t data[8][LIMIT];
	int stop;		/* what the callback returns */
};

static int on_found(void *ctx, enum frame_opcode opcode, const uint8_t *data,
		    size_t len)
{
	struct seen *seen = ctx;

	assert_true(seen->count < 8);
	seen->opcode[seen->count] = opcode;
	seen->len[seen->count] = len;
	memcpy(seen->data[seen->count++], data, len);
	return seen->stop;
}

/* A client's frame: masked, with the length form that `form` asks for. */
static size_t make(uint8_t *out, uint8_t first, const void *payload, size_t len,
		   int form)
{
	static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	const uint8_t *bytes = payload;
	size_t at = 0, i;

	out[at++] = first;
	if (!form)
		form = len < 126 ? 7 : len < 65536 ? 16 : 64;
	out[at++] = 0x80 | (form == 7 ? len : form == 16 ? 126 : 127);
	for (i = form == 7 ? 0 : form; i; i -= 8)
		out[at++] = (uint64_t)len >> (i - 8);
	memcpy(out + at, mask, 4);
	at += 4;
	for (i = 0; i < len; i++)
		out[at++] = bytes[i] ^ mask[i % 4];
	return at;
}

/* Feeds in pieces of `step` bytes; the first result that is not 0. */
static int feed(struct seen *seen, const uint8_t *data, size_t len, size_t step)
{
	struct frame_reader reader;
	uint8_t *copy = malloc(len + 1);
	size_t at, n;
	int err = 0;

	memcpy(copy, data, len);
	memset(seen->data, 0, sizeof(seen->data));
	seen->count = 0;
	frame_reader_init(&reader, LIMIT);
	for (at = 0; at < len && !err; at += n) {
		n = len - at < step ? len - at : step;
		err = frame_read(&reader, copy + at, n, on_found, seen);
	}
	frame_reader_fini(&reader);
	free(copy);
	return err;
}

static int feed_one(struct seen *seen, uint8_t first, const void *payload,
		    size_t len)
{
	uint8_t out[LIMIT + 64];

	return feed(seen, out, make(out, first, payload, len, 0), SIZE_MAX);
}

static void reads_text_whole_and_byte_by_byte(void **state)
{
	struct seen seen = { 0 };
	uint8_t out[600], text[300];
	size_t step, n;

	(void)state;
	memset(text, 'x', sizeof(text));
	n = make(out, 0x81, text, sizeof(text), 0);
	for (step = 1; step <= n; step++) {
		assert_int_equal(feed(&seen, out, n, step), 0);
		assert_int_equal(seen.count, 1);
		assert_int_equal(seen.opcode[0], FRAME_TEXT);
		assert_int_equal(seen.len[0], sizeof(text));
		assert_memory_equal(seen.data[0], text, sizeof(text));
	}
}

static void joins_fragments_with_control_frames_between(void **state)
{
	struct seen seen = { 0 };
	uint8_t out[64];
	size_t n = 0;

	(void)state;
	n += make(out + n, 0x01, "Hel", 3, 0);
	n += make(out + n, 0x89, "?", 1, 0);
	n += make(out + n, 0x00, "", 0, 0);
	n += make(out + n, 0x8a, "!", 1, 0);
	n += make(out + n, 0x80, "lo", 2, 0);
	assert_int_equal(feed(&seen, out, n, 1), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.opcode[0], FRAME_PING);
	assert_string_equal((char *)seen.data[0], "?");
	assert_int_equal(seen.opcode[1], FRAME_PONG);
	assert_string_equal((char *)seen.data[1], "!");
	assert_int_equal(seen.opcode[2], FRAME_TEXT);
	assert_string_equal((char *)seen.data[2], "Hello");
}

static void reads_empty_messages(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(feed_one(&seen, 0x81, "", 0), 0);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.len[0], 0);
}

static void joins_a_character_split_between_fragments(void **state)
{
	struct seen seen = { 0 };
	uint8_t out[64];
	size_t n = 0;

	(void)state;
	n += make(out + n, 0x01, "\xf0\x9f", 2, 0);
	n += make(out + n, 0x80, "\x94\xa5", 2, 0);
	assert_int_equal(feed(&seen, out, n, SIZE_MAX), 0);
	assert_int_equal(seen.count, 1);
}

static void refuses_bad_utf8_in_text_only(void **state)
{
	static const char *const bad[] = {
		"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
		"abc\xe2\x82", "\x80",
	};
	struct seen seen = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(feed_one(&seen, 0x81, bad[i], strlen(bad[i])),
				 -FRAME_CLOSE_UTF8);
		assert_int_equal(feed_one(&seen, 0x82, bad[i], strlen(bad[i])),
				 0);
	}
}

static void refuses_unmasked_frames(void **state)
{
	uint8_t out[] = { 0x81, 0x02, 'h', 'i' };
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(feed(&seen, out, sizeof(out), SIZE_MAX),
			 -FRAME_CLOSE_PROTOCOL);
}

static void refuses_reserved_bits_and_opcodes(void **state)
{
	static const uint8_t firsts[] = {
		0xc1, 0xa1, 0x91, 0x83, 0x84, 0x85, 0x86, 0x87,
		0x8b, 0x8c, 0x8d, 0x8e, 0x8f,
	};
	struct seen seen = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(firsts); i++)
		assert_int_equal(feed_one(&seen, firsts[i], "x", 1),
				 -FRAME_CLOSE_PROTOCOL);
}

static void refuses_fragmented_and_long_control_frames(void **state)
{
	struct seen seen = { 0 };
	uint8_t big[126] = { 0 };

	(void)state;
	assert_int_equal(feed_one(&seen, 0x09, "x", 1), -FRAME_CLOSE_PROTOCOL);
	assert_int_equal(feed_one(&seen, 0x08, "", 0), -FRAME_CLOSE_PROTOCOL);
	assert_int_equal(feed_one(&seen, 0x89, big, 126),
			 -FRAME_CLOSE_PROTOCOL);
	assert_int_equal(feed_one(&seen, 0x89, big, 125), 0);
}

static void refuses_continuations_out_of_place(void **state)
{
	struct seen seen = { 0 };
	uint8_t out[64];
	size_t n = 0;

	(void)state;
	assert_int_equal(feed_one(&seen, 0x80, "x", 1), -FRAME_CLOSE_PROTOCOL);
	n += make(out + n, 0x01, "a", 1, 0);
	n += make(out + n, 0x81, "b", 1, 0);
	assert_int_equal(feed(&seen, out, n, SIZE_MAX), -FRAME_CLOSE_PROTOCOL);
}

static void refuses_lengths_in_a_longer_form_than_needed(void **state)
{
	struct seen seen = { 0 };
	static uint8_t out[UINT16_MAX + 14], text[UINT16_MAX];

	(void)state;
	assert_int_equal(feed(&seen, out, make(out, 0x82, text, 125, 16),
			      SIZE_MAX), -FRAME_CLOSE_PROTOCOL);
	assert_int_equal(feed(&seen, out, make(out, 0x82, text, 200, 64),
			      SIZE_MAX), -FRAME_CLOSE_PROTOCOL);
	assert_int_equal(feed(&seen, out, make(out, 0x82, text, UINT16_MAX, 64),
			      SIZE_MAX), -FRAME_CLOSE_PROTOCOL);
	assert_int_equal(feed(&seen, out, make(out, 0x82, text, 126, 16),
			      SIZE_MAX), 0);
}

static void refuses_what_is_too_big_by_its_head_alone(void **state)
{
	uint8_t head[] = { 0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4 };
	uint8_t top[] = { 0x81, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4 };
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(feed(&seen, head, sizeof(head), 1),
			 -FRAME_CLOSE_TOO_BIG);
	assert_int_equal(feed(&seen, top, sizeof(top), 1),
			 -FRAME_CLOSE_PROTOCOL);
}

static void refuses_fragments_that_add_up_to_too_much(void **state)
{
	static uint8_t out[3 * LIMIT], half[LIMIT / 2 + 1];
	struct seen seen = { 0 };
	size_t n = 0;

	(void)state;
	memset(half, 'a', sizeof(half));
	n += make(out + n, 0x01, half, LIMIT / 2, 0);
	n += make(out + n, 0x80, half, LIMIT / 2, 0);
	assert_int_equal(feed(&seen, out, n, SIZE_MAX), 0);
	n = make(out, 0x01, half, LIMIT / 2, 0);
	n += make(out + n, 0x80, half, LIMIT / 2 + 1, 0);
	assert_int_equal(feed(&seen, out, n, SIZE_MAX), -FRAME_CLOSE_TOO_BIG);
}

static void stops_when_the_owner_says_so(void **state)
{
	struct seen seen = { .stop = -4008 };
	uint8_t out[64];
	size_t n = 0;

	(void)state;
	n += make(out + n, 0x81, "a", 1, 0);
	n += make(out + n, 0x81, "b", 1, 0);
	assert_int_equal(feed(&seen, out, n, SIZE_MAX), -4008);
	assert_int_equal(seen.count, 1);
}

static void fails_with_a_code_when_memory_is_out(void **state)
{
	struct seen seen = { 0 };
	uint8_t out[64];
	size_t n = make(out, 0x81, "hello", 5, 0);

	(void)state;
	mem_fail_nth(1);
	assert_int_equal(feed(&seen, out, n, SIZE_MAX), -FRAME_CLOSE_NO_MEMORY);
	assert_int_equal(feed(&seen, out, n, SIZE_MAX), 0);
	mem_fail_nth(0);
}

static void knows_close_codes(void **state)
{
	static const uint16_t good[] = { 1000, 1001, 1002, 1003, 1007, 1008,
					 1009, 1010, 1011, 3000, 3999, 4000,
					 4999 };
	static const uint16_t bad[] = { 0, 999, 1004, 1005, 1006, 1015, 1016,
					1100, 2000, 2999, 5000, 65535 };
	uint8_t data[2];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		data[0] = good[i] >> 8;
		data[1] = good[i];
		assert_int_equal(frame_close_code(data, 2), good[i]);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		data[0] = bad[i] >> 8;
		data[1] = bad[i];
		assert_int_equal(frame_close_code(data, 2),
				 -FRAME_CLOSE_PROTOCOL);
	}
	assert_int_equal(frame_close_code(data, 0), FRAME_CLOSE_NONE);
	assert_int_equal(frame_close_code((const uint8_t *)"\x03\xe8", 1),
			 -FRAME_CLOSE_PROTOCOL);
	assert_int_equal(frame_close_code((const uint8_t *)"\x03\xe8\xff", 3),
			 -FRAME_CLOSE_UTF8);
	assert_int_equal(frame_close_code((const uint8_t *)"\x03\xe8" "bye", 5),
			 1000);
}

static void writes_heads_in_the_shortest_form(void **state)
{
	uint8_t head[FRAME_HEAD_MAX];

	(void)state;
	assert_int_equal(frame_head(head, FRAME_TEXT, 125), 2);
	assert_memory_equal(head, "\x81\x7d", 2);
	assert_int_equal(frame_head(head, FRAME_BINARY, 126), 4);
	assert_memory_equal(head, "\x82\x7e\x00\x7e", 4);
	assert_int_equal(frame_head(head, FRAME_TEXT, 65535), 4);
	assert_int_equal(frame_head(head, FRAME_TEXT, 65536), 10);
	assert_memory_equal(head, "\x81\x7f\0\0\0\0\0\1\0\0", 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_text_whole_and_byte_by_byte),
		cmocka_unit_test(joins_fragments_with_control_frames_between),
		cmocka_unit_test(reads_empty_messages),
		cmocka_unit_test(joins_a_character_split_between_fragments),
		cmocka_unit_test(refuses_bad_utf8_in_text_only),
		cmocka_unit_test(refuses_unmasked_frames),
		cmocka_unit_test(refuses_reserved_bits_and_opcodes),
		cmocka_unit_test(refuses_fragmented_and_long_control_frames),
		cmocka_unit_test(refuses_continuations_out_of_place),
		cmocka_unit_test(refuses_lengths_in_a_longer_form_than_needed),
		cmocka_unit_test(refuses_what_is_too_big_by_its_head_alone),
		cmocka_unit_test(refuses_fragments_that_add_up_to_too_much),
		cmocka_unit_test(stops_when_the_owner_says_so),
		cmocka_unit_test(fails_with_a_code_when_memory_is_out),
		cmocka_unit_test(knows_close_codes),
		cmocka_unit_test(writes_heads_in_the_shortest_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
