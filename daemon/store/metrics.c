// SPDX-License-Identifier: Apache-2.0
/* What /metrics says of the store. */
#include <stddef.h>

#include "base/metrics.h"
#include "store/shard.h"

#define STAT(member) offsetof(struct engine_stats, member)

static const struct {
	const char *name, *help;
	enum metric_type type;
	size_t offset;
} figures[] = {
	{ "chatd_store_appended_total", "Rows added.",
	  METRIC_COUNTER, STAT(appended) },
	{ "chatd_store_edited_total", "Rows replaced.",
	  METRIC_COUNTER, STAT(edited) },
	{ "chatd_store_deleted_total", "Rows deleted.",
	  METRIC_COUNTER, STAT(deleted) },
	{ "chatd_store_shed_total", "Writes refused, for too many wait.",
	  METRIC_COUNTER, STAT(shed) },
	{ "chatd_store_commits_total", "Group commits.",
	  METRIC_COUNTER, STAT(log_frames) },
	{ "chatd_store_user_bytes_total", "Bytes of rows added or replaced.",
	  METRIC_COUNTER, STAT(user_bytes) },
	{ "chatd_store_log_written_bytes_total", "Bytes written to logs.",
	  METRIC_COUNTER, STAT(log_written) },
	{ "chatd_store_data_written_bytes_total", "Bytes written as blocks.",
	  METRIC_COUNTER, STAT(data_written) },
	{ "chatd_store_index_written_bytes_total", "Bytes written to indexes.",
	  METRIC_COUNTER, STAT(index_written) },
	{ "chatd_store_reads_total", "Reads of blocks from the disk.",
	  METRIC_COUNTER, STAT(reads) },
	{ "chatd_store_read_bytes_total", "Bytes of them.",
	  METRIC_COUNTER, STAT(read_bytes) },
	{ "chatd_store_cache_hits_total", "Blocks found in memory.",
	  METRIC_COUNTER, STAT(cache_hits) },
	{ "chatd_store_cache_misses_total", "Blocks looked for in vain.",
	  METRIC_COUNTER, STAT(cache_misses) },
	{ "chatd_store_rounds_total", "Rounds of writing and moving blocks.",
	  METRIC_COUNTER, STAT(rounds) },
	{ "chatd_store_moved_blocks_total", "Blocks that these replaced.",
	  METRIC_COUNTER, STAT(moved_blocks) },
	{ "chatd_store_io_errors_total", "Reads, writes, syncs that failed.",
	  METRIC_COUNTER, STAT(io_errors) },
	{ "chatd_store_corrupt_blocks_total",
	  "Blocks met whose checksum is wrong.",
	  METRIC_COUNTER, STAT(corrupt_blocks) },
	{ "chatd_store_corrupt_rows_total", "Rows that these hold.",
	  METRIC_COUNTER, STAT(corrupt_rows) },
	{ "chatd_store_partitions", "Channels, and what hangs on messages.",
	  METRIC_GAUGE, STAT(partitions) },
	{ "chatd_store_blocks", "Blocks.", METRIC_GAUGE, STAT(blocks) },
	{ "chatd_store_block_rows", "Rows in them.",
	  METRIC_GAUGE, STAT(rows_in_blocks) },
	{ "chatd_store_delta_bytes", "Memory of rows that are in no block yet.",
	  METRIC_GAUGE, STAT(delta_bytes) },
	{ "chatd_store_index_bytes", "Memory of partitions and blocks' places.",
	  METRIC_GAUGE, STAT(index_bytes) },
	{ "chatd_store_cache_bytes", "Memory of cached blocks.",
	  METRIC_GAUGE, STAT(cache_bytes) },
	{ "chatd_store_log_bytes", "Size of the logs.",
	  METRIC_GAUGE, STAT(log_bytes) },
	{ "chatd_store_log_used_bytes", "Of them, what is needed.",
	  METRIC_GAUGE, STAT(log_used) },
	{ "chatd_store_data_file_bytes", "Size of the files of blocks.",
	  METRIC_GAUGE, STAT(data_file) },
	{ "chatd_store_data_used_bytes", "Of them, what is in use.",
	  METRIC_GAUGE, STAT(data_used) },
	{ "chatd_store_data_live_bytes", "Of that, blocks that count.",
	  METRIC_GAUGE, STAT(data_live) },
};

static const struct {
	const char *name, *help;
	size_t offset;
} found[] = {
	{ "chatd_store_start_replayed_records",
	  "Records of the log that the start replayed.",
	  offsetof(struct engine_report, replayed) },
	{ "chatd_store_start_rows", "Rows that the start found.",
	  offsetof(struct engine_report, rows) },
};

static uint64_t at(const void *base, size_t offset)
{
	return *(const uint64_t *)((const char *)base + offset);
}

void store_metrics(struct store *store, struct buf *out)
{
	struct engine_report report;
	struct engine_stats stats;

	if (!store)
		return;
	store_stats(store, &stats);
	store_report(store, &report);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		metrics_family(out, figures[i].name, figures[i].type,
			       figures[i].help);
		metrics_sample(out, figures[i].name, NULL,
			       at(&stats, figures[i].offset));
	}
	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		metrics_family(out, found[i].name, METRIC_GAUGE, found[i].help);
		metrics_sample(out, found[i].name, NULL,
			       at(&report, found[i].offset));
	}
	metrics_family(out, "chatd_store_shards_up", METRIC_GAUGE,
		       "Shards that serve.");
	metrics_sample(out, "chatd_store_shards_up", NULL,
		       atomic_load(&store->up));
	metrics_family(out, "chatd_store_commit_seconds", METRIC_HISTOGRAM,
		       "A group commit, from its sending until it is durable.");
	timings_metrics(out, "chatd_store_commit_seconds", NULL,
			&store->commits);
}
