// SPDX-License-Identifier: Apache-2.0
/*
 * The limit of the fan-out benchmark: a loop that writes frames it built
 * beforehand to every connection, and does nothing else.
 *
 * usage: fanout_raw COUNT uring|send BYTES
 *
 * Prints the port it listens on, takes COUNT connections, then obeys "send P"
 * on stdin: P messages of BYTES bytes to each connection in one send; "done".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 256
#define PENDING_MAX 64
#define FRAME_MAX 4096

static int *fds;
static unsigned int count;
static unsigned int bytes;
static uint64_t number;
static struct io_uring ring;
static char frames[PENDING_MAX * FRAME_MAX];

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "fanout_raw: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* One frame of `bytes` in all, with its number and its time in it. */
static size_t build(char *out)
{
	size_t len = bytes - 4;
	int n;

	out[0] = (char)0x81;
	out[1] = 126;
	out[2] = len >> 8;
	out[3] = len;
	n = sprintf(out + 4, "{\"content\":\"#%" PRIu64 "#@%" PRIu64 "@",
		    number++, now_ns());
	memset(out + 4 + n, 'x', len - n);
	return bytes;
}

static size_t build_all(unsigned int pending)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < pending; i++)
		len += build(frames + len);
	return len;
}

static void reap(unsigned int n, size_t len)
{
	struct io_uring_cqe *cqe;

	while (n--) {
		if (io_uring_wait_cqe(&ring, &cqe))
			die("io_uring_wait_cqe");
		if (cqe->res != (int)len)
			die("a short send");
		io_uring_cqe_seen(&ring, cqe);
	}
}

static void send_uring(size_t len)
{
	unsigned int i, n = 0;

	for (i = 0; i < count; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

		io_uring_prep_send(sqe, fds[i], frames, len,
				   MSG_NOSIGNAL | MSG_WAITALL);
		if (++n < BATCH && i + 1 < count)
			continue;
		io_uring_submit_and_wait(&ring, n);
		reap(n, len);
		n = 0;
	}
}

static void send_plain(size_t len)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (send(fds[i], frames, len, MSG_NOSIGNAL) != (ssize_t)len)
			die("send");
}

static void accept_all(void)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(at);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	unsigned int i;

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) ||
	    listen(fd, 4096) || getsockname(fd, (struct sockaddr *)&at, &len))
		die("listen");
	printf("port %u\n", ntohs(at.sin_port));
	fflush(stdout);
	for (i = 0; i < count; i++) {
		fds[i] = accept(fd, NULL, NULL);
		if (fds[i] < 0)
			die("accept");
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
}

int main(int argc, char **argv)
{
	void (*run)(size_t len);
	unsigned int pending;
	char line[128];

	if (argc < 4)
		die("usage: fanout_raw COUNT uring|send BYTES");
	count = atoi(argv[1]);
	run = strcmp(argv[2], "uring") ? send_plain : send_uring;
	bytes = atoi(argv[3]);
	fds = calloc(count, sizeof(*fds));
	if (!fds || bytes < 130 || bytes > FRAME_MAX ||
	    io_uring_queue_init(BATCH, &ring, IORING_SETUP_SINGLE_ISSUER |
				IORING_SETUP_DEFER_TASKRUN))
		die("start");
	accept_all();
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "send %u", &pending) != 1 ||
		    pending > PENDING_MAX)
			continue;
		run(build_all(pending));
		puts("done");
		fflush(stdout);
	}
	return 0;
}
