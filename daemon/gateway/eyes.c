// SPDX-License-Identifier: Apache-2.0
#include "gateway/eyes.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/unix_socket.h"

#define USUAL_PATH "/run/superdisk/superdiskd.sock"
/* Where nobody listens nobody is asked again so soon. */
#define RETRY_S 5
#define LINE_MAX_BYTES 256

/* One connection for all cores: a superdiskd takes few. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int fd = -1;		/* guarded by lock, as what follows */
static time_t retry_at;

static void hang_up(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static void call(void)
{
	const char *path = getenv("SUPERDISK_SOCKET");

	if (now_s() < retry_at)
		return;
	retry_at = now_s() + RETRY_S;
	path = path && *path ? path : USUAL_PATH;
	if (unix_connect(path, SOCK_NONBLOCK, &fd))
		fd = -1;
}

/* False: there is nobody any more.  One that is too busy misses the name. */
static bool say(const char *line, size_t len)
{
	char answers[1024];
	ssize_t sent;

	/* nobody reads them, but they must not pile up */
	while (recv(fd, answers, sizeof(answers), MSG_DONTWAIT) > 0)
		;
	sent = send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == (ssize_t)len || (sent < 0 && errno == EAGAIN))
		return true;
	hang_up();
	return false;
}

void eyes_name(uint64_t socket_cookie, uint64_t user_id, actor_ref session)
{
	char line[LINE_MAX_BYTES];
	int len = snprintf(line, sizeof(line),
			   "{\"do\":\"name\",\"cookie\":%" PRIu64 ",\"name\":\"%"
			   PRIu64 "/%016" PRIx64 "\"}\n", socket_cookie,
			   user_id, session.bits);

	pthread_mutex_lock(&lock);
	if (fd >= 0 && say(line, (size_t)len))
		goto unlock;
	call();
	if (fd >= 0)
		say(line, (size_t)len);
unlock:
	pthread_mutex_unlock(&lock);
}
