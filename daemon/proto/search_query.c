// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "proto/error.h"
#include "proto/query_string.h"
#include "proto/search.h"

static const char *const has_names[SEARCH_HAS_BITS] = {
	"link", "embed", "file", "image", "video", "sound", "sticker", "poll",
	"snapshot",
};

static const char *const author_names[SEARCH_AUTHOR_BITS] = {
	"user", "bot", "webhook",
};

struct parse {
	struct search_query *q;
	struct form *form;
};

static void add_id(const struct parse *p, const char *key, const char *value,
		   struct search_ids *to)
{
	uint64_t id;

	if (!query_number(value, &id))
		form_error(p->form, key, FORM_COERCE,
			   "Value is not snowflake.");
	else if (to->count == SEARCH_IDS_MAX)
		form_error(p->form, key, FORM_LENGTH, "Too many values.");
	else
		to->id[to->count++] = id;
}

static void bound(const struct parse *p, const char *key, const char *value,
		  uint64_t *to)
{
	if (!query_number(value, to))
		form_error(p->form, key, FORM_COERCE,
			   "Value is not snowflake.");
}

static void number(const struct parse *p, const char *key, const char *value,
		   uint64_t min, uint64_t max, uint16_t *to)
{
	uint64_t n;

	if (!query_number(value, &n) || n < min || n > max)
		form_error(p->form, key, FORM_RANGE, "Is out of range.");
	else
		*to = (uint16_t)n;
}

/* A word of `names`; with a '-' in front it is one not wanted. */
static void choice(const struct parse *p, const char *key, const char *value,
		   const char *const *names, uint32_t count, uint32_t *bits,
		   uint32_t *bits_not)
{
	bool negative = value[0] == '-';

	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(value + negative, names[i]))
			continue;
		*(negative ? bits_not : bits) |= 1u << i;
		return;
	}
	form_error(p->form, key, FORM_CHOICES, "Value is not one of them.");
}

static void has(const struct parse *p, const char *key, const char *value)
{
	uint32_t bits = p->q->has, bits_not = p->q->has_not;

	choice(p, key, value, has_names, SEARCH_HAS_BITS, &bits, &bits_not);
	p->q->has = (uint16_t)bits;
	p->q->has_not = (uint16_t)bits_not;
}

static void author_type(const struct parse *p, const char *key,
			const char *value)
{
	uint32_t bits = p->q->author_type, bits_not = p->q->author_type_not;

	choice(p, key, value, author_names, SEARCH_AUTHOR_BITS, &bits,
	       &bits_not);
	p->q->author_type = (uint8_t)bits;
	p->q->author_type_not = (uint8_t)bits_not;
}

static void content(const struct parse *p, const char *key, const char *value)
{
	size_t len = strlen(value);

	if (!utf8_valid(value, len))
		form_error(p->form, key, FORM_TYPE, "Is not UTF-8.");
	else if (utf8_count(value, len) > SEARCH_CONTENT_MAX)
		form_error(p->form, key, FORM_TOO_LONG,
			   "Must be 1024 or fewer in length.");
	else
		memcpy(p->q->content, value, len + 1);
}

static void channel(const struct parse *p, const char *key, const char *value)
{
	add_id(p, key, value, &p->q->channel);
}

static void author(const struct parse *p, const char *key, const char *value)
{
	add_id(p, key, value, &p->q->author);
}

static void mention(const struct parse *p, const char *key, const char *value)
{
	add_id(p, key, value, &p->q->mention);
}

static void min_id(const struct parse *p, const char *key, const char *value)
{
	bound(p, key, value, &p->q->min_id);
}

static void max_id(const struct parse *p, const char *key, const char *value)
{
	bound(p, key, value, &p->q->max_id);
}

static void pinned(const struct parse *p, const char *key, const char *value)
{
	(void)key;
	p->q->pinned = query_is_true(value) ? SEARCH_PINNED_YES :
					      SEARCH_PINNED_NO;
}

static void sort_by(const struct parse *p, const char *key, const char *value)
{
	p->q->relevance = !strcmp(value, "relevance");
	if (!p->q->relevance && strcmp(value, "timestamp"))
		form_error(p->form, key, FORM_CHOICES,
			   "Value is not one of them.");
}

static void sort_order(const struct parse *p, const char *key,
		       const char *value)
{
	p->q->ascending = !strcmp(value, "asc");
	if (!p->q->ascending && strcmp(value, "desc"))
		form_error(p->form, key, FORM_CHOICES,
			   "Value is not one of them.");
}

static void slop(const struct parse *p, const char *key, const char *value)
{
	number(p, key, value, 0, SEARCH_SLOP_MAX, &p->q->slop);
}

static void limit(const struct parse *p, const char *key, const char *value)
{
	number(p, key, value, 1, SEARCH_LIMIT_MAX, &p->q->limit);
}

static void offset(const struct parse *p, const char *key, const char *value)
{
	number(p, key, value, 0, SEARCH_OFFSET_MAX, &p->q->offset);
}

static const struct {
	const char *key;
	void (*fn)(const struct parse *p, const char *key, const char *value);
} parameters[] = {
	{ "content", content },
	{ "channel_id", channel },
	{ "author_id", author },
	{ "author_type", author_type },
	{ "mentions", mention },
	{ "has", has },
	{ "pinned", pinned },
	{ "min_id", min_id },
	{ "max_id", max_id },
	{ "slop", slop },
	{ "sort_by", sort_by },
	{ "sort_order", sort_order },
	{ "limit", limit },
	{ "offset", offset },
};

static void parameter(const struct parse *p, const char *key,
		      const char *value)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (!strcmp(parameters[i].key, key))
			parameters[i].fn(p, key, value);
}

int search_query_parse(const char *query, size_t len, void **ret_query,
		       struct form *form)
{
	struct query_string at = { query, query + len };
	struct parse p = { mem_zalloc(sizeof(*p.q)), form };
	char key[QUERY_KEY_MAX], value[sizeof(p.q->content)];

	if (!p.q)
		return -ENOMEM;
	p.q->limit = SEARCH_LIMIT_MAX;
	p.q->slop = SEARCH_SLOP_DEFAULT;
	while (query_string_next(&at, key, value, sizeof(value)))
		parameter(&p, key, value);
	*ret_query = p.q;
	return 0;
}

void search_query_fini(void *query)
{
	mem_free(query);
}
