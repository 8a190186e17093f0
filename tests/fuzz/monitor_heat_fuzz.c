// SPDX-License-Identifier: Apache-2.0
/*
 * Files of heat.  The checksum is made right, so that what is behind it is
 * reached: whatever passes the check is walked and converted within bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "monitor/heat_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const uint8_t *image, size_t size, uint32_t from_size,
		 uint32_t to_size)
{
	uint8_t heat[SUPERDISK_HEAT_RUN];
	struct heat_run run, piece;
	uint32_t done;
	size_t at = 0;

	while (heat_file_next(image, size, &at, &run)) {
		done = 0;
		while (heat_run_convert(&run, from_size, to_size, &done, heat,
					&piece))
			check(piece.nr <= SUPERDISK_HEAT_RUN);
		check(done == run.nr);
	}
	check(at == size || at == 0 || !size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct superdisk_heat_file *head;
	uint32_t block_size;
	uint8_t *image;

	if (size < sizeof(*head))
		return 0;
	image = malloc(size);
	check(image);
	memcpy(image, data, size);
	head = (struct superdisk_heat_file *)image;
	head->crc = 0;
	head->crc = crc32c(0, image, size);
	if (!heat_file_check(image, size, &block_size)) {
		walk(image, size, block_size, 4096);
		walk(image, size, block_size, block_size);
		walk(image, size, block_size, 262144);
	}
	free(image);
	return 0;
}
