// SPDX-License-Identifier: GPL-2.0-only
/*
 * All sets that exist, and who uses one from outside of device-mapper.  A set
 * goes away only when nobody does; the lock is held for a look-up, never over
 * a command.
 */
#include "sd.h"

static DEFINE_MUTEX(sets_lock);
static LIST_HEAD(sets);
static DECLARE_WAIT_QUEUE_HEAD(unused);

void sd_sets_add(struct sd_set *set)
{
	mutex_lock(&sets_lock);
	set->users = 0;
	list_add_tail(&set->node, &sets);
	mutex_unlock(&sets_lock);
}

void sd_sets_del(struct sd_set *set)
{
	mutex_lock(&sets_lock);
	list_del(&set->node);
	mutex_unlock(&sets_lock);
	wait_event(unused, !READ_ONCE(set->users));
}

static struct sd_set *__get(struct sd_set *set)
{
	lockdep_assert_held(&sets_lock);
	WRITE_ONCE(set->users, set->users + 1);
	return set;
}

void sd_sets_put(struct sd_set *set)
{
	mutex_lock(&sets_lock);
	WRITE_ONCE(set->users, set->users - 1);
	wake_up_all(&unused);
	mutex_unlock(&sets_lock);
}

struct sd_set *sd_sets_find(u32 dev, const u64 *begin)
{
	struct sd_set *set, *found = NULL;

	mutex_lock(&sets_lock);
	list_for_each_entry(set, &sets, node) {
		if (!READ_ONCE(set->active) || sd_set_dev(set) != dev ||
		    (begin && set->ti->begin != *begin))
			continue;
		if (!found || set->ti->begin < found->ti->begin)
			found = set;
	}
	if (found)
		__get(found);
	mutex_unlock(&sets_lock);
	return found;
}

struct sd_set *sd_sets_nth(long n)
{
	struct sd_set *set, *found = NULL;

	mutex_lock(&sets_lock);
	list_for_each_entry(set, &sets, node) {
		if (!READ_ONCE(set->active) || n--)
			continue;
		found = __get(set);
		break;
	}
	mutex_unlock(&sets_lock);
	return found;
}

struct sd_set *sd_sets_left_active(struct sd_set *now)
{
	struct sd_set *set, *found = NULL;

	mutex_lock(&sets_lock);
	list_for_each_entry(set, &sets, node) {
		if (!READ_ONCE(set->active) ||
		    sd_set_dev(set) != sd_set_dev(now) ||
		    set->ti->table == now->ti->table)
			continue;
		found = __get(set);
		break;
	}
	mutex_unlock(&sets_lock);
	return found;
}

struct sd_set *sd_sets_before(struct sd_set *now)
{
	struct sd_set *set, *found = NULL;

	mutex_lock(&sets_lock);
	list_for_each_entry(set, &sets, node) {
		if (set == now || !set->was_active || READ_ONCE(set->active) ||
		    sd_set_dev(set) != sd_set_dev(now) ||
		    set->ti->begin != now->ti->begin)
			continue;
		found = __get(set);
		break;
	}
	mutex_unlock(&sets_lock);
	return found;
}
