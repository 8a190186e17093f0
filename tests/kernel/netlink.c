// SPDX-License-Identifier: Apache-2.0
/*
 * netlink: speaks to the module's netlink family as nobody should.
 *
 *	netlink refused DEV		as nobody: changes are refused, looks are not
 *	netlink namespaced DEV		likewise as who is root, but in namespaces of
 *					users and networks of his own
 *	netlink replace DEV N PATH	with CAP_NET_ADMIN alone: the SSD at N
 *	netlink policy DEV		as root: attributes that do not fit are refused
 *	netlink random DEV SEED COUNT	as root: so many requests at random
 *	netlink uevents			says what the kernel tells udev of them
 *
 * DEV is a Super-Disk.  The exit status is 1 if something was taken that should
 * not be, 2 for trouble of its own.
 */
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "superdisk.h"

#define NOBODY 65534
#define MESSAGE_MAX 16384

struct message {
	union {
		struct nlmsghdr head;
		char bytes[MESSAGE_MAX];
	};
};

static int sock;
static uint16_t family;

static void begin(struct message *m, uint16_t type, uint8_t cmd, uint16_t flags)
{
	struct genlmsghdr *generic = (void *)(m->bytes + NLMSG_HDRLEN);

	memset(m, 0, NLMSG_HDRLEN + GENL_HDRLEN);
	m->head.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN;
	m->head.nlmsg_type = type;
	m->head.nlmsg_flags = NLM_F_REQUEST | flags;
	generic->cmd = cmd;
	generic->version = 1;
}

static void put(struct message *m, uint16_t type, const void *data, size_t size)
{
	struct nlattr *a = (void *)(m->bytes + NLMSG_ALIGN(m->head.nlmsg_len));

	if ((char *)a + NLA_HDRLEN + NLA_ALIGN(size) > m->bytes + MESSAGE_MAX)
		return;
	memset(a, 0, NLA_HDRLEN + NLA_ALIGN(size));
	a->nla_type = type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + size);
	memcpy((char *)a + NLA_HDRLEN, data, size);
	m->head.nlmsg_len = NLMSG_ALIGN(m->head.nlmsg_len) + NLA_HDRLEN +
			    NLA_ALIGN(size);
}

static void put_u32(struct message *m, uint16_t type, uint32_t value)
{
	put(m, type, &value, sizeof(value));
}

static void put_u64(struct message *m, uint16_t type, uint64_t value)
{
	put(m, type, &value, sizeof(value));
}

/* Sends, and reads to the end of the answer: 0 or what the kernel says. */
static int ask(const struct message *m)
{
	static char answer[65536];
	struct nlmsghdr *h;

	if (send(sock, m->bytes, m->head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(sock, answer, sizeof(answer), 0);

		if (n < 0)
			return -errno;
		for (h = (void *)answer; NLMSG_OK(h, (size_t)n);
		     h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_ERROR ||
			    h->nlmsg_type == NLMSG_DONE)
				return *(int *)NLMSG_DATA(h);
		}
	}
}

/* What is asked is answered, sooner or later: no socket waits for ever. */
static int open_socket(void)
{
	struct timeval patience = { .tv_sec = 20 };

	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (sock < 0)
		return -errno;
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return 0;
}

static int find_family(void)
{
	struct message m;
	char answer[4096];
	struct nlattr *a;
	ssize_t n;

	begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
	put(&m, CTRL_ATTR_FAMILY_NAME, SUPERDISK_GENL_NAME,
	    sizeof(SUPERDISK_GENL_NAME));
	if (send(sock, m.bytes, m.head.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(sock, answer, sizeof(answer), 0);
	if (n < (ssize_t)(NLMSG_HDRLEN + GENL_HDRLEN) ||
	    ((struct nlmsghdr *)answer)->nlmsg_type == NLMSG_ERROR)
		return -ENOENT;
	for (a = (void *)(answer + NLMSG_HDRLEN + GENL_HDRLEN);
	     (char *)a < answer + n;
	     a = (void *)((char *)a + NLA_ALIGN(a->nla_len)))
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&family, (char *)a + NLA_HDRLEN, sizeof(family));
	return family ? 0 : -ENOENT;
}

/* A right request, but for what the caller adds. */
static void begin_right(struct message *m, uint8_t cmd, uint32_t dev)
{
	static const uint8_t heat[4] = { 1, 2, 3, 4 };
	bool dump = cmd == SUPERDISK_CMD_DEV_GET ||
		    cmd == SUPERDISK_CMD_LEG_GET || cmd == SUPERDISK_CMD_HEAT_GET;

	begin(m, family, cmd, dump ? NLM_F_DUMP : NLM_F_ACK);
	put_u32(m, SUPERDISK_ATTR_DEV, dev);
	if (cmd == SUPERDISK_CMD_WARM) {
		put_u32(m, SUPERDISK_ATTR_RATE, 0);
	} else if (cmd == SUPERDISK_CMD_HEAT_SET) {
		put_u32(m, SUPERDISK_ATTR_BLOCK_SIZE, 65536);
		put_u64(m, SUPERDISK_ATTR_HEAT_BLOCK, 0);
		put(m, SUPERDISK_ATTR_HEAT, heat, sizeof(heat));
	} else if (!dump) {
		put_u32(m, SUPERDISK_ATTR_LEG, 0);
	}
	if (cmd == SUPERDISK_CMD_LEG_ADD || cmd == SUPERDISK_CMD_LEG_REPLACE)
		put(m, SUPERDISK_ATTR_DEV_PATH, "/dev/none", 10);
}

static int complain(const char *what, unsigned int which, int got)
{
	printf("%s %u: %s\n", what, which, got ? strerror(-got) : "taken");
	return 1;
}

static bool become_nobody(void)
{
	return !setgroups(0, NULL) && !setgid(NOBODY) && !setuid(NOBODY);
}

static int refused(uint32_t dev)
{
	struct message m;
	int wrong = 0, err;

	for (uint8_t cmd = 1; cmd <= SUPERDISK_CMD_MAX; cmd++) {
		bool look = cmd == SUPERDISK_CMD_DEV_GET ||
			    cmd == SUPERDISK_CMD_LEG_GET;

		if (cmd == SUPERDISK_CMD_EVENT)
			continue;
		begin_right(&m, cmd, dev);
		err = ask(&m);
		if (err != (look ? 0 : -EPERM))
			wrong |= complain("command", cmd, err);
	}
	return wrong;
}

/* All that superdiskd keeps. */
static int keep_net_admin(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1u << CAP_NET_ADMIN,
		  .permitted = 1u << CAP_NET_ADMIN },
	};

	return syscall(SYS_capset, &head, data) ? -errno : 0;
}

static int replace(uint32_t dev, uint32_t leg, const char *path)
{
	struct message m;
	int err;

	if (keep_net_admin())
		return 2;
	begin(&m, family, SUPERDISK_CMD_LEG_REPLACE, NLM_F_ACK);
	put_u32(&m, SUPERDISK_ATTR_DEV, dev);
	put_u32(&m, SUPERDISK_ATTR_LEG, leg);
	put(&m, SUPERDISK_ATTR_DEV_PATH, path, strlen(path) + 1);
	err = ask(&m);
	if (!err || err == -EPERM)
		return err == -EPERM;
	printf("%s\n", strerror(-err));
	return 2;
}

/* By the old socket, and by one of the new namespace, which reaches nothing. */
static int namespaced(uint32_t dev)
{
	int wrong;

	if (!become_nobody() || unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return 2;
	wrong = refused(dev);
	close(sock);
	if (open_socket())
		return 2;
	if (find_family())
		return wrong;
	printf("the family is seen\n");
	return wrong | refused(dev);
}

static bool accepted(uint16_t attr)
{
	switch (attr) {
	case SUPERDISK_ATTR_DEV:
	case SUPERDISK_ATTR_BEGIN:
	case SUPERDISK_ATTR_LEG:
	case SUPERDISK_ATTR_DEV_PATH:
	case SUPERDISK_ATTR_RATE:
	case SUPERDISK_ATTR_BLOCK_SIZE:
	case SUPERDISK_ATTR_HEAT_BLOCK:
	case SUPERDISK_ATTR_HEAT:
		return true;
	default:
		return false;
	}
}

/* A request that is right but for one attribute is refused for it. */
static int policy(uint32_t dev)
{
	static const char bytes[SUPERDISK_MAX_LEGS * 1024];
	struct message m;
	int wrong = 0, err;

	for (uint16_t attr = 1; attr <= SUPERDISK_ATTR_MAX + 3; attr++) {
		for (size_t size = 0; size <= 8; size++) {
			if (accepted(attr) && size != 3)
				continue;	/* one that never fits */
			if (attr == SUPERDISK_ATTR_PAD ||
			    attr == SUPERDISK_ATTR_HEAT ||
			    attr == SUPERDISK_ATTR_DEV_PATH)
				continue;
			begin_right(&m, SUPERDISK_CMD_WARM, dev);
			put(&m, attr, bytes, size);
			err = ask(&m);
			if (!err)
				wrong |= complain("attribute", attr, err);
		}
	}
	begin_right(&m, SUPERDISK_CMD_HEAT_SET, dev);
	put(&m, SUPERDISK_ATTR_HEAT, bytes, 4097);
	if (!ask(&m))
		wrong |= complain("too much heat", 4097, 0);
	begin_right(&m, SUPERDISK_CMD_LEG_BYPASS, dev);
	put_u32(&m, SUPERDISK_ATTR_LEG, SUPERDISK_MAX_LEGS);
	if (!ask(&m))
		wrong |= complain("position", SUPERDISK_MAX_LEGS, 0);
	begin_right(&m, SUPERDISK_CMD_LEG_REPLACE, dev);
	put(&m, SUPERDISK_ATTR_DEV_PATH, "unterminated", 12);
	if (!ask(&m))
		wrong |= complain("path without an end", 0, 0);
	return wrong;
}

static uint64_t random_state;

static uint32_t rnd(uint32_t n)
{
	random_state = random_state * 6364136223846793005u +
		       1442695040888963407u;
	return (uint32_t)(random_state >> 33) % n;
}

static void put_random(struct message *m, uint32_t dev)
{
	uint8_t bytes[4096];
	uint32_t size = rnd(8) ? rnd(9) : rnd(sizeof(bytes));

	for (uint32_t i = 0; i < size; i++)
		bytes[i] = rnd(3) ? 0 : (uint8_t)rnd(256);
	switch (rnd(4)) {
	case 0:
		put_u32(m, SUPERDISK_ATTR_DEV, dev);
		break;
	case 1:
		put_u32(m, SUPERDISK_ATTR_LEG, rnd(18));
		break;
	default:
		put(m, (uint16_t)rnd(SUPERDISK_ATTR_MAX + 4), bytes, size);
	}
}

/* The answers do not matter: that there are any does. */
static int random_requests(uint32_t dev, uint64_t seed, uint32_t count)
{
	struct message m;

	random_state = seed;
	printf("seed %llu\n", (unsigned long long)seed);
	while (count--) {
		uint8_t cmd = (uint8_t)rnd(SUPERDISK_CMD_MAX + 3);

		if (rnd(2)) {
			begin_right(&m, cmd, dev);
		} else {
			begin(&m, family, cmd, NLM_F_ACK |
			      (rnd(2) ? NLM_F_DUMP : 0));
			put_u32(&m, SUPERDISK_ATTR_DEV, dev);
		}
		for (uint32_t n = rnd(6); n; n--)
			put_random(&m, dev);
		if (!rnd(20))
			m.head.nlmsg_len -= rnd(4);
		ask(&m);
	}
	return 0;
}

/* The value of a key in a uevent: strings, each with its end. */
static const char *value_of(const char *event, size_t size, const char *key)
{
	size_t length = strlen(key);

	for (const char *at = event; at < event + size; at += strlen(at) + 1)
		if (!strncmp(at, key, length) && at[length] == '=')
			return at + length + 1;
	return NULL;
}

/* A line each: EVENT SSD STATE. */
static int uevents(void)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			NETLINK_KOBJECT_UEVENT);
	static char event[65536];
	ssize_t n;

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)))
		return 2;
	while ((n = recv(fd, event, sizeof(event) - 1, 0)) > 0) {
		event[n] = '\0';
		if (!value_of(event, (size_t)n, "SUPERDISK_EVENT"))
			continue;
		printf("%s %s %s\n",
		       value_of(event, (size_t)n, "SUPERDISK_EVENT"),
		       value_of(event, (size_t)n, "SUPERDISK_SSD"),
		       value_of(event, (size_t)n, "SUPERDISK_STATE"));
		fflush(stdout);
	}
	return 2;
}

/* As the kernel writes a dev_t to user space here. */
static int device_number(const char *path, uint32_t *ret_dev)
{
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return -ENODEV;
	*ret_dev = major(st.st_rdev) << 20 | minor(st.st_rdev);
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t dev;

	if (argc == 2 && !strcmp(argv[1], "uevents"))
		return uevents();
	if (argc < 3 || open_socket() || device_number(argv[2], &dev))
		return 2;
	if (find_family())
		return 2;
	if (!strcmp(argv[1], "refused"))
		return become_nobody() ? refused(dev) : 2;
	if (!strcmp(argv[1], "namespaced"))
		return namespaced(dev);
	if (!strcmp(argv[1], "replace") && argc == 5)
		return replace(dev, (uint32_t)strtoul(argv[3], NULL, 0),
			       argv[4]);
	if (!strcmp(argv[1], "policy"))
		return policy(dev);
	if (!strcmp(argv[1], "random") && argc == 5)
		return random_requests(dev, strtoull(argv[3], NULL, 0),
				       (uint32_t)strtoul(argv[4], NULL, 0));
	return 2;
}
