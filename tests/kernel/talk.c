// SPDX-License-Identifier: Apache-2.0
/*
 * TCP to itself over loopback, with known times: what the eyes say is held
 * against what this program has seen.  Prints "KEY VALUE" lines.
 *
 * usage: talk echo N		N requests, each answered at once
 *	  talk late MS N	N messages, each read MS after it has come
 *	  talk deaf		sends until nothing more fits, to a reader that
 *				reads nothing; stays until it is killed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES_MAX 10000
#define SIZE 100

static int client, server;	/* of one connection */
static uint64_t took_ns[MESSAGES_MAX];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void pause_ms(long ms)
{
	const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void open_pair(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&address, size) ||
	    listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &size))
		die("listen");
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(client, (struct sockaddr *)&address, size))
		die("connect");
	server = accept(listener, NULL, NULL);
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	printf("port %d\n", ntohs(address.sin_port));
}

static void put(int fd)
{
	static const char bytes[SIZE];

	if (send(fd, bytes, SIZE, 0) != SIZE)
		die("send");
}

/* Waits for @fd to be readable, then @ms more, then reads. */
static void get(int fd, long ms)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char bytes[SIZE];

	if (poll(&ready, 1, -1) != 1)
		die("poll");
	if (ms)
		pause_ms(ms);
	if (recv(fd, bytes, SIZE, MSG_WAITALL) != SIZE)
		die("recv");
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x == *y ? 0 : *x < *y ? -1 : 1;
}

static void report(int messages)
{
	qsort(took_ns, (size_t)messages, sizeof(took_ns[0]), compare);
	printf("p50_us %llu\nmax_us %llu\n",
	       (unsigned long long)took_ns[messages / 2] / 1000,
	       (unsigned long long)took_ns[messages - 1] / 1000);
}

static void echo(int messages)
{
	for (int i = 0; i < messages; i++) {
		uint64_t start = now_ns();

		put(client);
		get(server, 0);
		put(server);
		get(client, 0);
		took_ns[i] = now_ns() - start;
	}
	report(messages);
}

static void late(long ms, int messages)
{
	for (int i = 0; i < messages; i++) {
		uint64_t start = now_ns();

		put(client);
		get(server, ms);
		took_ns[i] = now_ns() - start;
	}
	report(messages);
}

static int waiting(int fd)
{
	int bytes = 0;

	ioctl(fd, FIONREAD, &bytes);
	return bytes;
}

/* What the reader's kernel has is acknowledged, once nothing moves. */
static void deaf(void)
{
	static const char bytes[65536];
	uint64_t sent = 0;
	int arrived = -1;
	ssize_t size;

	while (arrived != waiting(client)) {
		arrived = waiting(client);
		while ((size = send(server, bytes, sizeof(bytes),
				    MSG_DONTWAIT)) > 0)
			sent += (uint64_t)size;
		pause_ms(500);
	}
	printf("held %llu\n", (unsigned long long)sent - (uint64_t)arrived);
	fflush(stdout);
	pause();
}

int main(int argc, char **argv)
{
	int messages = argc > 2 ? atoi(argv[argc - 1]) : 0;

	if (argc < 2 || messages > MESSAGES_MAX)
		return 2;
	open_pair();
	if (!strcmp(argv[1], "echo"))
		echo(messages);
	else if (!strcmp(argv[1], "late"))
		late(atoi(argv[2]), messages);
	else
		deaf();
	return 0;
}
