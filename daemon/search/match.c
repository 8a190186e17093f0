// SPDX-License-Identifier: Apache-2.0
#include "search/match.h"

#include <errno.h>
#include <string.h>

#include "search/tokens.h"

/* --- the scope --- */

static const char *const has_terms[SEARCH_HAS_BITS] = {
	"hlink", "hembed", "hfile", "himage", "hvideo", "hsound", "hsticker",
	"hpoll", "hsnapshot",
};

static const char *const author_terms[SEARCH_AUTHOR_BITS] = {
	"tuser", "tbot", "twebhook",
};

/* In base 36: a third shorter than in decimal. */
static void put_id(struct buf *out, char kind, uint64_t id)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	char text[16], *at = text + sizeof(text);

	do {
		*--at = digits[id % 36];
		id /= 36;
	} while (id);
	buf_putc(out, kind);
	buf_append(out, at, (size_t)(text + sizeof(text) - at));
}

static bool holds(const char *text, const char *part)
{
	return text && strstr(text, part);
}

static uint32_t has_of(const struct message *m)
{
	uint32_t has = 0;

	if (holds(m->content, "https://") || holds(m->content, "http://"))
		has |= SEARCH_HAS_LINK;
	if (m->embeds)
		has |= SEARCH_HAS_EMBED;
	if (m->attachments)
		has |= SEARCH_HAS_FILE;
	if (holds(m->attachments, "\"content_type\":\"image/"))
		has |= SEARCH_HAS_IMAGE;
	if (holds(m->attachments, "\"content_type\":\"video/"))
		has |= SEARCH_HAS_VIDEO;
	if (holds(m->attachments, "\"content_type\":\"audio/"))
		has |= SEARCH_HAS_SOUND;
	return has;
}

static uint32_t author_of(const struct message *m)
{
	if (m->webhook_id)
		return SEARCH_AUTHOR_WEBHOOK;
	return m->author.bot ? SEARCH_AUTHOR_BOT : SEARCH_AUTHOR_USER;
}

static void put_terms(struct buf *out, uint32_t bits, const char *const *terms)
{
	for (; bits; bits &= bits - 1) {
		buf_putc(out, ' ');
		buf_puts(out, terms[__builtin_ctz(bits)]);
	}
}

void match_put_scope(struct buf *out, const struct message *m)
{
	put_id(out, 'c', m->channel_id);
	buf_putc(out, ' ');
	put_id(out, 'a', m->author.id);
	put_terms(out, author_of(m), author_terms);
	put_terms(out, has_of(m), has_terms);
	for (uint32_t i = 0; i < m->mention_count; i++) {
		buf_putc(out, ' ');
		put_id(out, 'm', m->mention[i].id);
	}
	buf_puts(out, m->pinned ? " x p" : " x");
}

/* --- the expression --- */

struct writer {
	struct buf *out;
	bool any;		/* a part that must match is there */
};

static void open_part(struct writer *w, const char *column)
{
	buf_puts(w->out, w->any ? " AND " : "");
	buf_puts(w->out, column);
	w->any = true;
}

static void put_quoted(struct buf *out, const char *text, size_t len)
{
	buf_putc(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			buf_putc(out, '"');
		buf_putc(out, text[i]);
	}
	buf_putc(out, '"');
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next of the words between spaces; NULL: no more. */
static const char *next_word(const char **at, size_t *ret_len)
{
	const char *word;

	while (is_space(**at))
		(*at)++;
	word = *at;
	while (**at && !is_space(**at))
		(*at)++;
	*ret_len = (size_t)(*at - word);
	return *ret_len ? word : NULL;
}

/*
 * Each word as a phrase, all of them close to each other: NEAR counts what lies
 * between the first and the last, the other words among it.
 */
static int put_content(struct writer *w, const struct search_query *q,
		       struct tokens *tokens)
{
	const char *word, *at = q->content;
	int terms = 0, n;
	size_t len;

	if (!next_word(&at, &len))
		return 0;
	open_part(w, "word : NEAR(");
	at = q->content;
	while ((word = next_word(&at, &len))) {
		n = tokens_count(tokens, word, len);
		if (n < 0)
			return n;
		if (!n)
			continue;
		buf_puts(w->out, terms ? " " : "");
		put_quoted(w->out, word, len);
		terms += n;
	}
	buf_printf(w->out, ", %d)", q->slop + (terms > 2 ? terms - 2 : 0));
	return terms ? 0 : -ENOENT;
}

static void put_ids(struct writer *w, char kind, const struct search_ids *ids)
{
	if (!ids->count)
		return;
	open_part(w, "scope : (");
	for (uint32_t i = 0; i < ids->count; i++) {
		buf_puts(w->out, i ? " OR " : "");
		put_id(w->out, kind, ids->id[i]);
	}
	buf_putc(w->out, ')');
}

static void put_any(struct writer *w, uint32_t bits, const char *const *terms)
{
	if (!bits)
		return;
	open_part(w, "scope : (");
	buf_puts(w->out, terms[__builtin_ctz(bits)]);
	for (bits &= bits - 1; bits; bits &= bits - 1)
		buf_printf(w->out, " OR %s", terms[__builtin_ctz(bits)]);
	buf_putc(w->out, ')');
}

static void put_all(struct writer *w, uint32_t bits, const char *const *terms)
{
	for (; bits; bits &= bits - 1) {
		open_part(w, "scope : ");
		buf_puts(w->out, terms[__builtin_ctz(bits)]);
	}
}

/* Behind everything that must match, of which there is some. */
static void put_not(struct writer *w, uint32_t bits, const char *const *terms)
{
	for (; bits; bits &= bits - 1)
		buf_printf(w->out, " NOT scope : %s",
			   terms[__builtin_ctz(bits)]);
}

int match_put_query(struct buf *out, const struct search_query *q,
		    struct tokens *tokens)
{
	struct writer w = { .out = out };
	int err;

	buf_putc(out, '(');
	err = put_content(&w, q, tokens);
	if (err)
		return err;
	put_ids(&w, 'c', &q->channel);
	put_ids(&w, 'a', &q->author);
	put_ids(&w, 'm', &q->mention);
	put_all(&w, q->has, has_terms);
	put_any(&w, q->author_type, author_terms);
	if (q->pinned == SEARCH_PINNED_YES)
		open_part(&w, "scope : p");
	if (!w.any)
		open_part(&w, "scope : x");
	buf_putc(out, ')');
	put_not(&w, q->has_not, has_terms);
	put_not(&w, q->author_type_not, author_terms);
	if (q->pinned == SEARCH_PINNED_NO)
		buf_puts(out, " NOT scope : p");
	return out->err;
}
