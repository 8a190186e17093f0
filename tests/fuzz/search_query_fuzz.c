// SPDX-License-Identifier: Apache-2.0
/*
 * Query strings of searches: whatever is asked, SQLite gets an expression that
 * it understands, and what users typed is none of its operators.  A search for
 * one message's text within quotes or not finds that message.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "proto/error.h"
#include "search/cell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define CHANNEL 5

static struct cell *cell;
static struct message message = { .id = 100, .channel_id = CHANNEL };

static void put(uint64_t id, const char *content)
{
	message.id = id;
	message.content = content;
	message.content_len = strlen(content);
	check(!cell_put(cell, &message));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	check(!cell_open(":memory:", &cell));
	put(1, "alpha beta gamma");
	put(2, "alpha NOT near OR beta");
	put(3, "東京 alpha");
	return 0;
}

static int search(const struct search_query *q, struct search_hits_msg *hits)
{
	static const uint64_t readable[] = { CHANNEL };

	return cell_search(cell, q, readable, 1, hits);
}

static void check_query(const char *text, size_t len)
{
	struct form *form = form_new();
	struct search_hits_msg hits;
	void *query = NULL;

	check(form && !search_query_parse(text, len, &query, form));
	if (form_is_good(form))
		check(!search(query, &hits));
	search_query_fini(query);
	form_free(form);
}

/* A message that says just this is found by it, unless it says no word. */
static void check_content(const char *text, size_t len)
{
	struct search_query *q = mem_zalloc(sizeof(*q));
	struct search_hits_msg hits;

	if (len >= sizeof(q->content) || memchr(text, 0, len) ||
	    !utf8_valid(text, len))
		goto out;
	memcpy(q->content, text, len);
	q->limit = SEARCH_LIMIT_MAX;
	q->slop = SEARCH_SLOP_MAX;
	put(100, q->content);
	check(!search(q, &hits));
	/* It is the newest; where any is found, it is. */
	if (hits.count)
		check(hits.hit[0].id == 100);
	check(!cell_delete(cell, 100));
	check(!search(q, &hits));
	for (uint32_t i = 0; i < hits.count; i++)
		check(hits.hit[i].id != 100);
out:
	mem_free(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);

	/* The input has no terminator of its own. */
	check(text);
	memcpy(text, data, size);
	check_query(text, strlen(text));
	check_content((const char *)data, size);
	free(text);
	return 0;
}
