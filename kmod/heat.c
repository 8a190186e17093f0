// SPDX-License-Identifier: GPL-2.0-only
/* Heat of blocks.  Pure core. */
#include "heat.h"

int sd_heat_init(struct sd_heat *h, u64 nr_blocks)
{
	h->nr_blocks = nr_blocks;
	h->byte = sd_calloc(nr_blocks, 1);
	return h->byte ? 0 : -ENOMEM;
}

void sd_heat_fini(struct sd_heat *h)
{
	kvfree(h->byte);
	h->byte = NULL;
}

void sd_heat_decay(struct sd_heat *h, u64 first, u64 nr)
{
	u64 end = min(first + nr, h->nr_blocks);
	u8 was;

	for (; first < end; first++) {
		was = READ_ONCE(h->byte[first]);
		if (was)
			WRITE_ONCE(h->byte[first], was - 1);
	}
}

u64 sd_heat_next(const struct sd_heat *h, u8 floor, u64 from)
{
	while (from < h->nr_blocks && READ_ONCE(h->byte[from]) < floor)
		from++;
	return from;
}

/* A few cold blocks within a run cost less than a new run does. */
#define SD_HEAT_GAP	16u

u32 sd_heat_run(const struct sd_heat *h, u64 *from, u8 *to, u32 max)
{
	u32 nr = 0, cold = 0;

	*from = sd_heat_next(h, 1, *from);
	for (; *from + nr < h->nr_blocks && nr < max && cold < SD_HEAT_GAP;
	     nr++) {
		to[nr] = READ_ONCE(h->byte[*from + nr]);
		cold = to[nr] ? 0 : cold + 1;
	}
	return nr - cold;
}

void sd_heat_raise(struct sd_heat *h, u64 first, const u8 *byte, u64 nr)
{
	u64 i;

	for (i = 0; i < nr && first < h->nr_blocks; i++, first++)
		if (byte[i] > READ_ONCE(h->byte[first]))
			WRITE_ONCE(h->byte[first], byte[i]);
}
