/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints.  Each takes its record of uapi/superdisk_trace.h. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM superdisk

#if !defined(SD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SD_TRACE_H

#include <linux/tracepoint.h>

#include "uapi/superdisk.h"
#include "uapi/superdisk_trace.h"

TRACE_EVENT(superdisk_io,
	TP_PROTO(const struct superdisk_trace_io *rec),
	TP_ARGS(rec),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(u64, sector)
		__field(u32, bytes)
		__field(u8, op)
		__field(u8, path)
		__field(s16, leg)
		__field(s32, error)
		__field(u64, total_ns)
		__field(u64, ssd_ns)
	),
	TP_fast_assign(
		__entry->dev = rec->dev;
		__entry->sector = rec->sector;
		__entry->bytes = rec->bytes;
		__entry->op = rec->op;
		__entry->path = rec->path;
		__entry->leg = rec->leg;
		__entry->error = rec->error;
		__entry->total_ns = rec->total_ns;
		__entry->ssd_ns = rec->ssd_ns;
	),
	TP_printk("dev=%u sector=%llu bytes=%u op=%u path=%u leg=%d error=%d total_ns=%llu ssd_ns=%llu",
		  __entry->dev, __entry->sector, __entry->bytes, __entry->op,
		  __entry->path, __entry->leg, __entry->error,
		  __entry->total_ns, __entry->ssd_ns)
);

TRACE_EVENT(superdisk_leg,
	TP_PROTO(const struct superdisk_trace_leg *rec),
	TP_ARGS(rec),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(s16, leg)
		__field(u8, from)
		__field(u8, to)
		__field(s32, error)
	),
	TP_fast_assign(
		__entry->dev = rec->dev;
		__entry->leg = rec->leg;
		__entry->from = rec->from;
		__entry->to = rec->to;
		__entry->error = rec->error;
	),
	TP_printk("dev=%u leg=%d from=%u to=%u error=%d", __entry->dev,
		  __entry->leg, __entry->from, __entry->to, __entry->error)
);

TRACE_EVENT(superdisk_page,
	TP_PROTO(const struct superdisk_trace_page *rec),
	TP_ARGS(rec),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(s16, leg)
		__field(u8, what)
		__field(u64, sector)
		__field(u64, leg_sector)
	),
	TP_fast_assign(
		__entry->dev = rec->dev;
		__entry->leg = rec->leg;
		__entry->what = rec->what;
		__entry->sector = rec->sector;
		__entry->leg_sector = rec->leg_sector;
	),
	TP_printk("dev=%u leg=%d what=%u sector=%llu leg_sector=%llu",
		  __entry->dev, __entry->leg, __entry->what, __entry->sector,
		  __entry->leg_sector)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
