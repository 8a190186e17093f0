// SPDX-License-Identifier: Apache-2.0
#include "data/read_format.h"

#include <errno.h>
#include <string.h>

#include "base/crc32c.h"

#define MAGIC 0x54534452u	/* "RDST" */
/* What comes before the bytes that the checksum covers. */
#define UNCOVERED (2 * sizeof(uint32_t))

static uint32_t sum(const void *data, uint32_t size)
{
	return crc32c(0, (const uint8_t *)data + UNCOVERED, size - UNCOVERED);
}

void read_seal(void *data, enum read_kind kind, uint64_t seq, uint64_t place,
	       uint32_t size)
{
	struct read_head head = {
		.magic = MAGIC, .seq = seq, .place = place, .size = size,
		.kind = (uint16_t)kind, .version = READ_VERSION,
	};

	memset((uint8_t *)data + size, 0,
	       read_blocks(size) * READ_BLOCK - size);
	memcpy(data, &head, sizeof(head));
	head.crc = sum(data, size);
	memcpy(data, &head, sizeof(head));
}

bool read_is_head(const struct read_head *head)
{
	return head->magic == MAGIC && head->size >= sizeof(*head);
}

int read_unseal(const void *data, size_t room, struct read_head *ret_head)
{
	struct read_head head;

	if (room < sizeof(head))
		return -EPROTO;
	memcpy(&head, data, sizeof(head));
	if (!read_is_head(&head) || head.size > room)
		return -EPROTO;
	if (head.crc != sum(data, head.size))
		return -EPROTO;
	if (head.version < READ_VERSION_MIN || head.version > READ_VERSION)
		return -ENOTSUP;
	*ret_head = head;
	return 0;
}
