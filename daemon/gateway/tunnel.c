// SPDX-License-Identifier: Apache-2.0
#include "gateway/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "gateway/tls.h"
#include "os/loop.h"

#define SCRATCH (16u << 10)	/* bytes of one read */
#define READS_MAX 4		/* of one turn, for fairness */

struct tunnels {
	struct os_loop *loop;
	struct tls_server *server;
	struct list open;
	uint8_t scratch[SCRATCH];
};

/* One end, and what it has not taken yet: while that is so, nothing is read
 * from the other. */
struct end {
	int fd;
	struct os_poll *poll;
	struct buf left;
	bool over;		/* nothing more comes from it */
	bool deaf;		/* it takes nothing any more */
};

struct tunnel {
	struct tunnels *tunnels;
	struct list link;
	struct tls *tls;
	struct end client;
	struct end plain;
	char peer[INET6_ADDRSTRLEN];
};

struct tunnels *tunnels_new(struct os_loop *loop, struct tls_server *server)
{
	struct tunnels *tunnels = mem_zalloc(sizeof(*tunnels));

	if (!tunnels)
		return NULL;
	tunnels->loop = loop;
	tunnels->server = server;
	list_init(&tunnels->open);
	return tunnels;
}

static void end_close(struct end *end)
{
	if (end->poll)
		os_poll_stop(end->poll);
	if (end->fd >= 0)
		close(end->fd);
	buf_fini(&end->left);
}

static void destroy(struct tunnel *tunnel)
{
	list_del(&tunnel->link);
	end_close(&tunnel->client);
	end_close(&tunnel->plain);
	tls_free(tunnel->tls);
	mem_free(tunnel);
}

void tunnels_free(struct tunnels *tunnels)
{
	if (!tunnels)
		return;
	while (!list_empty(&tunnels->open))
		destroy(list_entry(tunnels->open.next, struct tunnel, link));
	mem_free(tunnels);
}

/* What is left for an end that takes nothing is nobody's. */
static bool is_drained(const struct tunnel *tunnel)
{
	int unread = 0;

	if (tunnel->client.deaf)
		return true;
	return !tunnel->client.left.len &&
	       !(ioctl(tunnel->plain.fd, FIONREAD, &unread) == 0 && unread);
}

bool tunnels_are_drained(const struct tunnels *tunnels)
{
	list_for_each(pos, (struct list *)(uintptr_t)&tunnels->open)
		if (!is_drained(list_entry(pos, struct tunnel, link)))
			return false;
	return true;
}

/* --- bytes ---------------------------------------------------------------- */

/* Writes what is left for an end; true when nothing is any more. */
static bool end_write(struct end *end)
{
	ssize_t n;

	if (end->left.err || end->deaf) {
		end->deaf = true;
		buf_reset(&end->left);
	}
	if (!end->left.len)
		return true;
	n = send(end->fd, end->left.data, end->left.len,
		 MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end->deaf = true;
		buf_reset(&end->left);
	} else if (n > 0) {
		buf_consume(&end->left, n);
	}
	return !end->left.len;
}

/* > 0 bytes in the scratch; 0: none now, or it is over. */
static size_t end_read(struct end *end, uint8_t *scratch)
{
	ssize_t n = end->over ? -1 : recv(end->fd, scratch, SCRATCH,
					  MSG_DONTWAIT);

	if (n > 0)
		return n;
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		end->over = true;
	return 0;
}

/* What TLS has to say for itself, behind what was said. */
static void take_sealed(struct tunnel *tunnel)
{
	if (tls_take(tunnel->tls, &tunnel->client.left))
		tunnel->client.deaf = true;
}

/* Client -> plain. */
static void open_bytes(struct tunnel *tunnel, size_t len)
{
	uint8_t *scratch = tunnel->tunnels->scratch;
	ssize_t n = tls_feed(tunnel->tls, scratch, len);

	if (!n)
		while ((n = tls_read(tunnel->tls, scratch, SCRATCH)) > 0)
			buf_append(&tunnel->plain.left, scratch, n);
	if (n != -EAGAIN)
		tunnel->client.over = true;
	take_sealed(tunnel);
}

static void move_up(struct tunnel *tunnel)
{
	int reads;
	size_t n;

	for (reads = 0; reads < READS_MAX && end_write(&tunnel->plain);
	     reads++) {
		n = end_read(&tunnel->client, tunnel->tunnels->scratch);
		if (!n)
			break;
		open_bytes(tunnel, n);
	}
	end_write(&tunnel->plain);
}

/* Plain -> client. */
static size_t seal_some(struct tunnel *tunnel)
{
	uint8_t *scratch = tunnel->tunnels->scratch;
	size_t n = end_read(&tunnel->plain, scratch);

	if (n && tls_write(tunnel->tls, scratch, n))
		tunnel->client.deaf = true;
	take_sealed(tunnel);
	return n;
}

static void move_down(struct tunnel *tunnel)
{
	int reads;

	for (reads = 0; reads < READS_MAX && end_write(&tunnel->client);
	     reads++)
		if (!seal_some(tunnel))
			break;
	end_write(&tunnel->client);
}

static void say_bye(struct tunnel *tunnel)
{
	tls_bye(tunnel->tls);
	take_sealed(tunnel);
	end_write(&tunnel->client);
}

/* --- life ----------------------------------------------------------------- */

static unsigned int awaited(const struct end *end, const struct end *other)
{
	return (!end->over && !other->left.len ? POLLIN : 0) |
	       (end->left.len ? POLLOUT : 0);
}

static void run(struct tunnel *tunnel)
{
	struct end *client = &tunnel->client, *plain = &tunnel->plain;

	move_up(tunnel);
	move_down(tunnel);
	if (plain->over && !client->left.len) {
		say_bye(tunnel);
		destroy(tunnel);
		return;
	}
	/* libwebsockets then closes its end. */
	if ((client->over || client->deaf) && !plain->left.len)
		shutdown(plain->fd, SHUT_WR);
	os_poll_change(client->poll, awaited(client, plain));
	os_poll_change(plain->poll, awaited(plain, client));
}

static void on_ready(void *ctx, unsigned int revents)
{
	(void)revents;
	run(ctx);
}

static void set_peer(struct tunnel *tunnel)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address = { 0 };
	socklen_t len = sizeof(address);

	if (getpeername(tunnel->client.fd, &address.any, &len))
		return;
	if (address.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &address.in.sin_addr, tunnel->peer,
			  sizeof(tunnel->peer));
	else
		inet_ntop(AF_INET6, &address.in6.sin6_addr, tunnel->peer,
			  sizeof(tunnel->peer));
}

static int start(struct tunnel *tunnel, int *ret_plain)
{
	struct os_loop *loop = tunnel->tunnels->loop;
	int pair[2], err;

	tunnel->tls = tls_new(tunnel->tunnels->server);
	if (!tunnel->tls)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       pair))
		return -errno;
	tunnel->plain.fd = pair[0];
	err = os_poll_start(loop, tunnel->client.fd, POLLIN, on_ready, tunnel,
			    &tunnel->client.poll);
	if (!err)
		err = os_poll_start(loop, pair[0], POLLIN, on_ready, tunnel,
				    &tunnel->plain.poll);
	if (err)
		close(pair[1]);
	else
		*ret_plain = pair[1];
	return err;
}

int tunnel_open(struct tunnels *tunnels, int fd, struct tunnel **ret_tunnel,
		int *ret_plain)
{
	struct tunnel *tunnel = mem_zalloc(sizeof(*tunnel));
	int err;

	if (!tunnel) {
		close(fd);
		return -ENOMEM;
	}
	tunnel->tunnels = tunnels;
	tunnel->client.fd = fd;
	tunnel->plain.fd = -1;
	list_push(&tunnels->open, &tunnel->link);
	set_peer(tunnel);
	err = start(tunnel, ret_plain);
	if (err)
		destroy(tunnel);
	else
		*ret_tunnel = tunnel;
	return err;
}

const char *tunnel_peer(const struct tunnel *tunnel)
{
	return tunnel->peer;
}

/* Seals what libwebsockets has written: it fits into a pair. */
static int seal_rest(struct tunnel *tunnel)
{
	uint8_t *scratch = tunnel->tunnels->scratch;
	struct end *client = &tunnel->client;
	int err = client->over || client->deaf || client->left.err ? -EPIPE :
		  tls_untake(tunnel->tls, &client->left);
	size_t n;

	while (!err && (n = end_read(&tunnel->plain, scratch)))
		err = tls_write(tunnel->tls, scratch, n);
	return err;
}

int tunnel_release(struct tunnel *tunnel, struct tls **ret_tls)
{
	int fd = tunnel->client.fd, err = seal_rest(tunnel);

	if (!err) {
		/* They go on elsewhere. */
		os_poll_stop(tunnel->client.poll);
		tunnel->client.poll = NULL;
		tunnel->client.fd = -1;
		*ret_tls = tunnel->tls;
		tunnel->tls = NULL;
	}
	destroy(tunnel);
	return err ? err : fd;
}
