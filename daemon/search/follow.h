/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cell still has to read from the store.
 *
 * Of each channel the ids fall into three:
 *
 *	above mark		the tail: new messages, read page by page upwards
 *	(scrub, scrub_end]	doubted: compared with the store, page by page
 *	the others		the index has them as the store does, but for ...
 *
 * ... the dirty ones, single messages that were edited or deleted since.
 * Invariant: scrub <= scrub_end <= mark.
 *
 * After a crash, or when hints were lost, what may have changed since a time at
 * which all was well is doubted: the messages that were young then, and all
 * that are younger; and of the others those that notes name (proto/search.h),
 * which are read first.  Until those are done the channel is `stale`: its mark
 * keeps the generation in which all was well.
 *
 * The store is always read after the hint came, so what is read is no older
 * than the hint; and what changes while it is read brings another hint.  When
 * too many are dirty the range that is doubted grows instead: nothing is lost,
 * only read again.
 *
 * Plain data of one thread.
 */
#ifndef SEARCH_FOLLOW_H
#define SEARCH_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "search/cell.h"

#define FOLLOW_DIRTY_MAX 1024u

struct follow_channel {
	uint64_t id;
	uint64_t newest;	/* as we were told */
	uint64_t mark;
	uint64_t scrub;
	uint64_t scrub_end;
	/* Of the tail, from a page that may be too old: to be doubted when
	 * the mark has passed it.  0: nothing. */
	uint64_t late, late_end;
	uint32_t doubts;	/* grows when the doubted range does */
	uint64_t notes;		/* those above it are to be read; 0: none */
	uint64_t generation;	/* of the mark, while stale */
	bool stale;
	bool unsaved;		/* the cell's mark does not say that */
};

struct follow_dirty {
	uint64_t channel;
	uint64_t id;
};

struct follow {
	struct hmap channels;	/* id -> struct follow_channel */
	struct follow_dirty *dirty;	/* NULL while there are none */
	uint32_t dirty_count;
	uint64_t generation;
	bool caught_up;		/* see follow_is_ready() */
};

enum follow_kind {
	FOLLOW_ONE,		/* the message `id` */
	FOLLOW_TAIL,		/* the page above `from` */
	FOLLOW_SCRUB,		/* the same */
	FOLLOW_NOTES,		/* the same, of notes */
};

/* Since when something may have changed unseen.  All zero: for ever. */
struct follow_since {
	uint64_t id;		/* messages above it are doubted */
	uint64_t notes;		/* notes above it are to be read */
};

/* Something to be read. */
struct follow_read {
	enum follow_kind kind;
	uint64_t channel;
	uint64_t id;		/* FOLLOW_ONE */
	uint64_t from;
	uint64_t limit;		/* rows asked for */
	uint64_t newest;	/* that was known when it was asked */
	uint32_t doubts;	/* likewise */
	/* follow_read_done() fills in: */
	uint64_t upto;		/* the rows are all there are in (from, upto] */
	struct cell_mark mark;	/* to be kept with what was read */
};

void follow_init(struct follow *f, uint64_t generation);
void follow_fini(struct follow *f);

/* The channel exists, and has messages up to `newest`.  -ENOMEM. */
int follow_channel(struct follow *f, uint64_t channel, uint64_t newest);
/* As it was kept in the cell; `since` counts if that was in another
 * generation.  -ENOMEM. */
int follow_restore(struct follow *f, const struct cell_mark *mark,
		   const struct follow_since *since);
/* A message is new, edited or gone.  -ENOMEM. */
int follow_changed(struct follow *f, uint64_t channel, uint64_t id);
/* Hints were lost. */
void follow_doubt(struct follow *f, const struct follow_since *since);
/* The cell is empty again. */
void follow_forget(struct follow *f);
/* The channel is gone; nothing is being read for it. */
void follow_drop(struct follow *f, uint64_t channel);

/* Up to `max` reads that may be made at once; `limit` rows each.  What is
 * dirty is taken out. */
uint32_t follow_next(struct follow *f, struct follow_read *reads, uint32_t max,
		     uint32_t limit);
bool follow_has_work(const struct follow *f);
/* Were all tails read, once, since it began? */
bool follow_is_ready(struct follow *f);
/* Do the marks in the cell say all that is to be done? */
bool follow_is_saved(const struct follow *f);
bool follow_is_deep(const struct follow *f);
/* How many channels have something to be read? */
uint32_t follow_behind(const struct follow *f);

/* Its answer has come: `count` rows, the newest of them `last`. */
void follow_read_done(const struct follow *f, struct follow_read *read,
		      uint32_t count, uint64_t last);
/* It is in the cell, mark and all. */
void follow_applied(struct follow *f, const struct follow_read *read);
/* It has not been done, and is to be read again. */
void follow_failed(struct follow *f, const struct follow_read *read);

#endif
