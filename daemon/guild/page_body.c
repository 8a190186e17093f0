// SPDX-License-Identifier: Apache-2.0
#include "guild/page_body.h"

#include "base/blob.h"
#include "base/check.h"
#include "guild/state.h"
#include "proto/rows.h"

static void drop(struct page_body *p)
{
	rows_put(p->rows);
	blob_put(p->body);
	p->rows = NULL;
	p->body = NULL;
}

void page_body_enter(struct page_body *p)
{
	p->readers++;
}

void page_body_leave(struct page_body *p)
{
	check(p->readers);
	if (!--p->readers)
		drop(p);
}

/* Rows that are kept are not freed, so another page has other rows. */
struct blob *page_body_find(const struct page_body *p, const struct state *s,
			    const struct rows *rows)
{
	return p->rows == rows && p->users == s->users ? p->body : NULL;
}

void page_body_keep(struct page_body *p, const struct state *s,
		    struct rows *rows, struct blob *body)
{
	drop(p);
	p->rows = rows_get(rows);
	p->body = blob_get(body);
	p->users = s->users;
}
