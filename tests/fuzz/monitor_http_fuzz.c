// SPDX-License-Identifier: Apache-2.0
/*
 * The HTTP side: any bytes on a connection leave a server that still answers.
 * The server is the real one, on its own event loop, over loopback.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "monitor/http.h"

#define STEPS_MAX 200
#define STEP_US 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sd_event *event;
static struct http *http;

static void write_page(void *ctx, struct buf *out)
{
	(void)ctx;
	buf_puts(out, "page\n");
}

static const struct http_page pages[] = {
	{ "/page", "text/plain", write_page },
	{ NULL, NULL, NULL },
};

static void start(void)
{
	check(sd_event_new(&event) >= 0);
	check(!http_open(event, "127.0.0.1:0", pages, NULL, &http));
}

/* Sends @size bytes, then nothing more; what came back, up to @room. */
static size_t talk(const void *data, size_t size, char *answer, size_t room)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)http_port(http)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct linger reset = { .l_onoff = 1 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t have = 0;
	ssize_t got = -1;

	check(!connect(fd, (struct sockaddr *)&address, sizeof(address)));
	/* no TIME_WAIT: thousands of these would use up the ports */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)!send(fd, data, size, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < STEPS_MAX && got != 0 && have < room; i++) {
		sd_event_run(event, STEP_US);
		got = recv(fd, answer + have, room - have, MSG_DONTWAIT);
		have += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	sd_event_run(event, 0);
	return have;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] =
		"GET /page HTTP/1.0\r\nConnection: close\r\n\r\n";
	char answer[8192];

	if (!event)
		start();
	talk(data, size, answer, sizeof(answer));
	check(talk(good, sizeof(good) - 1, answer, sizeof(answer)) > 12);
	check(!memcmp(answer, "HTTP/1.", 7));
	check(!memcmp(answer + 8, " 200", 4));
	return 0;
}
