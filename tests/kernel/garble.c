// SPDX-License-Identifier: Apache-2.0
/*
 * To be preloaded: a kernel whose generic netlink messages are garbage.  What
 * the control family says stays as it is, or nobody would find the others.
 * GARBLE in the environment says how: `length` makes the first attribute longer
 * than its message, `short` cuts the message, `noise` fills it.  `overrun` says
 * once of events, for which nobody waits, that some were lost.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

ssize_t recvmsg(int fd, struct msghdr *msg, int flags);

static void garble(struct nlmsghdr *message, const char *how)
{
	size_t headers = NLMSG_HDRLEN + GENL_HDRLEN;
	char *body = (char *)message + headers;
	size_t size = message->nlmsg_len - headers;

	if (!strcmp(how, "length"))
		((struct nlattr *)body)->nla_len = 0xffff;
	else if (!strcmp(how, "short"))
		message->nlmsg_len = NLMSG_HDRLEN + 1;
	else
		memset(body, 0xa5, size);
}

/* In the place of an event that has come. */
static bool overrun(int fd, ssize_t size, const struct sockaddr_nl *from)
{
	static bool done;

	if (done || size <= 0 || !from || from->nl_family != AF_NETLINK ||
	    !(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return false;
	done = true;
	return true;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t (*real)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
	ssize_t size = real(fd, msg, flags);
	const struct sockaddr_nl *from = msg->msg_name;
	const char *how = getenv("GARBLE");
	struct nlmsghdr *message;
	int left = (int)size;

	if (how && !strcmp(how, "overrun")) {
		if (!overrun(fd, size, from))
			return size;
		errno = ENOBUFS;
		return -1;
	}
	if (!how || size <= 0 || flags & MSG_PEEK || !from ||
	    from->nl_family != AF_NETLINK)
		return size;
	message = msg->msg_iov->iov_base;
	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
		if (message->nlmsg_type <= GENL_ID_CTRL ||
		    message->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN)
			continue;
		garble(message, how);
		if (!strcmp(how, "short"))
			break;
	}
	return size;
}
