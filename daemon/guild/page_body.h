/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON of the page that a herd reads: those whose reads became one store
 * read get the same rows, and with them the same body, encoded once.  It is
 * kept while any page is being read, and for pages that look the same to
 * everybody only.
 */
#ifndef GUILD_PAGE_BODY_H
#define GUILD_PAGE_BODY_H

#include <stdint.h>

struct blob;
struct rows;
struct state;

/* Good when zeroed. */
struct page_body {
	uint32_t readers;	/* of pages, any; nothing is kept without */
	struct rows *rows;	/* owned; NULL: nothing is kept */
	struct blob *body;	/* owned */
	uint64_t users;		/* state.users it was made with */
};

/* Somebody begins and ends to read a page. */
void page_body_enter(struct page_body *p);
void page_body_leave(struct page_body *p);

/* The body of these very rows, or NULL.  Borrows. */
struct blob *page_body_find(const struct page_body *p, const struct state *s,
			    const struct rows *rows);
/* Borrows both. */
void page_body_keep(struct page_body *p, const struct state *s,
		    struct rows *rows, struct blob *body);

#endif
