// SPDX-License-Identifier: Apache-2.0
#include "guild/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/snowflake.h"

#define TOKEN_RANDOM 27

/* Unpadded: three parts joined by dots. */
#define BASE64 sodium_base64_VARIANT_URLSAFE_NO_PADDING

static int write_key(int fd, const struct secret *secret)
{
	if (write(fd, secret->key, sizeof(secret->key)) !=
	    (ssize_t)sizeof(secret->key))
		return -EIO;
	return fsync(fd) ? -errno : 0;
}

/* Written beside and renamed, so that no crash leaves half a key. */
static int make_key(const char *path, struct secret *secret)
{
	char fresh[4096];
	int fd, err;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	randombytes_buf(secret->key, sizeof(secret->key));
	err = write_key(fd, secret);
	close(fd);
	if (!err && rename(fresh, path))
		err = -errno;
	return err;
}

int secret_load(const char *path, struct secret *ret_secret)
{
	ssize_t n;
	int fd;

	if (sodium_init() < 0)
		return -EIO;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? make_key(path, ret_secret) : -errno;
	n = read(fd, ret_secret->key, sizeof(ret_secret->key));
	close(fd);
	return n == (ssize_t)sizeof(ret_secret->key) ? 0 : -EIO;
}

static size_t put_base64(char *to, size_t room, const void *data, size_t len)
{
	check(sodium_base64_ENCODED_LEN(len, BASE64) <= room);
	sodium_bin2base64(to, room, data, len, BASE64);
	return strlen(to);
}

void token_make(uint64_t user_id, uint64_t unix_ms, char ret_token[TOKEN_SIZE])
{
	uint8_t random[TOKEN_RANDOM], stamp[4];
	uint32_t s = (uint32_t)((unix_ms - SNOWFLAKE_EPOCH_MS) / 1000);
	char id[24];
	size_t n;

	for (int i = 0; i < 4; i++)
		stamp[i] = (uint8_t)(s >> (24 - 8 * i));
	randombytes_buf(random, sizeof(random));
	snprintf(id, sizeof(id), "%llu", (unsigned long long)user_id);
	n = put_base64(ret_token, TOKEN_SIZE, id, strlen(id));
	ret_token[n++] = '.';
	n += put_base64(ret_token + n, TOKEN_SIZE - n, stamp, sizeof(stamp));
	ret_token[n++] = '.';
	put_base64(ret_token + n, TOKEN_SIZE - n, random, sizeof(random));
}

void token_hash(const struct secret *secret, const char *token,
		uint8_t ret_hash[TOKEN_HASH_SIZE])
{
	crypto_generichash(ret_hash, TOKEN_HASH_SIZE, (const uint8_t *)token,
			   strlen(token), secret->key, sizeof(secret->key));
}

void token_of_webhook(const struct secret *secret, uint64_t webhook_id,
		      char ret_token[TOKEN_SIZE])
{
	uint8_t hash[51];
	char text[48];

	snprintf(text, sizeof(text), "webhook %llu",
		 (unsigned long long)webhook_id);
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)text,
			   strlen(text), secret->key, sizeof(secret->key));
	put_base64(ret_token, TOKEN_SIZE, hash, sizeof(hash));
}

int password_hash(const char *password, char ret_hash[PASSWORD_HASH_SIZE])
{
	_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES,
		       "room for the hash");

	if (crypto_pwhash_str(ret_hash, password, strlen(password),
			      crypto_pwhash_OPSLIMIT_INTERACTIVE,
			      crypto_pwhash_MEMLIMIT_INTERACTIVE))
		return -ENOMEM;
	return 0;
}

int password_verify(const char *password, const char *hash)
{
	return crypto_pwhash_str_verify(hash, password, strlen(password)) ?
		       -EACCES : 0;
}

void code_make(char *ret_code, size_t size)
{
	/* Without what looks alike: 0 O, 1 l I. */
	static const char letters[] =
		"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

	for (size_t i = 0; i + 1 < size; i++)
		ret_code[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
	ret_code[size - 1] = 0;
}
