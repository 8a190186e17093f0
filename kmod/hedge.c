// SPDX-License-Identifier: GPL-2.0-only
/* The bound of hedge_us auto.  Pure core. */
#include "hedge.h"

#define NS_PER_US	1000u
#define MIN_BOUND_NS	(50u * NS_PER_US)
#define MIN_READS	100u

void sd_recent_update(struct sd_recent *r, const u64 *total)
{
	u32 i;

	for (i = 0; i < SUPERDISK_HIST_NR; i++) {
		r->weight[i] -= DIV_ROUND_UP_ULL(r->weight[i], 8);
		r->weight[i] += (total[i] - r->seen[i]) * SD_RECENT_ONE;
		r->seen[i] = total[i];
	}
}

u64 sd_recent_permille_ns(const struct sd_recent *r, u32 permille)
{
	u64 sum = 0, below = 0, want;
	u32 i;

	for (i = 0; i < SUPERDISK_HIST_NR; i++)
		sum += r->weight[i];
	if (sum < (u64)MIN_READS * SD_RECENT_ONE)
		return 0;
	want = div_u64(sum, 1000) * permille;
	for (i = 0; i < SUPERDISK_HIST_NR - 1; i++) {
		below += r->weight[i];
		if (below >= want)
			break;
	}
	return superdisk_hist_low(i + 1);
}

u32 sd_hedge_bound_us(const struct sd_recent *ssd, const struct sd_recent *disk,
		      u32 before)
{
	u64 p99 = sd_recent_permille_ns(ssd, 990);
	u64 p50 = sd_recent_permille_ns(ssd, 500);
	u64 most = sd_recent_permille_ns(disk, 950);
	u64 bound;

	if (!p99)
		return before;
	bound = max(p99, 2 * p50);
	if (most)
		bound = min(bound, most);
	return div_u64(max_t(u64, bound, MIN_BOUND_NS), NS_PER_US);
}
