// SPDX-License-Identifier: Apache-2.0
#include "search/tokens.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

#define NAME "superdisk"

struct tokens {
	fts5_tokenizer base;	/* unicode61 */
	Fts5Tokenizer *instance;
};

typedef int (*token_fn)(void *ctx, int flags, const char *text, int len,
			int start, int end);

static const struct {
	uint32_t first, last;
} dense[] = {
	{ 0x1100, 0x11ff },	/* Hangul Jamo */
	{ 0x2e80, 0x2fdf },	/* radicals */
	{ 0x3005, 0x3007 },
	{ 0x3021, 0x3029 },
	{ 0x3031, 0x30ff },	/* Kana */
	{ 0x3100, 0x318f },	/* Bopomofo, Jamo */
	{ 0x31a0, 0x31bf },
	{ 0x31f0, 0x31ff },
	{ 0x3400, 0x4dbf },
	{ 0x4e00, 0x9fff },	/* Han */
	{ 0xa960, 0xa97f },
	{ 0xac00, 0xd7ff },	/* Hangul */
	{ 0xf900, 0xfaff },
	{ 0xff66, 0xffdc },	/* half width */
	{ 0x20000, 0x323af },
};

/* Well-formed UTF-8 of `len` bytes. */
static uint32_t code_point(const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Of what length is the character here, and is it of a dense script? */
static bool is_dense(const char *text, size_t len, size_t *ret_len)
{
	size_t n = utf8_len(text, len);
	uint32_t c;

	*ret_len = n ? n : 1;
	if (n < 3)
		return false;
	c = code_point(text, n);
	for (size_t i = 0; i < sizeof(dense) / sizeof(dense[0]); i++)
		if (c >= dense[i].first && c <= dense[i].last)
			return true;
	return false;
}

/* A term of unicode61 being taken apart. */
struct split {
	void *ctx;
	token_fn emit;
	bool query;
	int start, end;		/* of the whole term in the text */
};

static int emit(const struct split *s, int flags, const char *text, size_t len)
{
	return s->emit(s->ctx, flags, text, (int)len, s->start, s->end);
}

/*
 * A run of dense characters.  Indexed: each pair, its first character beside
 * it, and the last one alone.  A query: pairs, or the only character.
 */
static int emit_run(const struct split *s, const char *text, size_t len)
{
	size_t here, next, at = 0;
	int err = SQLITE_OK;

	while (err == SQLITE_OK && at < len) {
		here = utf8_len(text + at, len - at);
		next = utf8_len(text + at + here, len - at - here);
		if (next)
			err = emit(s, 0, text + at, here + next);
		if (err == SQLITE_OK && (next ? !s->query :
					 !s->query || !at))
			err = emit(s, next ? FTS5_TOKEN_COLOCATED : 0,
				   text + at, here);
		at += here;
	}
	return err;
}

static int on_token(void *ctx, int flags, const char *text, int len, int start,
		    int end)
{
	struct split *s = ctx;
	size_t left = (size_t)len, n, run;
	int err = SQLITE_OK;

	s->start = start;
	s->end = end;
	while (err == SQLITE_OK && left) {
		bool first = is_dense(text, left, &n);

		run = n;
		while (run < left && is_dense(text + run, left - run, &n) ==
				     first)
			run += n;
		run = run < left ? run : left;
		err = first ? emit_run(s, text, run) :
			      emit(s, flags, text, run);
		text += run;
		left -= run;
	}
	return err;
}

static int tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags,
		    const char *text, int len, token_fn fn)
{
	struct tokens *t = (struct tokens *)tokenizer;
	struct split split = { .ctx = ctx, .emit = fn,
			       .query = flags & FTS5_TOKENIZE_QUERY };

	return t->base.xTokenize(t->instance, &split, flags, text, len,
				 on_token);
}

static void delete(Fts5Tokenizer *tokenizer)
{
	struct tokens *t = (struct tokens *)tokenizer;

	if (t->instance)
		t->base.xDelete(t->instance);
	mem_free(t);
}

static int create(void *api_ptr, const char **argv, int argc,
		  Fts5Tokenizer **ret_tokenizer)
{
	static const char *args[] = { "remove_diacritics", "2" };
	struct tokens *t = mem_zalloc(sizeof(*t));
	fts5_api *api = api_ptr;
	void *base_ctx;
	int err;

	(void)argv;
	(void)argc;
	if (!t)
		return SQLITE_NOMEM;
	err = api->xFindTokenizer(api, "unicode61", &base_ctx, &t->base);
	if (err == SQLITE_OK)
		err = t->base.xCreate(base_ctx, args, 2, &t->instance);
	if (err == SQLITE_OK)
		*ret_tokenizer = (Fts5Tokenizer *)t;
	else
		delete((Fts5Tokenizer *)t);
	return err;
}

static fts5_api *api_of(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	fts5_api *api = NULL;

	if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &stmt, NULL))
		return NULL;
	sqlite3_bind_pointer(stmt, 1, &api, "fts5_api_ptr", NULL);
	sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return api;
}

int tokens_register(sqlite3 *db)
{
	fts5_tokenizer module = { create, delete, tokenize };
	fts5_api *api = api_of(db);

	if (!api)
		return SQLITE_ERROR;
	return api->xCreateTokenizer(api, NAME, api, &module, NULL);
}

struct tokens *tokens_new(sqlite3 *db)
{
	fts5_api *api = api_of(db);
	Fts5Tokenizer *t;

	if (!api || create(api, NULL, 0, &t) != SQLITE_OK)
		return NULL;
	return (struct tokens *)t;
}

void tokens_free(struct tokens *t)
{
	if (t)
		delete((Fts5Tokenizer *)t);
}

static int count_one(void *ctx, int flags, const char *text, int len,
		     int start, int end)
{
	(void)text;
	(void)len;
	(void)start;
	(void)end;
	*(int *)ctx += !(flags & FTS5_TOKEN_COLOCATED);
	return SQLITE_OK;
}

int tokens_count(struct tokens *t, const char *text, size_t len)
{
	int count = 0;

	if (tokenize((Fts5Tokenizer *)t, &count, FTS5_TOKENIZE_QUERY, text,
		     (int)len, count_one) != SQLITE_OK)
		return -ENOMEM;
	return count;
}
