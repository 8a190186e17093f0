/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How text becomes terms, the same way when it is indexed and when it is
 * searched for.
 *
 * The FTS5 tokenizer "superdisk" is its unicode61 (case and diacritics folded)
 * but for scripts without spaces between words (Han, Kana, Hangul, Bopomofo):
 * there each pair of neighbours is a term, and in indexed text each character
 * as well, at the same place, so that words of one, two and more characters
 * are all found as phrases.
 */
#ifndef SEARCH_TOKENS_H
#define SEARCH_TOKENS_H

#include <stddef.h>

struct sqlite3;
struct tokens;

/* Registers the tokenizer with a connection.  0 or an SQLite error code. */
int tokens_register(struct sqlite3 *db);

/* Of a connection that has it; to be freed before that.  NULL: none. */
struct tokens *tokens_new(struct sqlite3 *db);
void tokens_free(struct tokens *t);

/* How many terms a query's text has; -ENOMEM. */
int tokens_count(struct tokens *t, const char *text, size_t len);

#endif
