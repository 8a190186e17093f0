// SPDX-License-Identifier: Apache-2.0
/*
 * lines: asks device-mapper for the lines of a device with too little room.
 *
 *	lines status|table NAME
 *
 * Whatever room there is: what is said of the device is whole, or not said, and
 * dm told that it wants more.  Nothing may change meanwhile.  The exit status is
 * 1 if a line is cut and passed off as whole, 2 for trouble of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/dm-ioctl.h>

#define ROOM_MAX 65536u

union answer {
	struct dm_ioctl head;
	char bytes[sizeof(struct dm_ioctl) + ROOM_MAX];
};

static int control;

/* 0, or -EMSGSIZE if there was not enough room. */
static int ask(const char *name, uint32_t flags, uint32_t room,
	       union answer *ret)
{
	/* What has not been written is not a line's end. */
	memset(ret, '?', sizeof(*ret));
	memset(&ret->head, 0, sizeof(ret->head));
	ret->head.version[0] = DM_VERSION_MAJOR;
	ret->head.flags = flags;
	ret->head.data_start = sizeof(ret->head);
	ret->head.data_size = (uint32_t)sizeof(ret->head) + room;
	strncpy(ret->head.name, name, sizeof(ret->head.name) - 1);
	if (ioctl(control, DM_TABLE_STATUS, &ret->head))
		return -errno;
	return ret->head.flags & DM_BUFFER_FULL_FLAG ? -EMSGSIZE : 0;
}

/* Where a target is described, and the next one. */
static const struct dm_target_spec *spec(const union answer *a, uint32_t at)
{
	return (const void *)(a->bytes + a->head.data_start + at);
}

/* Do they say the same of each target? */
static bool same(const union answer *a, const union answer *b)
{
	uint32_t at_a = 0, at_b = 0;

	if (a->head.target_count != b->head.target_count)
		return false;
	for (uint32_t i = 0; i < a->head.target_count; i++) {
		const struct dm_target_spec *x = spec(a, at_a);
		const struct dm_target_spec *y = spec(b, at_b);

		if (x->sector_start != y->sector_start ||
		    x->length != y->length ||
		    strcmp((const char *)(x + 1), (const char *)(y + 1)))
			return false;
		at_a = x->next;
		at_b = y->next;
	}
	return true;
}

static int try_all(const char *name, uint32_t flags)
{
	static union answer whole, got;
	uint32_t refused = 0, room;
	int err = ask(name, flags, ROOM_MAX, &whole);

	for (room = 0; !err && room < ROOM_MAX; room++) {
		err = ask(name, flags, room, &got);
		if (!err && same(&whole, &got))
			break;
		if (!err) {
			printf("cut with room for %u bytes: %s\n", room,
			       (const char *)(spec(&got, 0) + 1));
			return 1;
		}
		if (err == -EMSGSIZE)
			err = 0;
		refused++;
	}
	if (err || !refused || room == ROOM_MAX) {
		printf("%s, %u refused\n", strerror(-err), refused);
		return 2;
	}
	printf("whole with room for %u bytes\n", room);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3 || (strcmp(argv[1], "status") && strcmp(argv[1], "table"))) {
		fprintf(stderr, "usage: lines status|table NAME\n");
		return 2;
	}
	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0) {
		perror("/dev/mapper/control");
		return 2;
	}
	return try_all(argv[2], *argv[1] == 't' ? DM_STATUS_TABLE_FLAG : 0);
}
