// SPDX-License-Identifier: Apache-2.0
#include "search/follow.h"

#include <errno.h>

#include "base/mem.h"

/* Pages of one batch: what waits behind it waits for no more. */
#define PAGES_MAX 8u

void follow_init(struct follow *f, uint64_t generation)
{
	*f = (struct follow){ .generation = generation };
}

void follow_fini(struct follow *f)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&f->channels, &iter, NULL, &value))
		mem_free((void *)(uintptr_t)value);
	hmap_fini(&f->channels);
	mem_free(f->dirty);
}

static struct follow_channel *find(const struct follow *f, uint64_t id)
{
	return hmap_get_ptr(&f->channels, id);
}

static struct follow_channel *find_or_add(struct follow *f, uint64_t id)
{
	struct follow_channel *c = find(f, id);

	if (c)
		return c;
	c = mem_zalloc(sizeof(*c));
	if (!c)
		return NULL;
	c->id = id;
	if (!hmap_set(&f->channels, id, (uintptr_t)c))
		return c;
	mem_free(c);
	return NULL;
}

int follow_channel(struct follow *f, uint64_t channel, uint64_t newest)
{
	struct follow_channel *c = find_or_add(f, channel);

	if (!c)
		return -ENOMEM;
	if (newest > c->newest)
		c->newest = newest;
	return 0;
}

static void doubt_tail(struct follow_channel *c, uint64_t id)
{
	if (!c->late || id < c->late)
		c->late = id;
	if (id > c->late_end)
		c->late_end = id;
}

/* The doubted range grows to hold `id`, and what lies between. */
static void doubt(struct follow_channel *c, uint64_t id)
{
	if (id > c->mark) {
		doubt_tail(c, id);
		return;
	}
	if (c->scrub == c->scrub_end) {
		c->scrub = id - 1;
		c->scrub_end = id;
	}
	if (id <= c->scrub)
		c->scrub = id - 1;
	if (id > c->scrub_end)
		c->scrub_end = id;
	c->doubts++;
	c->unsaved = true;
}

/* The mark has passed what was doubted of the tail. */
static void tail_moved(struct follow_channel *c)
{
	uint64_t late = c->late, late_end = c->late_end;

	if (!late || late_end > c->mark)
		return;
	c->late = c->late_end = 0;
	doubt(c, late);
	doubt(c, late_end);
}

/*
 * What a page under way has seen is not believed either.  At least the newest
 * message is compared, so that the mark is written anew.
 */
static void doubt_since(struct follow_channel *c,
			const struct follow_since *since)
{
	uint64_t from = since->id;

	if (c->mark) {
		doubt(c, from < c->mark ? from + 1 : c->mark);
		doubt(c, c->mark);
	}
	if (c->newest > c->mark) {
		doubt_tail(c, c->mark + 1);
		doubt_tail(c, c->newest);
	}
	if (since->notes && (!c->notes || since->notes < c->notes))
		c->notes = since->notes;
}

int follow_restore(struct follow *f, const struct cell_mark *mark,
		   const struct follow_since *since)
{
	struct follow_channel *c = find_or_add(f, mark->channel);

	if (!c)
		return -ENOMEM;
	c->mark = mark->mark;
	c->scrub = mark->scrub;
	c->scrub_end = mark->scrub_end;
	if (c->newest < c->mark)
		c->newest = c->mark;
	if (mark->generation != f->generation) {
		c->stale = c->mark;
		c->generation = mark->generation;
		doubt_since(c, since);
	}
	tail_moved(c);
	return 0;
}

/* Of an id that a read may have seen already. */
static void add_dirty(struct follow *f, struct follow_channel *c, uint64_t id)
{
	if (!f->dirty)
		f->dirty = mem_alloc(FOLLOW_DIRTY_MAX * sizeof(*f->dirty));
	if (!f->dirty || f->dirty_count == FOLLOW_DIRTY_MAX)
		doubt(c, id);
	else
		f->dirty[f->dirty_count++] =
			(struct follow_dirty){ c->id, id };
}

int follow_changed(struct follow *f, uint64_t channel, uint64_t id)
{
	struct follow_channel *c = find_or_add(f, channel);

	if (!c)
		return -ENOMEM;
	if (!id)
		return 0;
	if (id <= c->newest)
		add_dirty(f, c, id);
	else
		c->newest = id;
	return 0;
}

void follow_doubt(struct follow *f, const struct follow_since *since)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&f->channels, &iter, NULL, &value))
		doubt_since((struct follow_channel *)(uintptr_t)value, since);
}

void follow_forget(struct follow *f)
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&f->channels, &iter, NULL, &value)) {
		struct follow_channel *c = (void *)(uintptr_t)value;

		c->mark = c->scrub = c->scrub_end = 0;
		c->late = c->late_end = c->notes = 0;
		c->stale = false;
		c->doubts++;
	}
	f->dirty_count = 0;
	f->caught_up = false;
}

void follow_drop(struct follow *f, uint64_t channel)
{
	struct follow_channel *c = find(f, channel);
	uint32_t kept = 0;

	if (!c)
		return;
	for (uint32_t i = 0; i < f->dirty_count; i++)
		if (f->dirty[i].channel != channel)
			f->dirty[kept++] = f->dirty[i];
	f->dirty_count = kept;
	hmap_del(&f->channels, channel);
	mem_free(c);
}

static bool has_tail(const struct follow_channel *c)
{
	return c->newest > c->mark;
}

static bool has_scrub(const struct follow_channel *c)
{
	return c->scrub < c->scrub_end;
}

static bool has_notes(const struct follow_channel *c)
{
	return c->notes;
}

static bool is_unsaved(const struct follow_channel *c)
{
	return c->unsaved || c->late || c->stale || c->notes;
}

static bool any(const struct follow *f,
		bool (*is)(const struct follow_channel *c))
{
	uint64_t value;
	size_t iter = 0;

	while (hmap_next(&f->channels, &iter, NULL, &value))
		if (is((const struct follow_channel *)(uintptr_t)value))
			return true;
	return false;
}

bool follow_is_ready(struct follow *f)
{
	if (!f->caught_up)
		f->caught_up = !any(f, has_tail);
	return f->caught_up;
}

bool follow_is_deep(const struct follow *f)
{
	return any(f, has_scrub);
}

bool follow_is_saved(const struct follow *f)
{
	return !f->dirty_count && !any(f, is_unsaved);
}

bool follow_has_work(const struct follow *f)
{
	return f->dirty_count || any(f, has_notes) || any(f, has_tail) ||
	       any(f, has_scrub);
}

uint32_t follow_behind(const struct follow *f)
{
	uint64_t value;
	size_t iter = 0;
	uint32_t n = 0;

	while (hmap_next(&f->channels, &iter, NULL, &value)) {
		const struct follow_channel *c = (void *)(uintptr_t)value;

		n += has_tail(c) || has_scrub(c) || has_notes(c);
	}
	return n;
}

static uint32_t next_dirty(struct follow *f, struct follow_read *reads,
			   uint32_t max)
{
	uint32_t n = 0;

	while (n < max && f->dirty_count) {
		const struct follow_dirty *d = &f->dirty[--f->dirty_count];

		reads[n++] = (struct follow_read){
			.kind = FOLLOW_ONE, .channel = d->channel,
			.id = d->id, .limit = 1,
		};
	}
	return n;
}

static bool (*const has_pages[])(const struct follow_channel *c) = {
	[FOLLOW_NOTES] = has_notes,
	[FOLLOW_TAIL] = has_tail,
	[FOLLOW_SCRUB] = has_scrub,
};

static uint64_t page_from(const struct follow_channel *c, enum follow_kind kind)
{
	return kind == FOLLOW_NOTES ? c->notes :
	       kind == FOLLOW_TAIL ? c->mark : c->scrub;
}

static uint32_t next_pages(struct follow *f, struct follow_read *reads,
			   uint32_t max, uint32_t limit, enum follow_kind kind)
{
	uint64_t value;
	size_t iter = 0;
	uint32_t n = 0;

	while (n < max && hmap_next(&f->channels, &iter, NULL, &value)) {
		const struct follow_channel *c = (void *)(uintptr_t)value;

		if (!has_pages[kind](c))
			continue;
		reads[n++] = (struct follow_read){
			.kind = kind, .channel = c->id, .limit = limit,
			.from = page_from(c, kind),
			.newest = c->newest, .doubts = c->doubts,
		};
	}
	return n;
}

uint32_t follow_next(struct follow *f, struct follow_read *reads, uint32_t max,
		     uint32_t limit)
{
	uint32_t pages = max < PAGES_MAX ? max : PAGES_MAX;
	uint32_t n = next_dirty(f, reads, max);

	if (!n)
		n = next_pages(f, reads, pages, limit, FOLLOW_NOTES);
	if (!n)
		n = next_pages(f, reads, pages, limit, FOLLOW_TAIL);
	return n ? n : next_pages(f, reads, 1, limit, FOLLOW_SCRUB);
}

static void fill_mark(const struct follow *f, const struct follow_channel *c,
		      struct follow_read *read)
{
	bool stale = c->stale && (c->notes || f->dirty_count);

	read->mark = (struct cell_mark){
		.channel = c->id,
		.generation = stale ? c->generation : f->generation,
		.mark = c->mark, .scrub = c->scrub, .scrub_end = c->scrub_end,
	};
}

/*
 * A full page says all up to its newest row; one that is not, all up to what
 * was known to be there when it was asked for, at least.
 */
void follow_read_done(const struct follow *f, struct follow_read *read,
		      uint32_t count, uint64_t last)
{
	const struct follow_channel *c = find(f, read->channel);

	fill_mark(f, c, read);
	if (read->kind == FOLLOW_ONE)
		return;
	read->upto = last;
	if (read->kind == FOLLOW_NOTES) {
		read->upto = count < read->limit ? 0 : last;
		return;
	}
	if (count < read->limit && read->newest > read->upto)
		read->upto = read->newest;
	if (read->upto < read->from)
		read->upto = read->from;
	if (read->kind == FOLLOW_TAIL) {
		read->mark.mark = read->upto;
		return;
	}
	/* The range may have grown meanwhile: then this page was too early. */
	if (c->doubts == read->doubts)
		read->mark.scrub = read->upto < c->scrub_end ? read->upto :
							       c->scrub_end;
}

void follow_applied(struct follow *f, const struct follow_read *read)
{
	struct follow_channel *c = find(f, read->channel);
	bool same = c->doubts == read->doubts;

	if (read->kind == FOLLOW_NOTES) {
		/* Unless older ones are to be read now. */
		if (c->notes == read->from)
			c->notes = read->upto;
		return;
	}
	if (read->kind == FOLLOW_TAIL && read->upto > c->mark)
		c->mark = read->upto;
	if (c->newest < c->mark)
		c->newest = c->mark;
	if (read->kind == FOLLOW_SCRUB && same)
		c->scrub = read->upto < c->scrub_end ? read->upto :
						       c->scrub_end;
	/* The mark that was kept is that of follow_read_done(). */
	if (read->mark.scrub == c->scrub &&
	    read->mark.scrub_end == c->scrub_end)
		c->unsaved = false;
	if (read->kind != FOLLOW_ONE &&
	    read->mark.generation == f->generation)
		c->stale = false;
	tail_moved(c);
	/* Nothing else would write its mark anew. */
	if (c->stale && !c->notes && !has_scrub(c))
		doubt(c, c->mark);
}

void follow_failed(struct follow *f, const struct follow_read *read)
{
	struct follow_channel *c = find(f, read->channel);

	if (read->kind == FOLLOW_ONE)
		add_dirty(f, c, read->id);
}
