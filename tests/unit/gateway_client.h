/* SPDX-License-Identifier: Apache-2.0 */
/* A client of a gateway in the same process, on a blocking socket. */
#ifndef TESTS_GATEWAY_CLIENT_H
#define TESTS_GATEWAY_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/check.h"
#include "gateway/gateway.h"

static inline int dial(struct gateway *gateway, int patience_ms)
{
	const struct timeval patience = {
		.tv_sec = patience_ms / 1000,
		.tv_usec = patience_ms % 1000 * 1000,
	};
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(gateway_port(gateway)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_false(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	return fd;
}

static inline bool say(int fd, const void *data, size_t len)
{
	return send(fd, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

#define TEXT_MAX 512

/* A text, with a mask of zeroes. */
static inline bool say_text(int fd, const char *text)
{
	uint8_t frame[8 + TEXT_MAX] = { 0x81 };
	size_t len = strlen(text), head = len < 126 ? 6 : 8;

	check(len <= TEXT_MAX);
	frame[1] = (uint8_t)(0x80 | (len < 126 ? len : 126));
	if (len >= 126) {
		frame[2] = (uint8_t)(len >> 8);
		frame[3] = (uint8_t)len;
	}
	memcpy(frame + head, text, len);
	return say(fd, frame, head + len);
}

/* A close frame, INVALID_SESSION, any status that is an error. */
static inline bool is_refusal(const char *data, size_t len)
{
	static const char *const refusals[] = {
		"\"op\":9", "HTTP/1.1 4", "HTTP/1.1 5",
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (memmem(data, len, refusals[i], strlen(refusals[i])))
			return true;
	/* A close frame: its head, its length, and a code of 4000 or 1000. */
	for (size_t i = 0; i + 2 < len; i++)
		if ((uint8_t)data[i] == 0x88 &&
		    (data[i + 2] == 0x0f || data[i + 2] == 0x03))
			return true;
	return false;
}

static unsigned int silences;	/* nothing came for too long */
static char heard[1 << 16];	/* by the last hear() */

/* Reads until `what` has come; false: it is refused, or over, or silent. */
static inline bool hear(int fd, const char *what)
{
	size_t len = 0;
	ssize_t n;

	while ((n = recv(fd, heard + len, sizeof(heard) - len, 0)) > 0) {
		len += (size_t)n;
		if (memmem(heard, len, what, strlen(what)))
			return true;
		if (is_refusal(heard, len))
			return false;
	}
	silences += n < 0 && errno == EAGAIN;
	return false;
}

/* A socket that has said `text` after HELLO; -1: something went wrong before
 * `last` came. */
static inline int greet(struct gateway *gateway, int patience_ms,
			const char *text, const char *last)
{
	static const char handshake[] =
		"GET /?v=10&encoding=json HTTP/1.1\r\nHost: x\r\n"
		"Upgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"Sec-WebSocket-Version: 13\r\n\r\n";
	int fd = dial(gateway, patience_ms);

	if (say(fd, handshake, sizeof(handshake) - 1) &&
	    hear(fd, "\"op\":10") && say_text(fd, text) && hear(fd, last))
		return fd;
	close(fd);
	return -1;
}

/* A new session's socket. */
static inline int log_in(struct gateway *gateway, int patience_ms,
			 const char *token, unsigned int intents,
			 const char *last)
{
	char identify[TEXT_MAX];

	snprintf(identify, sizeof(identify), "{\"op\":2,\"d\":{\"token\":"
		 "\"%s\",\"intents\":%u,\"properties\":{}}}", token, intents);
	return greet(gateway, patience_ms, identify, last);
}

#endif
