// SPDX-License-Identifier: GPL-2.0-only
/* Status and table lines: dm-superdisk(4) has their fields. */
#include "sd.h"

static const char * const mode_names[] = {
	"auto", "mirror", "cache", "passthrough"
};

/* Counters in a status line, in this order. */
static const enum superdisk_counter shown[] = {
	SUPERDISK_C_HITS, SUPERDISK_C_MISSES, SUPERDISK_C_WRITES,
	SUPERDISK_C_WRITE_AROUNDS, SUPERDISK_C_FILLS,
	SUPERDISK_C_FILLS_DROPPED, SUPERDISK_C_RESCUES,
	SUPERDISK_C_READ_ERRORS, SUPERDISK_C_WRITE_ERRORS,
	SUPERDISK_C_CSUM_ERRORS, SUPERDISK_C_RACES, SUPERDISK_C_RETIRED,
};

/* Of cache mode, at the end of an SSD's fields. */
static const enum superdisk_counter shown_cache[] = {
	SUPERDISK_C_ADMISSIONS, SUPERDISK_C_EVICTIONS, SUPERDISK_C_REFUSALS,
	SUPERDISK_C_THROTTLED, SUPERDISK_C_BYPASSED_BYTES,
};

static int show_counters(const u64 *count, const enum superdisk_counter *which,
			 u32 nr, char *buf, int size)
{
	int at = 0;
	u32 i;

	for (i = 0; i < nr; i++)
		at += scnprintf(buf + at, size - at, " %llu", count[which[i]]);
	return at;
}

void sd_leg_view(struct sd_leg *leg, struct sd_leg_view *ret)
{
	struct sd_table *t = &leg->table;

	*ret = (struct sd_leg_view) { .state = READ_ONCE(leg->state) };
	if (!sd_leg_get(leg))
		return;
	ret->valid = sd_table_count_valid(t);
	ret->total = t->nr_slots * leg->set->geom.pages;
	ret->unverified = sd_table_count_unverified(t);
	ret->doubted = sd_intent_count(&leg->meta.intent);
	if (t->cache) {
		ret->used = sd_cache_used(t->cache);
		ret->slots = t->nr_slots;
	}
	sd_leg_put(leg);
}

static int show_device(struct sd_leg *leg, char *buf, int size)
{
	int at;

	spin_lock(&leg->set->dev_lock);
	at = scnprintf(buf, size, " %s",
		       leg->dev ? leg->dev->name : SD_VACANT);
	spin_unlock(&leg->set->dev_lock);
	return at;
}

static int show_leg(struct sd_leg *leg, char *buf, int size)
{
	u64 count[SUPERDISK_C_NR];
	struct sd_leg_view v;
	int at;

	sd_stats_sum(leg->stats, count);
	sd_leg_view(leg, &v);
	at = show_device(leg, buf, size);
	at += scnprintf(buf + at, size - at, " %s %llu/%llu",
			sd_state_name(v.state), v.valid, v.total);
	at += show_counters(count, shown, ARRAY_SIZE(shown), buf + at,
			    size - at);
	at += scnprintf(buf + at, size - at, " %u %llu/%llu", v.doubted, v.used,
			v.slots);
	at += show_counters(count, shown_cache, ARRAY_SIZE(shown_cache),
			    buf + at, size - at);
	at += scnprintf(buf + at, size - at, " %llu %llu %llu %llu %u",
			v.unverified, count[SUPERDISK_C_HEDGES],
			count[SUPERDISK_C_HEDGE_WINS],
			count[SUPERDISK_C_OVERDUE], sd_leg_hedge_us(leg));
	return at;
}

static const char * const warm_names[] = { "off", "running", "done" };

static int show_warm(struct sd_set *set, char *buf, int size)
{
	return scnprintf(buf, size, " warm %s %llu %u",
			 warm_names[READ_ONCE(set->warm.state)],
			 (u64)atomic64_read(&set->warm.copied),
			 READ_ONCE(set->opt.warm_kib));
}

static void show_info(struct sd_set *set, char *buf, int size)
{
	u64 count[SUPERDISK_C_NR];
	int at;
	u32 i;

	sd_stats_sum(set->stats, count);
	at = scnprintf(buf, size, "1 %s %s %u %llu %u",
		       READ_ONCE(set->active) ? "active" : "suspended",
		       mode_names[sd_set_mode(set)],
		       sd_block_sectors(&set->geom),
		       count[SUPERDISK_C_MISSES], set->geom.nr_legs);
	for (i = 0; i < set->geom.nr_legs; i++)
		at += show_leg(&set->leg[i], buf + at, size - at);
	at += scnprintf(buf + at, size - at, " %s",
			set->placement == SUPERDISK_MODE_CACHE ?
			sd_options_policy(&set->opt)->name : SD_VACANT);
	show_warm(set, buf + at, size - at);
}

static void show_table(struct sd_set *set, char *buf, int size)
{
	int at;
	u32 i;

	at = scnprintf(buf, size, "%s %u", set->disk->name, set->geom.nr_legs);
	for (i = 0; i < set->geom.nr_legs; i++)
		at += show_device(&set->leg[i], buf + at, size - at);
	sd_options_print(&set->opt, buf + at, size - at);
}

void sd_status(struct dm_target *ti, status_type_t type, unsigned int flags,
	       char *result, unsigned int maxlen)
{
	struct sd_set *set = ti->private;

	switch (type) {
	case STATUSTYPE_INFO:
		show_info(set, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		show_table(set, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		*result = '\0';
		break;
	}
}
