// SPDX-License-Identifier: Apache-2.0
/*
 * The receiving end of the fan-out benchmark: many connections to one server,
 * each of which must get every message, once and in order.
 *
 * usage: fanout_clients PORT COUNT raw|ws|gateway [TOKEN [FROM]]
 *
 *	raw	frames from the first byte on
 *	ws	after a WebSocket handshake
 *	gateway	after a handshake and an IDENTIFY: waits for READY and
 *		GUILD_CREATE, beats, checks the sequence numbers
 *
 * FROM is the address that they connect from: each has ports of its own.
 *
 * Prints "ready" when all are connected, then obeys commands on stdin:
 *	expect M	waits until each has got M more messages: "done READS",
 *			in how many reads on average, times 100
 *	beat		each sends a heartbeat with its last sequence number,
 *			and waits for the answer: "done 0"
 *	size		the bytes of the last message's frame: "done BYTES"
 *	late P		of all messages with "@NS@" in them, NS the monotonic
 *			time of their sending, since the last `late 1000`:
 *			P parts of a thousand took no longer: "done NS"
 *
 * Nothing may be lost, doubled or out of order, or the program ends with 1: of
 * a raw or ws server each message carries "#N#", numbered from 0; of a gateway
 * the sequence numbers have no gap, and every message's id is above the one
 * before it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUF (64u << 10)
#define EVENTS 512
#define IN_FLIGHT 256		/* logins at a time */
#define DEADLINE_NS (120ull * 1000000000)
#define LATE_STEP_NS 100000	/* of the histogram */
#define LATE_STEPS 100000

enum stage { HANDSHAKE, HELLO, LOGIN, BEAT, LIVE };

struct client {
	int fd;
	uint8_t stage;
	uint32_t rest_len;	/* of a frame not whole yet */
	uint32_t rest_cap;
	uint8_t *rest;
	uint64_t seq;
	uint64_t next;		/* messages so far */
	uint64_t last_id;
};

static struct client *clients;
static unsigned int count;
static unsigned int live;
static unsigned int behind;	/* clients that have not got all expected */
static uint64_t expected;
static int epoll_fd;
static enum stage first_stage;
static bool is_gateway;
static const char *token = "";
static uint16_t port;
static in_addr_t from = INADDR_ANY;
static size_t last_size;	/* of a message's frame */
static uint64_t reads;		/* with whole messages in them */
static unsigned int beats;	/* that wait for an answer */
static uint32_t late[LATE_STEPS];

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "fanout_clients: %s: %s\n", what, strerror(errno));
	exit(1);
}

static _Noreturn void die_closed(unsigned int code)
{
	fprintf(stderr, "fanout_clients: the server has closed: %u\n", code);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void write_all(int fd, const void *data, size_t len)
{
	/* What a client sends fits its empty socket buffer. */
	if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send");
}

/* A text frame with a mask of zeroes, which changes nothing. */
static void send_text(int fd, const char *text)
{
	uint8_t frame[1024];
	size_t len = strlen(text), at = 2;

	frame[0] = 0x81;
	if (len < 126) {
		frame[1] = 0x80 | len;
	} else {
		frame[1] = 0xfe;
		frame[at++] = len >> 8;
		frame[at++] = len;
	}
	memset(frame + at, 0, 4);
	memcpy(frame + at + 4, text, len);
	write_all(fd, frame, at + 4 + len);
}

static void set_live(struct client *c)
{
	c->stage = LIVE;
	live++;
}

static void start(struct client *c)
{
	static const char request[] =
		"GET /?v=10&encoding=json HTTP/1.1\r\nHost: bench\r\n"
		"Upgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
		"Sec-WebSocket-Version: 13\r\n\r\n";
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	struct sockaddr_in own = { .sin_family = AF_INET,
				   .sin_addr.s_addr = from };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	/* The port is chosen when the other end is known, too. */
	if (c->fd >= 0)
		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
			   sizeof(on));
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&own, sizeof(own)) ||
	    connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
		die("epoll_ctl");
	c->stage = first_stage;
	if (c->stage == HANDSHAKE)
		write_all(c->fd, request, sizeof(request) - 1);
	else
		set_live(c);
}

static uint64_t number_after(const char *text, size_t len, const char *mark)
{
	const char *at = memmem(text, len, mark, strlen(mark));

	return at ? strtoull(at + strlen(mark), NULL, 10) : UINT64_MAX;
}

static void check_seq(struct client *c, const char *text, size_t len)
{
	uint64_t seq = number_after(text, len < 32 ? len : 32, "\"s\":");

	if (seq == UINT64_MAX || !seq)
		return;
	if (seq != c->seq + 1)
		die("a sequence number is missing or doubled");
	c->seq = seq;
}

/* Numbered by the sender, from 0. */
static void check_number(const struct client *c, const char *text, size_t len)
{
	if (number_after(text, len, "#") != c->next)
		die("a message is lost, doubled or out of order");
}

/* Ids of one channel only rise. */
static void check_id(struct client *c, const char *text, size_t len)
{
	uint64_t id = number_after(text, len, "\"d\":{\"id\":\"");

	if (id == UINT64_MAX || id <= c->last_id)
		die("a message is doubled or out of order");
	c->last_id = id;
}

static void note_late(const char *text, size_t len)
{
	uint64_t sent = number_after(text, len, "@");
	uint64_t step;

	if (sent == UINT64_MAX || !sent)
		return;
	step = (now_ns() - sent) / LATE_STEP_NS;
	late[step < LATE_STEPS ? step : LATE_STEPS - 1]++;
}

static void on_message(struct client *c, const char *text, size_t len)
{
	if (is_gateway && !memmem(text, len < 64 ? len : 64,
				  "MESSAGE_CREATE", 14)) {
		if (beats && memmem(text, len, "\"op\":11", 7))
			beats--;
		return;
	}
	if (is_gateway)
		check_id(c, text, len);
	else
		check_number(c, text, len);
	note_late(text, len);
	last_size = len + (len < 126 ? 2 : len < 65536 ? 4 : 10);
	if (++c->next == expected)
		behind--;
}

static void send_beat(const struct client *c)
{
	char text[64];

	snprintf(text, sizeof(text), "{\"op\":1,\"d\":%" PRIu64 "}", c->seq);
	send_text(c->fd, text);
}

static void on_frame(struct client *c, const char *text, size_t len)
{
	char identify[512];

	if (is_gateway)
		check_seq(c, text, len);
	if (c->stage == LIVE) {
		on_message(c, text, len);
		return;
	}
	if (c->stage == HELLO) {
		snprintf(identify, sizeof(identify),
			 "{\"op\":2,\"d\":{\"token\":\"%s\",\"intents\":33281,"
			 "\"properties\":{}}}", token);
		send_text(c->fd, identify);
		c->stage = LOGIN;
	} else if (memmem(text, len, "GUILD_CREATE", 12)) {
		send_beat(c);
		c->stage = BEAT;
	} else if (memmem(text, len, "\"op\":11", 7)) {
		set_live(c);
	}
}

/* Returns the bytes of whole frames at the start of data. */
static size_t on_frames(struct client *c, const uint8_t *data, size_t len)
{
	size_t at = 0, head, n;

	while (len - at >= 2) {
		const uint8_t *p = data + at;

		head = p[1] == 126 ? 4 : p[1] == 127 ? 10 : 2;
		if (len - at < head)
			break;
		n = p[1] == 126 ? (size_t)p[2] << 8 | p[3] :
		    p[1] == 127 ? (size_t)p[6] << 24 | p[7] << 16 | p[8] << 8 |
				  p[9] : p[1];
		if (len - at < head + n)
			break;
		if ((p[0] & 0x0f) == 8)
			die_closed(p[1] < 2 ? 0 : p[2] << 8 | p[3]);
		on_frame(c, (const char *)p + head, n);
		at += head + n;
	}
	return at;
}

static size_t on_bytes(struct client *c, const uint8_t *data, size_t len)
{
	const uint8_t *end;
	size_t head = 0;

	if (c->stage == HANDSHAKE) {
		end = memmem(data, len, "\r\n\r\n", 4);
		if (!end)
			return 0;
		head = end + 4 - data;
		c->stage = HELLO;
		if (!is_gateway)
			set_live(c);
	}
	return head + on_frames(c, data + head, len - head);
}

static void keep(struct client *c, const uint8_t *data, size_t len)
{
	if (len > c->rest_cap) {
		c->rest_cap = len;
		c->rest = realloc(c->rest, len);
		if (!c->rest)
			die("realloc");
	}
	memmove(c->rest, data, len);
	c->rest_len = len;
}

static void on_readable(struct client *c)
{
	static uint8_t buf[16 * BUF];
	ssize_t n;
	size_t used, len;

	if (c->rest_len > sizeof(buf) - BUF)
		die("a frame is too long");
	reads++;
	memcpy(buf, c->rest, c->rest_len);
	n = recv(c->fd, buf + c->rest_len, BUF, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("a connection was lost");
	len = c->rest_len + n;
	used = on_bytes(c, buf, len);
	keep(c, buf + used, len - used);
}

static void poll_once(uint64_t deadline_ns)
{
	struct epoll_event events[EVENTS];
	int i, n = epoll_wait(epoll_fd, events, EVENTS, 1000);

	if (n < 0 && errno != EINTR)
		die("epoll_wait");
	if (now_ns() > deadline_ns) {
		errno = ETIMEDOUT;
		die("waiting");
	}
	for (i = 0; i < n; i++)
		on_readable(events[i].data.ptr);
}

static void connect_all(void)
{
	uint64_t deadline = now_ns() + DEADLINE_NS;
	unsigned int started = 0;

	while (live < count) {
		while (started < count && started < live + IN_FLIGHT)
			start(&clients[started++]);
		poll_once(deadline);
	}
}

static void reply(uint64_t value)
{
	printf("done %" PRIu64 "\n", value);
	fflush(stdout);
}

static void expect(uint64_t more)
{
	uint64_t start_ns = now_ns();
	unsigned int i;

	reads = 0;
	expected += more;
	behind = 0;
	for (i = 0; i < count; i++)
		behind += clients[i].next < expected;
	while (behind)
		poll_once(start_ns + DEADLINE_NS);
	reply(100 * reads / count);
}

static void beat_all(void)
{
	uint64_t deadline = now_ns() + DEADLINE_NS;
	unsigned int i;

	for (i = 0; i < count; i++)
		send_beat(&clients[i]);
	beats = count;
	while (beats)
		poll_once(deadline);
	reply(0);
}

/* The bound of `part` in a thousand; of all, the histogram starts anew. */
static void reply_late(unsigned int part)
{
	uint64_t all = 0, seen = 0;
	size_t i;

	for (i = 0; i < LATE_STEPS; i++)
		all += late[i];
	for (i = 0; i < LATE_STEPS && seen * 1000 < all * part; i++)
		seen += late[i];
	if (part == 1000)
		memset(late, 0, sizeof(late));
	reply(i * LATE_STEP_NS);
}

int main(int argc, char **argv)
{
	char line[128];
	uint64_t more;

	if (argc < 4)
		die("usage: fanout_clients PORT COUNT raw|ws|gateway [TOKEN]");
	port = atoi(argv[1]);
	count = atoi(argv[2]);
	is_gateway = !strcmp(argv[3], "gateway");
	first_stage = strcmp(argv[3], "raw") ? HANDSHAKE : LIVE;
	if (argc > 4)
		token = argv[4];
	if (argc > 5)
		from = inet_addr(argv[5]);
	clients = calloc(count, sizeof(*clients));
	epoll_fd = epoll_create1(0);
	if (!clients || epoll_fd < 0)
		die("start");
	connect_all();
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "expect %" SCNu64, &more) == 1)
			expect(more);
		else if (sscanf(line, "late %" SCNu64, &more) == 1)
			reply_late(more);
		else if (!strncmp(line, "beat", 4))
			beat_all();
		else if (!strncmp(line, "size", 4))
			reply(last_size);
	}
	return 0;
}
