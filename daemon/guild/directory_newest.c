// SPDX-License-Identifier: Apache-2.0
/*
 * The newest message of a direct channel, asked of the data service when it is
 * first needed: after a start nobody knows it, and a channel's actor runs only
 * while it is used.
 */
#include <errno.h>

#include "guild/directory_state.h"
#include "proto/data.h"

struct ask {
	struct dir_job job;
	struct dir_newest *for_whom;
	uint64_t channel_id;
};

static void one_less(struct directory *d, struct dir_newest *n)
{
	if (!--n->waiting)
		n->then(d, n);
}

static void answered(struct directory *d, struct dir_job *job,
		     struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct ask *a = (struct ask *)job;
	struct dir_direct *dm = dir_direct(d, a->channel_id);
	struct dir_newest *n = a->for_whom;

	/* Its actor may have told of a newer one meanwhile. */
	if (!m->status && !dm->newest_known) {
		dm->newest_known = true;
		dm->newest_id = m->rows->count ? m->rows->row[0].id : 0;
	}
	dir_job_free(d, job);
	one_less(d, n);
}

static void ask(struct directory *d, struct dir_newest *n, uint64_t channel_id)
{
	struct store_read_msg *m;
	struct ask *a;

	a = dir_job_new(d, sizeof(*a), NULL, answered, NULL);
	m = a ? ACTOR_MSG_NEW(struct store_read_msg, DATA_PAGE) : NULL;
	if (!m) {
		if (a)
			dir_job_free(d, &a->job);
		return;
	}
	a->for_whom = n;
	a->channel_id = channel_id;
	m->head.tag = a->job.tag;
	m->channel = channel_id;
	m->space = STORE_SPACE_MESSAGE;
	m->dir = STORE_BEFORE;
	m->limit = 1;
	if (actor_send(d->self, data_route(actor_system_of(d->self),
					   channel_id), &m->head))
		dir_job_free(d, &a->job);
	else
		n->waiting++;
}

void dir_newest_of(struct directory *d, struct dir_newest *n,
		   struct dir_direct *const *dm, uint32_t count)
{
	/* Held until all are asked for. */
	n->waiting = 1;
	for (uint32_t i = 0; i < count; i++)
		if (!dm[i]->newest_known)
			ask(d, n, dm[i]->is.id);
	one_less(d, n);
}
