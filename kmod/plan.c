// SPDX-License-Identifier: GPL-2.0-only
/* Order and speed of background copying.  Pure core. */
#include "plan.h"

void sd_plan_start(struct sd_plan *p, const struct sd_heat *heat, u64 nr_blocks,
		   bool cold_too)
{
	u32 top = SUPERDISK_HEAT_MAX / SD_PLAN_CLASS * SD_PLAN_CLASS;

	*p = (struct sd_plan) {
		.heat = heat,
		.nr_blocks = nr_blocks,
		.floor = heat->byte ? top : 0,
		.cold_too = cold_too,
	};
}

static bool in_class(const struct sd_plan *p, u64 block)
{
	u32 heat;

	if (!p->heat->byte)
		return p->cold_too;
	heat = READ_ONCE(p->heat->byte[block]);
	if (!p->floor)
		return p->cold_too || heat;
	return heat >= p->floor && heat - p->floor < SD_PLAN_CLASS;
}

/* False after the last class. */
static bool next_class(struct sd_plan *p)
{
	if (!p->floor)
		return false;
	p->floor -= SD_PLAN_CLASS;
	p->at = 0;
	return true;
}

int sd_plan_next(struct sd_plan *p, u64 *ret_block)
{
	u64 end = min(p->at + SD_PLAN_BATCH, p->nr_blocks);

	while (p->at < end && !in_class(p, p->at))
		p->at++;
	if (p->at < end) {
		*ret_block = p->at++;
		return 1;
	}
	return p->at < p->nr_blocks || next_class(p) ? 0 : -ENOENT;
}

#define NS_PER_S	1000000000ull

void sd_pace_start(struct sd_pace *p, u64 now_ns)
{
	*p = (struct sd_pace) { .now_ns = now_ns };
}

void sd_pace_tick(struct sd_pace *p, u64 now_ns, u32 kib_per_s, u32 kib)
{
	u64 passed = now_ns - p->now_ns;
	u64 most = kib_per_s * SD_PACE_BURST_NS + kib * NS_PER_S;

	p->now_ns = now_ns;
	p->credit += min(passed, NS_PER_S) * kib_per_s;
	p->credit = min(p->credit, most);
}

bool sd_pace_take(struct sd_pace *p, u32 kib)
{
	if (p->credit < kib * NS_PER_S)
		return false;
	p->credit -= kib * NS_PER_S;
	return true;
}

u64 sd_pace_wait_ns(const struct sd_pace *p, u32 kib_per_s, u32 kib)
{
	u64 want = kib * NS_PER_S;

	return p->credit >= want ? 0 :
	       div_u64(want - p->credit + kib_per_s - 1, kib_per_s);
}
