// SPDX-License-Identifier: Apache-2.0
#include "monitor/heat_file.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/crc32c.h"

#define ALIGN 8u
#define BLOCK_SIZE_MIN 4096u
#define BLOCK_SIZE_MAX (256u << 10)

static size_t padded(uint32_t nr)
{
	return (nr + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void heat_file_begin(struct buf *image, uint32_t block_size)
{
	struct superdisk_heat_file head = {
		.version = htole32(SUPERDISK_HEAT_VERSION),
		.block_size = htole32(block_size),
	};

	memcpy(head.magic, SUPERDISK_HEAT_MAGIC, sizeof(head.magic));
	buf_append(image, &head, sizeof(head));
}

void heat_file_add(struct buf *image, const struct heat_run *run)
{
	struct superdisk_heat_file *head = (void *)image->data;
	static const uint8_t zero[ALIGN];
	struct superdisk_heat_run r = {
		.first = htole64(run->first),
		.nr = htole32(run->nr),
	};

	if (image->err)
		return;
	head->nr_runs = htole32(le32toh(head->nr_runs) + 1);
	head->nr_blocks = htole64(run->first + run->nr);
	buf_append(image, &r, sizeof(r));
	buf_append(image, run->heat, run->nr);
	buf_append(image, zero, padded(run->nr) - run->nr);
}

/* Of the whole file, its own field being 0. */
static uint32_t checksum(const void *image, size_t size)
{
	struct superdisk_heat_file head;

	memcpy(&head, image, sizeof(head));
	head.crc = 0;
	return crc32c(crc32c(0, &head, sizeof(head)),
		      (const char *)image + sizeof(head), size - sizeof(head));
}

int heat_file_end(struct buf *image)
{
	struct superdisk_heat_file *head = (void *)image->data;

	if (!image->err)
		head->crc = htole32(checksum(image->data, image->len));
	return image->err;
}

/* Bytes of the run at @at, 0 if it is not right. */
static size_t run_size(const char *image, size_t size, size_t at,
		       struct superdisk_heat_run *run)
{
	uint32_t nr;

	if (size - at < sizeof(*run))
		return 0;
	memcpy(run, image + at, sizeof(*run));
	nr = le32toh(run->nr);
	if (!nr || nr > SUPERDISK_HEAT_RUN || run->zero ||
	    size - at - sizeof(*run) < padded(nr))
		return 0;
	return sizeof(*run) + padded(nr);
}

static int check_runs(const char *image, size_t size,
		      const struct superdisk_heat_file *head)
{
	uint64_t free_from = 0, blocks = le64toh(head->nr_blocks);
	struct superdisk_heat_run run;
	size_t at = sizeof(*head), step;

	for (uint32_t i = 0; i < le32toh(head->nr_runs); i++, at += step) {
		uint64_t first;

		step = run_size(image, size, at, &run);
		first = le64toh(run.first);
		if (!step || first < free_from || first > blocks ||
		    blocks - first < le32toh(run.nr))
			return -EBADMSG;
		free_from = first + le32toh(run.nr);
	}
	return at == size ? 0 : -EBADMSG;
}

int heat_file_check(const void *image, size_t size, uint32_t *ret_block_size)
{
	struct superdisk_heat_file head;
	uint32_t block_size;
	int err;

	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, image, sizeof(head));
	if (memcmp(head.magic, SUPERDISK_HEAT_MAGIC, sizeof(head.magic)))
		return -EBADMSG;
	if (le32toh(head.version) != SUPERDISK_HEAT_VERSION)
		return -EOPNOTSUPP;
	block_size = le32toh(head.block_size);
	if (le32toh(head.crc) != checksum(image, size) ||
	    block_size < BLOCK_SIZE_MIN || block_size > BLOCK_SIZE_MAX ||
	    block_size & (block_size - 1) ||
	    le64toh(head.nr_blocks) > UINT64_MAX / block_size)
		return -EBADMSG;
	err = check_runs(image, size, &head);
	if (!err)
		*ret_block_size = block_size;
	return err;
}

int heat_file_next(const void *image, size_t size, size_t *at,
		   struct heat_run *ret_run)
{
	const char *bytes = image;
	struct superdisk_heat_run run;
	size_t step;

	if (!*at)
		*at = sizeof(struct superdisk_heat_file);
	step = run_size(bytes, size, *at, &run);
	if (!step)
		return 0;
	ret_run->first = le64toh(run.first);
	ret_run->nr = le32toh(run.nr);
	ret_run->heat = (const uint8_t *)bytes + *at + sizeof(run);
	*at += step;
	return 1;
}

/* One old block makes several new ones. */
static uint32_t spread(const struct heat_run *run, uint32_t factor,
		       uint32_t *done, uint8_t *heat)
{
	uint32_t nr = 0;

	for (; *done < run->nr && nr + factor <= SUPERDISK_HEAT_RUN;
	     ++*done, nr += factor)
		memset(heat + nr, run->heat[*done], factor);
	return nr;
}

/* Several old blocks make one new one. */
static uint32_t gather(const struct heat_run *run, uint32_t factor,
		       uint32_t *done, uint8_t *heat)
{
	uint64_t base = (run->first + *done) / factor;
	uint32_t nr = 0;

	for (; *done < run->nr; ++*done) {
		uint64_t at = (run->first + *done) / factor - base;

		if (at == nr)
			heat[nr++] = 0;
		if (run->heat[*done] > heat[at])
			heat[at] = run->heat[*done];
	}
	return nr;
}

int heat_run_convert(const struct heat_run *run, uint32_t from_size,
		     uint32_t to_size, uint32_t *done,
		     uint8_t heat[SUPERDISK_HEAT_RUN],
		     struct heat_run *ret_piece)
{
	uint64_t first = run->first + *done;
	uint32_t factor;

	if (from_size >= to_size) {
		factor = from_size / to_size;
		ret_piece->first = first * factor;
		ret_piece->nr = spread(run, factor, done, heat);
	} else {
		factor = to_size / from_size;
		ret_piece->first = first / factor;
		ret_piece->nr = gather(run, factor, done, heat);
	}
	ret_piece->heat = heat;
	return ret_piece->nr > 0;
}
