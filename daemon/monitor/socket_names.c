// SPDX-License-Identifier: Apache-2.0
#include "monitor/socket_names.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct named {
	uint64_t cookie;	/* 0: free */
	char name[SOCKET_NAME_SIZE];
};

struct socket_names {
	struct hmap index;	/* cookie to place in the ring */
	uint32_t next;		/* place that is taken next */
	struct named ring[SOCKET_NAMES_MAX];
};

int socket_names_new(struct socket_names **ret_names)
{
	*ret_names = mem_zalloc(sizeof(struct socket_names));
	return *ret_names ? 0 : -ENOMEM;
}

void socket_names_free(struct socket_names *names)
{
	if (!names)
		return;
	hmap_fini(&names->index);
	mem_free(names);
}

static int check_name(const char *name)
{
	if (strlen(name) >= SOCKET_NAME_SIZE)
		return -EINVAL;
	for (; *name; name++)
		if (*name <= ' ' || *name > '~')
			return -EINVAL;
	return 0;
}

int socket_names_set(struct socket_names *names, uint64_t cookie,
		     const char *name)
{
	struct named *place;
	uint64_t at;
	int err = cookie ? check_name(name) : -EINVAL;

	if (err)
		return err;
	if (!hmap_get(&names->index, cookie, &at)) {
		if (!*name)
			return 0;
		at = names->next;
		err = hmap_set(&names->index, cookie, at);
		if (err)
			return err;
		names->next = (names->next + 1) % SOCKET_NAMES_MAX;
		if (names->ring[at].cookie)
			hmap_del(&names->index, names->ring[at].cookie);
	}
	place = &names->ring[at];
	place->cookie = *name ? cookie : 0;
	strcpy(place->name, name);
	if (!*name)
		hmap_del(&names->index, cookie);
	return 0;
}

const char *socket_names_get(const struct socket_names *names, uint64_t cookie)
{
	uint64_t at;

	return hmap_get(&names->index, cookie, &at) ? names->ring[at].name :
						      "";
}
