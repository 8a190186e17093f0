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

static int show_cache(struct sd_leg *leg, const u64 *count, char *buf, int size)
{
	struct sd_cache *c = leg->loaded ? leg->table.cache : NULL;
	int at;

	at = scnprintf(buf, size, " %u/%u", c ? sd_cache_used(c) : 0,
		       c ? c->nr_slots : 0);
	return at + show_counters(count, shown_cache, ARRAY_SIZE(shown_cache),
				  buf + at, size - at);
}

static int show_leg(struct sd_leg *leg, char *buf, int size)
{
	u64 count[SUPERDISK_C_NR], valid = 0, total = 0;
	int at;

	sd_stats_sum(leg->stats, count);
	if (leg->loaded) {
		valid = sd_table_count_valid(&leg->table);
		total = leg->table.nr_slots * leg->set->geom.pages;
	}
	at = scnprintf(buf, size, " %s %s %llu/%llu",
		       leg->dev ? leg->dev->name : SD_VACANT,
		       sd_state_name(READ_ONCE(leg->state)), valid, total);
	at += show_counters(count, shown, ARRAY_SIZE(shown), buf + at,
			    size - at);
	at += scnprintf(buf + at, size - at, " %u",
			leg->loaded ? sd_intent_count(&leg->meta.intent) : 0);
	at += show_cache(leg, count, buf + at, size - at);
	at += scnprintf(buf + at, size - at, " %llu %llu %llu %llu %u",
			leg->loaded ?
			sd_table_count_unverified(&leg->table) : 0,
			count[SUPERDISK_C_HEDGES],
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

	mutex_lock(&set->lock);
	sd_stats_sum(set->stats, count);
	at = scnprintf(buf, size, "1 %s %s %u %llu %u",
		       set->active ? "active" : "suspended",
		       mode_names[sd_set_mode(set)],
		       sd_block_sectors(&set->geom),
		       count[SUPERDISK_C_MISSES], set->geom.nr_legs);
	for (i = 0; i < set->geom.nr_legs; i++)
		at += show_leg(&set->leg[i], buf + at, size - at);
	at += scnprintf(buf + at, size - at, " %s",
		  set->placement == SUPERDISK_MODE_CACHE ?
		  sd_options_policy(&set->opt)->name : SD_VACANT);
	show_warm(set, buf + at, size - at);
	mutex_unlock(&set->lock);
}

static void show_table(struct sd_set *set, char *buf, int size)
{
	int at;
	u32 i;

	mutex_lock(&set->lock);
	at = scnprintf(buf, size, "%s %u", set->disk->name, set->geom.nr_legs);
	for (i = 0; i < set->geom.nr_legs; i++)
		at += scnprintf(buf + at, size - at, " %s", set->leg[i].dev ?
				set->leg[i].dev->name : SD_VACANT);
	mutex_unlock(&set->lock);
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
