// SPDX-License-Identifier: Apache-2.0
/*
 * A herd: many HTTP clients, connected and idle, that all ask for the same
 * thing at the same moment.
 *
 * usage: herd_clients PORT COUNT PATH TOKEN
 *
 * Prints "ready" when all are connected; then, for each line on stdin, sends
 * COUNT requests at once and prints, when all are answered, one line:
 *
 *	P50_US P99_US MAX_US BYTES OTHERS
 *
 * with the bytes of the last body and how many answers were not 200.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 4096
#define EVENTS 512
#define DEADLINE_MS 60000

struct client {
	int fd;
	size_t head_len;
	char head[HEAD_MAX];
	size_t left;		/* of the body */
	bool in_body, asked;
	uint64_t start_ns;
};

static struct client *clients;
static unsigned int count, waiting, others;
static uint64_t *took_ns;
static size_t bytes;
static char request[1024];
static int epoll_fd;

static void die(const char *what)
{
	fprintf(stderr, "herd_clients: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void open_one(struct client *c, uint16_t port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
		die("epoll_ctl");
}

static void ask(struct client *c)
{
	size_t len = strlen(request);

	c->head_len = 0;
	c->in_body = false;
	c->asked = true;
	c->start_ns = now_ns();
	if (write(c->fd, request, len) != (ssize_t)len)
		die("write");
}

static void answered(struct client *c)
{
	c->asked = false;
	took_ns[--waiting] = now_ns() - c->start_ns;
}

/* The head is whole: what comes behind it is the body's. */
static void read_head(struct client *c, char *end)
{
	size_t behind = c->head_len - (size_t)(end - c->head);
	const char *length;

	*end = 0;
	if (strncmp(c->head, "HTTP/1.1 200", 12))
		others++;
	length = strcasestr(c->head, "content-length:");
	if (!length) {
		errno = EPROTO;
		die("an answer without Content-Length");
	}
	bytes = strtoul(length + 15, NULL, 10);
	c->left = bytes - behind;
	c->in_body = true;
}

static void on_bytes(struct client *c)
{
	static char body[1 << 16];
	ssize_t n;
	char *end;

	if (c->in_body) {
		n = read(c->fd, body, sizeof(body));
		if (n > 0)
			c->left -= (size_t)n;
	} else {
		n = read(c->fd, c->head + c->head_len,
			 HEAD_MAX - 1 - c->head_len);
		if (n > 0) {
			c->head_len += (size_t)n;
			c->head[c->head_len] = 0;
			end = strstr(c->head, "\r\n\r\n");
			if (end)
				read_head(c, end + 4);
		}
	}
	if (n <= 0)
		die("the server closed a connection");
	if (c->asked && c->in_body && !c->left)
		answered(c);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void herd(void)
{
	struct epoll_event events[EVENTS];
	int n;

	waiting = count;
	others = 0;
	for (unsigned int i = 0; i < count; i++)
		ask(&clients[i]);
	while (waiting) {
		n = epoll_wait(epoll_fd, events, EVENTS, DEADLINE_MS);
		if (n <= 0)
			die("no answer");
		for (int i = 0; i < n; i++)
			on_bytes(events[i].data.ptr);
	}
	qsort(took_ns, count, sizeof(*took_ns), by_size);
	printf("%llu %llu %llu %zu %u\n",
	       (unsigned long long)took_ns[count / 2] / 1000,
	       (unsigned long long)took_ns[count * 99 / 100] / 1000,
	       (unsigned long long)took_ns[count - 1] / 1000, bytes, others);
}

int main(int argc, char **argv)
{
	char line[16];

	if (argc != 5)
		return 2;
	count = (unsigned int)atoi(argv[2]);
	clients = calloc(count, sizeof(*clients));
	took_ns = calloc(count, sizeof(*took_ns));
	snprintf(request, sizeof(request),
		 "GET %s HTTP/1.1\r\nHost: h\r\nAuthorization: Bot %s\r\n"
		 "Connection: keep-alive\r\n\r\n", argv[3], argv[4]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	epoll_fd = epoll_create1(0);
	for (unsigned int i = 0; i < count; i++)
		open_one(&clients[i], (uint16_t)atoi(argv[1]));
	puts("ready");
	while (fgets(line, sizeof(line), stdin))
		herd();
	return 0;
}
