// SPDX-License-Identifier: Apache-2.0
#include "gateway/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

struct tls_server {
	const char *cert_path;
	const char *key_path;
	pthread_mutex_t lock;	/* guards `context`, not what it points to */
	SSL_CTX *context;
};

/* Whoever writes into one BIO reads the other; both belong to `ssl`. */
struct tls {
	SSL *ssl;
	BIO *in;		/* what has arrived */
	BIO *out;		/* what is to be sent */
};

/*
 * No renegotiation and no cache of sessions (tickets carry them); buffers are
 * given back while a connection is idle.
 */
static void set_up(SSL_CTX *context)
{
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION |
			    SSL_OP_NO_COMPRESSION |
			    SSL_OP_CIPHER_SERVER_PREFERENCE |
			    SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
}

/* What OpenSSL does not say: why a file could not be read. */
static int check_file(const char *path)
{
	return access(path, R_OK) ? -errno : 0;
}

static int load(SSL_CTX *context, const char *cert_path, const char *key_path)
{
	int err = check_file(cert_path);

	err = err ? err : check_file(key_path);
	if (err)
		return err;
	if (SSL_CTX_use_certificate_chain_file(context, cert_path) != 1)
		return -EINVAL;
	if (SSL_CTX_use_PrivateKey_file(context, key_path,
					SSL_FILETYPE_PEM) != 1)
		return ERR_GET_REASON(ERR_peek_last_error()) ==
		       X509_R_KEY_VALUES_MISMATCH ? -EKEYREJECTED : -EINVAL;
	return SSL_CTX_check_private_key(context) == 1 ? 0 : -EKEYREJECTED;
}

int tls_server_reload(struct tls_server *server)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method()), *old;
	int err = -ENOMEM;

	if (context) {
		set_up(context);
		err = load(context, server->cert_path, server->key_path);
	}
	ERR_clear_error();
	if (err) {
		SSL_CTX_free(context);
		return err;
	}
	pthread_mutex_lock(&server->lock);
	old = server->context;
	server->context = context;
	pthread_mutex_unlock(&server->lock);
	/* Connections hold references of their own. */
	SSL_CTX_free(old);
	return 0;
}

int tls_server_new(const char *cert_path, const char *key_path,
		   struct tls_server **ret_server)
{
	struct tls_server *server = mem_zalloc(sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	pthread_mutex_init(&server->lock, NULL);
	server->cert_path = cert_path;
	server->key_path = key_path;
	err = tls_server_reload(server);
	if (err)
		tls_server_free(server);
	else
		*ret_server = server;
	return err;
}

void tls_server_free(struct tls_server *server)
{
	if (!server)
		return;
	SSL_CTX_free(server->context);
	pthread_mutex_destroy(&server->lock);
	mem_free(server);
}

static SSL *ssl_new(struct tls_server *server)
{
	SSL *ssl;

	pthread_mutex_lock(&server->lock);
	ssl = SSL_new(server->context);
	pthread_mutex_unlock(&server->lock);
	return ssl;
}

/* Both ends in memory; an empty one says "later", not "the end". */
static int set_ends(struct tls *tls)
{
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (!tls->in || !tls->out) {
		BIO_free(tls->in);
		BIO_free(tls->out);
		return -ENOMEM;
	}
	BIO_set_mem_eof_return(tls->in, -1);
	BIO_set_mem_eof_return(tls->out, -1);
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	SSL_set_accept_state(tls->ssl);
	return 0;
}

struct tls *tls_new(struct tls_server *server)
{
	struct tls *tls = mem_zalloc(sizeof(*tls));

	if (!tls)
		return NULL;
	tls->ssl = ssl_new(server);
	if (!tls->ssl || set_ends(tls)) {
		tls_free(tls);
		return NULL;
	}
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	mem_free(tls);
}

int tls_feed(struct tls *tls, const void *data, size_t len)
{
	return BIO_write(tls->in, data, (int)len) == (int)len ? 0 : -ENOMEM;
}

ssize_t tls_read(struct tls *tls, void *to, size_t size)
{
	int n;

	ERR_clear_error();
	n = SSL_read(tls->ssl, to, (int)size);
	if (n > 0)
		return n;
	switch (SSL_get_error(tls->ssl, n)) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		ERR_clear_error();
		return -EPROTO;
	}
}

int tls_write(struct tls *tls, const void *data, size_t len)
{
	ERR_clear_error();
	while (len) {
		int part = len > INT_MAX ? INT_MAX : (int)len;

		/* Into memory: all of it, or it has failed. */
		if (SSL_write(tls->ssl, data, part) != part) {
			ERR_clear_error();
			return -EIO;
		}
		data = (const char *)data + part;
		len -= part;
	}
	return 0;
}

void tls_bye(struct tls *tls)
{
	if (SSL_is_init_finished(tls->ssl))
		SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

size_t tls_pending(const struct tls *tls)
{
	return BIO_ctrl_pending(tls->out);
}

int tls_take(struct tls *tls, struct buf *to)
{
	size_t len = tls_pending(tls);
	void *room;

	if (!len)
		return 0;
	room = buf_grow(to, len);
	if (!room)
		return to->err;
	return BIO_read(tls->out, room, (int)len) == (int)len ? 0 : -EIO;
}

int tls_untake(struct tls *tls, const struct buf *from)
{
	if (!from->len)
		return 0;
	return BIO_write(tls->out, from->data, (int)from->len) ==
	       (int)from->len ? 0 : -ENOMEM;
}
