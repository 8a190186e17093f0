// SPDX-License-Identifier: GPL-2.0-only
/* Changes of state, told to tracepoints, udev and netlink listeners. */
#include "sd.h"

#include <linux/sched/mm.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

u32 sd_set_dev(const struct sd_set *set)
{
	return disk_devt(dm_disk(dm_table_get_md(set->ti->table)));
}

void sd_trace_io(struct sd_io *io, int err, u64 now_ns)
{
	const struct sd_geom *g = &io->set->geom;
	u64 nth;
	u32 at;
	struct superdisk_trace_io rec = {
		.version = SUPERDISK_TRACE_VERSION,
		.size = sizeof(rec),
		.dev = sd_set_dev(io->set),
		.sector = io->sector + io->set->ti->begin,
		.bytes = io->bytes,
		.op = io->opcode,
		.path = io->path,
		.leg = -1,
		.error = err,
		.start_ns = io->start_ns,
		.total_ns = now_ns - io->start_ns,
		.ssd_ns = io->ssd_ns,
	};

	if (io->path != SUPERDISK_PATH_OTHER) {
		at = sd_place(g, sd_block(g, io->sector), &nth);
		rec.leg = at;
		rec.leg_dev = READ_ONCE(io->set->leg[at].devt);
	}
	trace_superdisk_io(&rec);
}

bool sd_trace_io_wanted(void)
{
	return trace_superdisk_io_enabled();
}

void sd_trace_fill(struct sd_job *job, int err)
{
	struct superdisk_trace_io rec;

	if (!sd_trace_io_wanted())
		return;
	rec = (struct superdisk_trace_io) {
		.version = SUPERDISK_TRACE_VERSION,
		.size = sizeof(rec),
		.dev = sd_set_dev(job->set),
		.sector = sd_job_sector(job) + job->set->ti->begin,
		.bytes = job->nr * SD_PAGE,
		.op = SUPERDISK_OP_WRITE,
		.path = job->back ? SUPERDISK_PATH_HEAL :
			job->warm ? SUPERDISK_PATH_WARM : SUPERDISK_PATH_FILL,
		.leg = job->leg->index,
		.error = err,
		.leg_dev = READ_ONCE(job->leg->devt),
		.start_ns = job->start_ns,
		.total_ns = ktime_get_ns() - job->start_ns,
		.ssd_ns = job->ssd_ns,
	};

	trace_superdisk_io(&rec);
}

static const char * const state_names[] = {
	"vacant", "in", "bypass", "failed"
};

const char *sd_state_name(int state)
{
	return state_names[state];
}

static void uevent(struct sd_set *set, const char *what, int leg, const char *detail)
{
	char event[40], number[24], word[40];
	char *env[4] = { event, number, word, NULL };
	struct gendisk *disk = dm_disk(dm_table_get_md(set->ti->table));
	unsigned int noio = memalloc_noio_save();

	snprintf(event, sizeof(event), "SUPERDISK_EVENT=%s", what);
	snprintf(number, sizeof(number), "SUPERDISK_SSD=%d", leg);
	snprintf(word, sizeof(word), "SUPERDISK_STATE=%s", detail);
	kobject_uevent_env(&disk_to_dev(disk)->kobj, KOBJ_CHANGE, env);
	memalloc_noio_restore(noio);
}

void sd_event_leg(struct sd_leg *leg, int from, int to, int err)
{
	struct superdisk_trace_leg rec = {
		.version = SUPERDISK_TRACE_VERSION,
		.size = sizeof(rec),
		.dev = sd_set_dev(leg->set),
		.leg_dev = READ_ONCE(leg->devt),
		.leg = leg->index,
		.from = from,
		.to = to,
		.error = err,
	};

	trace_superdisk_leg(&rec);
	uevent(leg->set, "leg_state", leg->index, sd_state_name(to));
	sd_netlink_event(leg->set, SUPERDISK_EVENT_LEG_STATE, leg->index, to,
			 err);
}

static char * const event_names[] = {
	[SUPERDISK_EVENT_ACTIVE] = "active",
	[SUPERDISK_EVENT_SUSPENDED] = "suspended",
	[SUPERDISK_EVENT_LEG_COLD] = "leg_cold",
	[SUPERDISK_EVENT_PAGE_RETIRED] = "page_retired",
	[SUPERDISK_EVENT_WARM_DONE] = "warm_done",
	[SUPERDISK_EVENT_WARM_STARTED] = "warm_started",
	[SUPERDISK_EVENT_WARM_STOPPED] = "warm_stopped",
	[SUPERDISK_EVENT_LEG_VERIFIED] = "leg_verified",
};

void sd_event(struct sd_set *set, enum superdisk_event event, int leg, int err)
{
	int state = leg < 0 ? -1 : READ_ONCE(set->leg[leg].state);

	uevent(set, event_names[event], leg,
	       leg < 0 ? "-" : sd_state_name(state));
	sd_netlink_event(set, event, leg, state, err);
}

void sd_event_page(struct sd_leg *leg, enum superdisk_page_what what,
		   sector_t sector, u64 slot, u32 page)
{
	struct superdisk_trace_page rec = {
		.version = SUPERDISK_TRACE_VERSION,
		.size = sizeof(rec),
		.dev = sd_set_dev(leg->set),
		.leg_dev = READ_ONCE(leg->devt),
		.leg = leg->index,
		.what = what,
		.sector = sector + leg->set->ti->begin,
		.leg_sector = sd_leg_sector(leg, slot, page),
	};

	trace_superdisk_page(&rec);
	if (what == SUPERDISK_PAGE_HEALED)
		return;
	DMWARN_LIMIT("%s: SSD %u: page at sector %llu: %s; the disk served it",
		     leg->set->name, leg->index, rec.leg_sector,
		     what == SUPERDISK_PAGE_READ_ERROR ? "read error" :
		     what == SUPERDISK_PAGE_CSUM_ERROR ? "wrong checksum" :
							 "retired");
}
