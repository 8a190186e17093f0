// SPDX-License-Identifier: GPL-2.0-only
/* What stands on an SSD: it fits, it survives encoding, and damage is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "format.h"

static struct sd_super sample_super(void)
{
	struct sd_super s = {
		.set_uuid = "0123456789abcde",
		.epoch = 42,
		.generation = 1ull << 40,
		.disk_sectors = 1000000,
		.block_sectors = 128,
		.nr_legs = 4,
		.leg = 3,
		.mode = SUPERDISK_MODE_MIRROR,
		.state = SD_SUPER_ACTIVE,
		.verify = true,
	};

	sd_layout_init(&s.layout, 300000, 128, 1954);
	for (u32 i = 0; i < SD_MAX_LEGS; i++)
		s.roster[i] = 1000 + i;
	s.sample[63] = 0xdeadbeef;
	return s;
}

static void a_superblock_survives(void **state)
{
	struct sd_super in = sample_super(), out;
	struct sd_super_disk d;

	(void)state;
	sd_super_encode(&in, &d);
	assert_int_equal(sd_super_decode(&out, &d), 0);
	assert_memory_equal(&in, &out, sizeof(in));
}

static void every_damaged_bit_is_seen(void **state)
{
	struct sd_super in = sample_super(), out;
	struct sd_super_disk d;

	(void)state;
	sd_super_encode(&in, &d);
	for (u32 bit = 0; bit < sizeof(d) * 8; bit++) {
		((u8 *)&d)[bit / 8] ^= 1u << (bit % 8);
		assert_int_equal(sd_super_decode(&out, &d),
				 bit / 8 - offsetof(struct sd_super_disk, magic)
					 < sizeof(d.magic) ? -ENODATA : -EBADMSG);
		((u8 *)&d)[bit / 8] ^= 1u << (bit % 8);
	}
}

static void blank_and_of_another_version_are_told_apart(void **state)
{
	struct sd_super in = sample_super(), out;
	struct sd_super_disk d = {};

	(void)state;
	assert_int_equal(sd_super_decode(&out, &d), -ENODATA);
	sd_super_encode(&in, &d);
	for (u32 i = 0; i <= 2; i += 2) {
		d.version = SD_VERSION - 1 + i;
		d.crc = crc32c(~0u, (u8 *)&d + 4, sizeof(d) - 4);
		assert_int_equal(sd_super_decode(&out, &d), -EOPNOTSUPP);
	}
}

static int decode(const struct sd_super *s)
{
	struct sd_super_disk d;
	struct sd_super out;

	sd_super_encode(s, &d);
	return sd_super_decode(&out, &d);
}

static void an_impossible_superblock_is_refused(void **state)
{
	static const struct {
		size_t at;
		u64 value;
		size_t size;
	} wrong[] = {
#define WRONG(f, v) { offsetof(struct sd_super, f), v, \
		      sizeof(((struct sd_super *)0)->f) }
		WRONG(nr_legs, 0), WRONG(nr_legs, 3), WRONG(nr_legs, 17),
		WRONG(leg, 4), WRONG(block_sectors, 100),
		WRONG(block_sectors, 0), WRONG(block_sectors, 4),
		WRONG(block_sectors, 1024), WRONG(epoch, 0),
		WRONG(disk_sectors, 0), WRONG(layout.nr_slots, 0),
		WRONG(layout.region_shift, 64), WRONG(layout.region_shift, 3),
		WRONG(layout.nr_regions, 0), WRONG(layout.nr_regions, 124),
#undef WRONG
	};
	struct sd_super s = sample_super();

	(void)state;
	assert_int_equal(decode(&s), 0);
	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++) {
		s = sample_super();
		memcpy((u8 *)&s + wrong[i].at, &wrong[i].value, wrong[i].size);
		assert_int_equal(decode(&s), -EBADMSG);
	}
	/* What would count as many regions as it says. */
	s = sample_super();
	s.layout.region_shift = 64;
	s.layout.nr_regions = s.layout.nr_slots;
	assert_int_equal(decode(&s), -EBADMSG);
	s.layout = (struct sd_layout){ 2048, .nr_slots = 0, 63, 2 };
	assert_int_equal(decode(&s), -EBADMSG);
	/* More regions than the map of intents has bits for. */
	s.layout = (struct sd_layout){
		.data_start = 2048,
		.nr_slots = SD_INTENT_MAX_BITS - SD_NR_SAMPLES,
		.nr_regions = SD_INTENT_MAX_BITS - SD_NR_SAMPLES,
	};
	assert_int_equal(decode(&s), 0);
	s.layout.nr_slots++;
	s.layout.nr_regions++;
	assert_int_equal(decode(&s), -EBADMSG);
}

static void an_ssd_too_small_for_one_block_has_no_layout(void **state)
{
	struct sd_layout l;
	u64 least = 1;

	(void)state;
	while (sd_layout_init(&l, least, 8, ~0ull))
		least++;
	assert_true(l.nr_slots && l.data_start + 8 * l.nr_slots <= least);
	for (u64 size = 0; size < least; size++)
		assert_int_equal(sd_layout_init(&l, size, 8, ~0ull), -ENOSPC);
	assert_int_equal(sd_layout_init(&l, 100000, 8, 0), -ENOSPC);
}

static void layouts_fit_and_do_not_move_when_the_disk_grows(void **state)
{
	static const u32 blocks[] = { 8, 16, 32, 64, 128, 256, 512 };
	struct sd_super s = sample_super();
	struct sd_layout a, b;
	u64 chunks;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(blocks); i++) {
		for (u64 size = 5000; size < 1ull << 36; size = size * 3 + 7) {
			if (sd_layout_init(&a, size, blocks[i], ~0ull))
				continue;
			assert_true(a.data_start + a.nr_slots * blocks[i] <=
				    size);
			chunks = DIV_ROUND_UP_ULL(a.nr_slots,
				sd_slots_per_chunk(blocks[i] / SD_PAGE_SECTORS));
			assert_true(a.data_start >= SD_UNIT_SECTOR +
				    chunks * SD_CHUNK_SECTORS);
			assert_true(a.nr_regions + SD_NR_SAMPLES <=
				    SD_INTENT_MAX_BITS);
			assert_int_equal(sd_layout_init(&b, size, blocks[i], 1),
					 0);
			assert_int_equal(a.data_start, b.data_start);
			assert_int_equal(a.region_shift, b.region_shift);
			s.block_sectors = blocks[i];
			s.layout = a;
			assert_int_equal(decode(&s), 0);
			s.layout = b;
			assert_int_equal(decode(&s), 0);
		}
	}
}

static void intents_survive_and_damage_is_seen(void **state)
{
	unsigned long in[BITS_TO_LONGS(SD_INTENT_MAX_BITS)] = {};
	unsigned long out[BITS_TO_LONGS(SD_INTENT_MAX_BITS)] = {};
	struct sd_intent_disk d;

	(void)state;
	for (u32 bit = 0; bit < SD_INTENT_MAX_BITS; bit = bit * 2 + 1)
		__set_bit(bit, in);
	for (u32 i = 0; i < SD_INTENT_SECTORS; i++) {
		sd_intent_encode(&d, 9, i, in);
		assert_int_equal(sd_intent_decode(&d, 8, i, out), -EBADMSG);
		assert_int_equal(sd_intent_decode(&d, 9, i + 1, out), -EBADMSG);
		assert_int_equal(sd_intent_decode(&d, 9, i, out), 0);
		d.bits[i] ^= 1;
		assert_int_equal(sd_intent_decode(&d, 9, i, out), -EBADMSG);
	}
	assert_memory_equal(in, out, sizeof(in));
}

static void a_unit_knows_its_place(void **state)
{
	struct sd_unit_disk d;

	(void)state;
	sd_unit_begin(&d, 5, 17, 6);
	sd_unit_seal(&d);
	assert_int_equal(sd_unit_check(&d, 5, 17, 6), 0);
	assert_int_equal(sd_unit_check(&d, 4, 17, 6), -EBADMSG);
	assert_int_equal(sd_unit_check(&d, 5, 18, 6), -EBADMSG);
	assert_int_equal(sd_unit_check(&d, 5, 17, 7), -EBADMSG);
	d.entries[300] ^= 4;
	assert_int_equal(sd_unit_check(&d, 5, 17, 6), -EBADMSG);
}

static void samples_are_on_the_disk(void **state)
{
	static const u64 sizes[] = { 1, 2, 19, 20, 21, 63, 64, 1000, 1ull << 40 };

	(void)state;
	for (u32 n = 0; n < ARRAY_SIZE(sizes); n++) {
		assert_int_equal(sd_sample_block(sizes[n], 0), 0);
		for (u32 i = 0; i < SD_NR_SAMPLES; i++)
			assert_true(sd_sample_block(sizes[n], i) < sizes[n]);
	}
}

static bool is_sampled(u64 nr_blocks, u64 first, u64 last)
{
	u64 at;

	for (u32 i = 0; i < SD_NR_SAMPLES; i++) {
		at = sd_sample_block(nr_blocks, i);
		if (first <= at && at <= last)
			return true;
	}
	return false;
}

/* There is what a mount changes; and what else changes may be anywhere. */
static void both_ends_of_a_disk_are_sampled_and_all_between(void **state)
{
	static const u64 sizes[] = { 1000, 16384, 1ull << 40 };

	(void)state;
	for (u32 n = 0; n < ARRAY_SIZE(sizes); n++) {
		u64 nr = sizes[n], part = nr / 20;

		for (u64 i = 0; i < 16; i++)
			assert_true(is_sampled(nr, i, i));
		for (u64 i = nr - 4; i < nr; i++)
			assert_true(is_sampled(nr, i, i));
		for (u64 i = 0; i + part <= nr; i += part)
			assert_true(is_sampled(nr, i, i + part - 1));
	}
}

/* As the superblock of ext4: 1 KiB at 1 KiB, with a CRC32C at its end. */
static void write_sealed(u8 *block, u8 what)
{
	u8 *sb = block + 1024;
	u32 crc;

	memset(sb, what, 1020);
	crc = crc32c(~0u, sb, 1020);
	memcpy(sb + 1020, &crc, sizeof(crc));
}

static void a_sum_sees_what_is_sealed_with_a_crc(void **state)
{
	static u64 words[2][65536 / sizeof(u64)];
	u8 *a = (u8 *)words[0], *b = (u8 *)words[1];

	(void)state;
	write_sealed(a, 1);
	write_sealed(b, 2);
	assert_int_equal(crc32c(~0u, a, 65536), crc32c(~0u, b, 65536));
	assert_int_not_equal(sd_sample_sum(a, 65536), sd_sample_sum(b, 65536));
}

static void a_sum_sees_any_bit(void **state)
{
	static u64 words[512];
	u32 was = sd_sample_sum(words, sizeof(words));

	(void)state;
	for (u32 bit = 0; bit < 64 * 512; bit += 7) {
		words[bit / 64] ^= 1ull << bit % 64;
		assert_int_not_equal(sd_sample_sum(words, sizeof(words)), was);
		words[bit / 64] ^= 1ull << bit % 64;
	}
	assert_int_not_equal(sd_sample_sum(words, sizeof(words) / 2), was);
}

static void a_page_sum_sees_a_page_of_before(void **state)
{
	static u64 words[2][SD_PAGE / sizeof(u64)];
	u8 *a = (u8 *)words[0], *b = (u8 *)words[1];

	(void)state;
	write_sealed(a, 1);
	write_sealed(b, 2);
	assert_int_equal(crc32c(~0u, a, SD_PAGE), crc32c(~0u, b, SD_PAGE));
	assert_int_not_equal(sd_page_sum(a), sd_page_sum(b));
}

static void a_page_sum_sees_any_bit(void **state)
{
	static u64 words[SD_PAGE / sizeof(u64)];
	u32 was = sd_page_sum(words);

	(void)state;
	for (u32 bit = 0; bit < 8 * SD_PAGE; bit++) {
		words[bit / 64] ^= 1ull << bit % 64;
		assert_int_not_equal(sd_page_sum(words), was);
		words[bit / 64] ^= 1ull << bit % 64;
	}
}

static void a_page_sum_is_the_same_in_pieces(void **state)
{
	static u64 words[SD_PAGE / sizeof(u64)];
	struct sd_sum sum;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(words); i++)
		words[i] = i * 0x9e3779b97f4a7c15ull;
	for (u32 cut = 0; cut <= SD_PAGE; cut++) {
		sum = SD_SUM_INIT;
		sd_sum_add(&sum, words, cut);
		sd_sum_add(&sum, (u8 *)words + cut, SD_PAGE - cut);
		assert_int_equal(sd_sum_end(&sum), sd_page_sum(words));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_superblock_survives),
		cmocka_unit_test(every_damaged_bit_is_seen),
		cmocka_unit_test(blank_and_of_another_version_are_told_apart),
		cmocka_unit_test(an_impossible_superblock_is_refused),
		cmocka_unit_test(an_ssd_too_small_for_one_block_has_no_layout),
		cmocka_unit_test(layouts_fit_and_do_not_move_when_the_disk_grows),
		cmocka_unit_test(intents_survive_and_damage_is_seen),
		cmocka_unit_test(a_unit_knows_its_place),
		cmocka_unit_test(samples_are_on_the_disk),
		cmocka_unit_test(both_ends_of_a_disk_are_sampled_and_all_between),
		cmocka_unit_test(a_sum_sees_what_is_sealed_with_a_crc),
		cmocka_unit_test(a_sum_sees_any_bit),
		cmocka_unit_test(a_page_sum_sees_a_page_of_before),
		cmocka_unit_test(a_page_sum_sees_any_bit),
		cmocka_unit_test(a_page_sum_is_the_same_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
