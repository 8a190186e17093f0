// SPDX-License-Identifier: GPL-2.0-only
/* Encoding and decoding of the metadata on an SSD.  Pure core. */
#include "format.h"

#ifdef __KERNEL__
#include <linux/hash.h>
#endif

static const u8 magic[16] = "dm-superdisk\r\n\032";

static __le32 sector_crc(const void *sector)
{
	return cpu_to_le32(crc32c(~0u, (const u8 *)sector + sizeof(__le32),
				  SD_SECTOR - sizeof(__le32)));
}

/*
 * Everything but the number of slots follows from the SSD alone, so that a
 * disk that grows finds its slots where they were.
 */
int sd_layout_init(struct sd_layout *l, u64 ssd_sectors, u32 block_sectors,
		   u64 max_slots)
{
	u32 per_chunk = sd_slots_per_chunk(block_sectors / SD_PAGE_SECTORS);
	u64 room, chunks;

	if (ssd_sectors <= SD_UNIT_SECTOR + SD_DATA_ALIGN_SECTORS)
		return -ENOSPC;
	/* The gap before the data is given away before dividing. */
	room = ssd_sectors - SD_UNIT_SECTOR - SD_DATA_ALIGN_SECTORS;
	chunks = div_u64(room, per_chunk * block_sectors + SD_CHUNK_SECTORS);
	if (!chunks || !max_slots)
		return -ENOSPC;
	*l = (struct sd_layout) {
		.data_start = round_up(SD_UNIT_SECTOR +
				       chunks * SD_CHUNK_SECTORS,
				       (u64)SD_DATA_ALIGN_SECTORS),
		.nr_slots = min(chunks * per_chunk, max_slots),
	};
	/* Regions of 1 MiB, more if the map would not hold them. */
	l->region_shift = ilog2(max(1u, SD_DATA_ALIGN_SECTORS / block_sectors));
	while (((chunks * per_chunk - 1) >> l->region_shift) + 1 >
	       SD_INTENT_MAX_BITS - SD_NR_SAMPLES)
		l->region_shift++;
	l->nr_regions = ((l->nr_slots - 1) >> l->region_shift) + 1;
	return 0;
}

void sd_super_encode(const struct sd_super *s, struct sd_super_disk *d)
{
	u32 i;

	*d = (struct sd_super_disk) {
		.version = cpu_to_le32(SD_VERSION),
		.epoch = cpu_to_le64(s->epoch),
		.generation = cpu_to_le64(s->generation),
		.disk_sectors = cpu_to_le64(s->disk_sectors),
		.nr_slots = cpu_to_le64(s->layout.nr_slots),
		.data_start = cpu_to_le64(s->layout.data_start),
		.block_sectors = cpu_to_le32(s->block_sectors),
		.nr_legs = cpu_to_le32(s->nr_legs),
		.leg = cpu_to_le32(s->leg),
		.mode = cpu_to_le32(s->mode),
		.state = cpu_to_le32(s->state),
		.verify = cpu_to_le32(s->verify),
		.region_shift = cpu_to_le32(s->layout.region_shift),
		.nr_regions = cpu_to_le32(s->layout.nr_regions),
	};
	memcpy(d->magic, magic, sizeof(magic));
	memcpy(d->set_uuid, s->set_uuid, sizeof(d->set_uuid));
	for (i = 0; i < SD_MAX_LEGS; i++)
		d->roster[i] = cpu_to_le64(s->roster[i]);
	for (i = 0; i < SD_NR_SAMPLES; i++)
		d->sample[i] = cpu_to_le32(s->sample[i]);
	d->crc = sector_crc(d);
}

static int super_sane(const struct sd_super *s)
{
	const struct sd_layout *l = &s->layout;

	if (!s->nr_legs || s->nr_legs > SD_MAX_LEGS || s->leg >= s->nr_legs)
		return -EBADMSG;
	if (!is_power_of_2(s->block_sectors) ||
	    s->block_sectors < SD_MIN_BLOCK_SECTORS ||
	    s->block_sectors > SD_MAX_BLOCK_SECTORS)
		return -EBADMSG;
	if (!s->epoch || !s->disk_sectors || !l->nr_slots ||
	    l->region_shift > 63 ||
	    l->nr_regions != ((l->nr_slots - 1) >> l->region_shift) + 1 ||
	    l->nr_regions > SD_INTENT_MAX_BITS - SD_NR_SAMPLES)
		return -EBADMSG;
	return 0;
}

int sd_super_decode(struct sd_super *s, const struct sd_super_disk *d)
{
	u32 i;

	if (memcmp(d->magic, magic, sizeof(magic)))
		return -ENODATA;
	if (d->crc != sector_crc(d))
		return -EBADMSG;
	if (le32_to_cpu(d->version) != SD_VERSION)
		return -EOPNOTSUPP;
	*s = (struct sd_super) {
		.epoch = le64_to_cpu(d->epoch),
		.generation = le64_to_cpu(d->generation),
		.disk_sectors = le64_to_cpu(d->disk_sectors),
		.layout.nr_slots = le64_to_cpu(d->nr_slots),
		.layout.data_start = le64_to_cpu(d->data_start),
		.layout.region_shift = le32_to_cpu(d->region_shift),
		.layout.nr_regions = le32_to_cpu(d->nr_regions),
		.block_sectors = le32_to_cpu(d->block_sectors),
		.nr_legs = le32_to_cpu(d->nr_legs),
		.leg = le32_to_cpu(d->leg),
		.mode = le32_to_cpu(d->mode),
		.state = le32_to_cpu(d->state),
		.verify = le32_to_cpu(d->verify),
	};
	memcpy(s->set_uuid, d->set_uuid, sizeof(s->set_uuid));
	for (i = 0; i < SD_MAX_LEGS; i++)
		s->roster[i] = le64_to_cpu(d->roster[i]);
	for (i = 0; i < SD_NR_SAMPLES; i++)
		s->sample[i] = le32_to_cpu(d->sample[i]);
	return super_sane(s);
}

void sd_intent_encode(struct sd_intent_disk *d, u64 epoch, u32 index,
		      const unsigned long *bits)
{
	u32 i, base = index * SD_INTENT_BITS_PER_SECTOR;

	*d = (struct sd_intent_disk) {
		.index = cpu_to_le32(index),
		.epoch = cpu_to_le64(epoch),
	};
	for (i = 0; i < sizeof(d->bits); i++)
		d->bits[i] = bits[(base + i * 8) / BITS_PER_LONG] >>
			     ((base + i * 8) % BITS_PER_LONG);
	d->crc = sector_crc(d);
}

int sd_intent_decode(const struct sd_intent_disk *d, u64 epoch, u32 index,
		     unsigned long *bits)
{
	u32 i, base = index * SD_INTENT_BITS_PER_SECTOR;

	if (d->crc != sector_crc(d) || le64_to_cpu(d->epoch) != epoch ||
	    le32_to_cpu(d->index) != index)
		return -EBADMSG;
	for (i = 0; i < SD_INTENT_BITS_PER_SECTOR; i++)
		if (d->bits[i / 8] >> (i % 8) & 1)
			__set_bit(base + i, bits);
	return 0;
}

void sd_unit_begin(struct sd_unit_disk *d, u64 epoch, u64 index, u32 entries)
{
	*d = (struct sd_unit_disk) {
		.nr_entries = cpu_to_le32(entries),
		.epoch = cpu_to_le64(epoch),
		.index = cpu_to_le64(index),
	};
}

void sd_unit_seal(struct sd_unit_disk *d)
{
	d->crc = sector_crc(d);
}

int sd_unit_check(const struct sd_unit_disk *d, u64 epoch, u64 index,
		  u32 entries)
{
	if (d->crc != sector_crc(d) || le64_to_cpu(d->epoch) != epoch ||
	    le64_to_cpu(d->index) != index ||
	    le32_to_cpu(d->nr_entries) != entries)
		return -EBADMSG;
	return 0;
}

/*
 * The first blocks hold what a mount changes (superblocks and descriptors of
 * ext4, xfs, btrfs, partition tables), the last ones backup tables; the others
 * are spread evenly but irregularly.
 */
u64 sd_sample_block(u64 nr_blocks, u32 i)
{
	const u32 head = 16, tail = 4;
	u64 at, span;

	if (i < head) {
		at = i;
	} else if (i < head + tail) {
		at = nr_blocks - 1 - min(nr_blocks - 1, (u64)(i - head));
	} else {
		span = div_u64(nr_blocks, SD_NR_SAMPLES - head - tail) + 1;
		at = (i - head - tail) * span +
		     div_u64(hash_64(i, 32) * (span & 0xffffffff), 1u << 31) / 2;
	}
	return min(at, nr_blocks - 1);
}

#define SUM_FACTOR	0x9e3779b97f4a7c15ull

static u64 mix(u64 sum, u64 word)
{
	sum = (sum ^ word) * SUM_FACTOR;
	return sum ^ sum >> 32;
}

/* Each step is one to one: a word that differs is lost to the last one alone. */
u32 sd_sample_sum(const void *buf, u32 bytes)
{
	const __le64 *word = buf;
	u64 sum = bytes;
	u32 i;

	for (i = 0; i < bytes / sizeof(*word); i++)
		sum = mix(sum, le64_to_cpu(word[i]));
	return (sum * SUM_FACTOR) >> 32;
}

#define SEALED	1024u		/* the least that a file system seals */

/* From `at` on, the next byte of the last word of a KiB. */
static u32 next_last(u32 at)
{
	return max(at, at - at % SEALED + SEALED - (u32)sizeof(__le32));
}

void sd_sum_add(struct sd_sum *sum, const void *bytes, u32 len)
{
	u32 at, start = sum->at, end = start + len;
	const u8 *p = bytes;
	__le32 word;

	sum->crc = crc32c(sum->crc, bytes, len);
	for (at = next_last(start); at < end; at = next_last(at + 1)) {
		if (at % sizeof(word) == 0 && end - at >= sizeof(word)) {
			memcpy(&word, p + at - start, sizeof(word));
			sum->word = le32_to_cpu(word);
			at += sizeof(word) - 1;
		} else {
			sum->word = sum->word >> 8 | (u32)p[at - start] << 24;
		}
		if ((at + 1) % SEALED == 0)
			sum->mix = mix(sum->mix, sum->word);
	}
	sum->at = end;
}

u32 sd_sum_end(const struct sd_sum *sum)
{
	return sum->crc ^ (u32)sum->mix;
}

/* The same, without the pieces: a hit waits for it. */
u32 sd_page_sum(const void *page)
{
	const __le32 *word = page;
	const u32 step = SEALED / sizeof(*word);
	u64 sum = 0;
	u32 i;

	for (i = step - 1; i < SD_PAGE / sizeof(*word); i += step)
		sum = mix(sum, le32_to_cpu(word[i]));
	return crc32c(~0u, page, SD_PAGE) ^ (u32)sum;
}
