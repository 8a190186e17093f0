// SPDX-License-Identifier: GPL-2.0-only
/* Who is believed.  Pure core. */
#include "recover.h"

static const char *unreadable(int err)
{
	switch (err) {
	case -ENODATA:
		return NULL;		/* blank: nothing to say */
	case -EBADMSG:
		return "its superblock is damaged";
	case -EOPNOTSUPP:
		return "its format is of another version";
	default:
		return "its superblock cannot be read";
	}
}

static const char *unfit(const struct sd_geom *g, enum superdisk_mode mode,
			 bool verify, u32 leg, const struct sd_candidate *c)
{
	const struct sd_super *s = &c->super;

	if (s->leg != leg || s->nr_legs != g->nr_legs)
		return "it was at another position";
	if (s->block_sectors != sd_block_sectors(g) || s->mode != mode ||
	    s->layout.data_start != c->layout.data_start ||
	    s->layout.region_shift != c->layout.region_shift)
		return "it was laid out differently";
	if (s->disk_sectors > g->disk_sectors)
		return "the disk was larger";
	if (verify && !s->verify)
		return "it holds no checksums";
	if (s->state & SD_SUPER_OUT)
		return "it was out of service";
	if (s->state & SD_SUPER_LOOSE)
		return "it was routed around when the machine stopped";
	return NULL;
}

static bool is_readable(const struct sd_candidate *c)
{
	return c->present && !c->err;
}

static bool same_cache(const struct sd_candidate *a,
		       const struct sd_candidate *b)
{
	return !memcmp(a->super.set_uuid, b->super.set_uuid,
		       sizeof(a->super.set_uuid));
}

bool sd_recover_is_mixed(const struct sd_geom *g, const struct sd_candidate *c)
{
	u32 i, j;

	for (i = 0; i < g->nr_legs; i++)
		for (j = 0; j < i; j++)
			if (is_readable(&c[i]) && is_readable(&c[j]) &&
			    !same_cache(&c[i], &c[j]))
				return true;
	return false;
}

void sd_recover_weigh(struct sd_candidate *c, const u32 *sample, u64 doubted,
		      u64 blank)
{
	u64 same = 0;
	u32 i;

	static_assert(SD_NR_SAMPLES == 64);
	for (i = 0; i < SD_NR_SAMPLES; i++)
		if (c->super.sample[i] == sample[i])
			same |= BIT_ULL(i);
	c->right = same & ~doubted & ~blank;
	c->wrong = ~same & ~doubted;
}

/* So many samples, not blank, must have been the same all the time. */
#define ENOUGH_SAMPLES	8

/*
 * Is this SSD of a cache that this disk never had, since the others left?  It
 * knows nothing of what is on the disk, and an SSD of another cache, of which
 * nothing is wrong, knows enough of just that.  Had it been a witness of writes
 * that the other one missed, then all that it knew has changed since, and what
 * the other one knew has changed back.  Whatever is less clear is a witness:
 * better all cold than one stale.
 */
static bool is_alien(const struct sd_geom *g, const struct sd_candidate *c,
		     const struct sd_candidate *one)
{
	u32 i;

	for (i = 0; i < g->nr_legs && !one->right; i++)
		if (is_readable(&c[i]) && !same_cache(&c[i], one) &&
		    !c[i].wrong &&
		    hweight64(c[i].right & one->wrong) >= ENOUGH_SAMPLES)
			return true;
	return false;
}

/* Of its cache too: a member that knows more speaks for all of them. */
static bool is_heard(const struct sd_geom *g, const struct sd_candidate *c,
		     const struct sd_candidate *one)
{
	u32 i;

	for (i = 0; i < g->nr_legs; i++)
		if (is_readable(&c[i]) && same_cache(&c[i], one) &&
		    !is_alien(g, c, &c[i]))
			return true;
	return false;
}

/* The newest superblock of all, also of a member that itself is unfit. */
static u32 newest(const struct sd_geom *g, const struct sd_candidate *c)
{
	u32 i, best = g->nr_legs;

	for (i = 0; i < g->nr_legs; i++) {
		if (!is_readable(&c[i]) || !is_heard(g, c, &c[i]))
			continue;
		if (best == g->nr_legs ||
		    c[i].super.generation > c[best].super.generation)
			best = i;
	}
	return best;
}

enum superdisk_mode sd_recover_placement(const struct sd_geom *g, u32 named,
					 const struct sd_candidate *c)
{
	u32 i, best = newest(g, c);

	if (named == SUPERDISK_MODE_MIRROR || named == SUPERDISK_MODE_CACHE)
		return named;
	for (i = 0; i < g->nr_legs; i++)
		if (c[i].present && c[i].layout.nr_slots < sd_leg_blocks(g, i))
			return SUPERDISK_MODE_CACHE;
	return best < g->nr_legs && c[best].super.mode == SUPERDISK_MODE_CACHE ?
	       SUPERDISK_MODE_CACHE : SUPERDISK_MODE_MIRROR;
}

/* Does the newest one know this SSD, as it is, as a member? */
static const char *expelled(const struct sd_super *best, u32 leg,
			    const struct sd_super *s)
{
	if (memcmp(best->set_uuid, s->set_uuid, sizeof(s->set_uuid)))
		return "it belongs to another cache";
	if (best->roster[leg] != s->epoch)
		return "it missed writes while it was away";
	return NULL;
}

static bool is_here(const struct sd_geom *g, const struct sd_candidate *c,
		    u64 epoch)
{
	u32 i;

	for (i = 0; i < g->nr_legs; i++)
		if (is_readable(&c[i]) && c[i].super.epoch == epoch)
			return true;
	return false;
}

/*
 * Half of the members at least must be here, wherever: fewer could be the ones
 * that were expelled, without a witness.
 */
static bool quorum(const struct sd_geom *g, const struct sd_super *best,
		   const struct sd_candidate *c)
{
	u32 i, members = 0, here = 0;

	for (i = 0; i < g->nr_legs; i++) {
		members += best->roster[i] != 0;
		here += best->roster[i] && is_here(g, c, best->roster[i]);
	}
	return here * 2 >= members;
}

u64 sd_recover(const struct sd_geom *g, enum superdisk_mode mode,
	       enum sd_attach attach, bool verify, u64 now,
	       struct sd_candidate *c, u32 *ret_best)
{
	u32 i, best = newest(g, c);
	bool enough = best < g->nr_legs && quorum(g, &c[best].super, c);

	*ret_best = best;
	for (i = 0; i < g->nr_legs; i++) {
		c[i].warm = false;
		c[i].doubts = false;
		c[i].why = NULL;
		if (!c[i].present)
			continue;
		if (c[i].err)
			c[i].why = unreadable(c[i].err);
		else if (attach == SD_ATTACH_DISCARD)
			c[i].why = "the table says so";
		else if (!enough)
			c[i].why = "most members of its cache are missing";
		else
			c[i].why = expelled(&c[best].super, i, &c[i].super) ?:
				   unfit(g, mode, verify, i, &c[i]);
		c[i].warm = !c[i].err && !c[i].why;
		c[i].doubts = c[i].warm && c[i].super.state & SD_SUPER_ACTIVE;
	}
	for (i = 0; i < g->nr_legs; i++)
		if (is_readable(&c[i]))
			now = max(now, c[i].super.generation);
	return now;
}

bool sd_recover_same_disk(const struct sd_super *s, const u32 *now,
			  const unsigned long *doubted)
{
	u32 i;

	for (i = 0; i < SD_NR_SAMPLES; i++)
		if (!test_bit(i, doubted) && s->sample[i] != now[i])
			return false;
	return true;
}
