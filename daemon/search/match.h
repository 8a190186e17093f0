/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two texts of a message that are indexed, and the FTS5 expression that
 * finds it.
 *
 *	word	its content
 *	scope	what filters ask for, as terms: x; c, a, m and an id (channel,
 *		author, mention; letters and digits); h and a kind (has); t and a
 *		kind of author; p (pinned)
 */
#ifndef SEARCH_MATCH_H
#define SEARCH_MATCH_H

#include "base/buf.h"
#include "proto/model.h"
#include "proto/search.h"

struct tokens;

void match_put_scope(struct buf *out, const struct message *m);

/*
 * Writes the expression for what `q` asks, its ids, limits and order left
 * aside.  What users typed only ever stands inside quotes, so that none of it
 * is an operator.  -ENOENT: nothing can match, for the content has no word.
 */
int match_put_query(struct buf *out, const struct search_query *q,
		    struct tokens *tokens);

#endif
