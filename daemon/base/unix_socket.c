// SPDX-License-Identifier: Apache-2.0
#include "base/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int open_socket(const char *path, int flags, struct sockaddr_un *ret)
{
	int fd;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	return fd < 0 ? -errno : fd;
}

int unix_listen(const char *path, mode_t mode, int backlog, int *ret_fd)
{
	struct sockaddr_un address;
	int fd = open_socket(path, SOCK_NONBLOCK, &address), err = 0;

	if (fd < 0)
		return fd;
	/*
	 * The file that bind() makes takes the mode of the socket, less the
	 * umask; nobody connects before listen().
	 */
	if (fchmod(fd, mode) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    chmod(path, mode) || listen(fd, backlog))
		err = -errno;
	if (err)
		close(fd);
	else
		*ret_fd = fd;
	return err;
}

static int take(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int unix_spare(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int unix_accept(int listener, int *spare, int *ret_fd)
{
	int fd = take(listener), refused;

	if (*spare < 0)
		*spare = unix_spare();
	if ((fd == -EMFILE || fd == -ENFILE) && *spare >= 0) {
		close(*spare);
		refused = take(listener);
		if (refused >= 0)
			close(refused);
		*spare = unix_spare();
	}
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int unix_connect(const char *path, int flags, int *ret_fd)
{
	struct sockaddr_un address;
	int fd = open_socket(path, flags, &address), err;

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}
