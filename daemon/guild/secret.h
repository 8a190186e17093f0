/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, passwords and codes.  A token is kept as a hash keyed with a secret
 * of this installation, a password as argon2id; neither in clear.
 */
#ifndef GUILD_SECRET_H
#define GUILD_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define SECRET_KEY_SIZE 32
#define TOKEN_SIZE 96		/* characters of a token, NUL included */
#define TOKEN_HASH_SIZE 32
#define PASSWORD_HASH_SIZE 128
#define CODE_SIZE 12

struct secret {
	uint8_t key[SECRET_KEY_SIZE];
};

/* Reads the key from `path`, or makes it (mode 0600).  Blocks. */
int secret_load(const char *path, struct secret *ret_secret);

/* A fresh one: the user's id, the time, and 27 bytes of randomness. */
void token_make(uint64_t user_id, uint64_t unix_ms, char ret_token[TOKEN_SIZE]);
void token_hash(const struct secret *secret, const char *token,
		uint8_t ret_hash[TOKEN_HASH_SIZE]);
/* What a webhook is called with: a function of the key and its id. */
void token_of_webhook(const struct secret *secret, uint64_t webhook_id,
		      char ret_token[TOKEN_SIZE]);

/* Both take about 0.1 s and 64 MiB: only on a thread that may block. */
int password_hash(const char *password, char ret_hash[PASSWORD_HASH_SIZE]);
int password_verify(const char *password, const char *hash);	/* -EACCES */

/* A password, or an invite's code, that a person can copy. */
void code_make(char *ret_code, size_t size);

#endif
