/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS of the server's side, on bytes alone: what has come off a descriptor goes
 * in, what is to be sent comes out, and the descriptor stays its owner's.  So a
 * connection that speaks it is read and written like any other.
 */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include <stddef.h>
#include <sys/types.h>

struct buf;
struct tls;
struct tls_server;

/*
 * Reads a chain of certificates and their key (PEM); borrows the paths.  -ENOENT, -EACCES and
 * their like, -EINVAL: not in such a file, -EKEYREJECTED: they are no pair,
 * -ENOMEM.
 */
int tls_server_new(const char *cert_path, const char *key_path,
		   struct tls_server **ret_server);
/* Reads the files again, for connections from then on; when it fails all stays
 * as it was.  Any thread.  Errors as above. */
int tls_server_reload(struct tls_server *server);
/* NULL is fine. */
void tls_server_free(struct tls_server *server);

/* One connection, of one thread at a time; the server is any thread's.
 * NULL: no memory. */
struct tls *tls_new(struct tls_server *server);
/* NULL is fine. */
void tls_free(struct tls *tls);

/* Takes what has arrived, the handshake included.  -ENOMEM. */
int tls_feed(struct tls *tls, const void *data, size_t len);
/* Decrypts.  > 0: so many bytes; 0: the peer has said its last; -EAGAIN: all
 * that was fed is read; -EPROTO: it broke a rule, and tls_bye() is of no use. */
ssize_t tls_read(struct tls *tls, void *to, size_t size);

/* Encrypts; only after a tls_read() that gave bytes.  -EIO, -ENOMEM. */
int tls_write(struct tls *tls, const void *data, size_t len);
/* Nothing will be written any more. */
void tls_bye(struct tls *tls);

/* How much there is to send: reading can add to it, too. */
size_t tls_pending(const struct tls *tls);
/* Moves it behind what `to` holds.  -ENOMEM. */
int tls_take(struct tls *tls, struct buf *to);
/* Takes back what was taken and not sent; nothing else is pending.  -ENOMEM. */
int tls_untake(struct tls *tls, const struct buf *from);

#endif
