// SPDX-License-Identifier: GPL-2.0-only
/* Sequential reads and writes.  Pure core. */
#include "stream.h"

void sd_streams_init(struct sd_streams *st)
{
	*st = (struct sd_streams) {};
	spin_lock_init(&st->lock);
}

/* The stream that goes on here, or the one forgotten for it. */
static struct sd_stream *__find(struct sd_streams *st, u64 sector)
{
	struct sd_stream *s, *oldest = st->stream;
	u32 i;

	for (i = 0; i < SD_STREAMS; i++) {
		s = &st->stream[i];
		if (s->sectors && sector - s->next <= SD_STREAM_GAP)
			return s;
		if (st->clock - s->used > st->clock - oldest->used)
			oldest = s;
	}
	oldest->sectors = 0;
	return oldest;
}

u64 sd_streams_go_on(struct sd_streams *st, u64 sector, u32 nr)
{
	struct sd_stream *s;
	unsigned long flags;
	u64 sectors;

	spin_lock_irqsave(&st->lock, flags);
	s = __find(st, sector);
	s->next = sector + nr;
	s->sectors += nr;
	s->used = ++st->clock;
	sectors = s->sectors;
	spin_unlock_irqrestore(&st->lock, flags);
	return sectors;
}
