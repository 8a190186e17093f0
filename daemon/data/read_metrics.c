// SPDX-License-Identifier: Apache-2.0
#include "data/read_metrics.h"

#include "data/read_actor.h"
#include "data/read_format.h"
#include "data/read_store.h"

static const struct {
	const char *name, *help;
	enum metric_type type;
} figures[READ_FIGURES] = {
	[READ_USERS] = { "chatd_readstate_users",
			 "Users with read states.", METRIC_GAUGE },
	[READ_STATES] = { "chatd_readstate_states", "Read states.",
			  METRIC_GAUGE },
	[READ_BYTES] = { "chatd_readstate_memory_bytes",
			 "Memory of the states.", METRIC_GAUGE },
	[READ_RECORDS] = { "chatd_readstate_changes_total",
			   "Changes that were made durable.", METRIC_COUNTER },
	[READ_COMMITS] = { "chatd_readstate_commits_total",
			   "Groups they were written in.", METRIC_COUNTER },
	[READ_CHECKPOINTS] = { "chatd_readstate_checkpoints_total",
			       "Checkpoints that were written.",
			       METRIC_COUNTER },
	[READ_FAILURES] = { "chatd_readstate_failures_total",
			    "Writes that the disk refused.", METRIC_COUNTER },
	[READ_SHED] = { "chatd_readstate_shed_total",
			"Changes refused, for too many wait.",
			METRIC_COUNTER },
	[READ_LOG_USED] = { "chatd_readstate_log_used_bytes",
			    "Of the logs, what a restart would replay.",
			    METRIC_GAUGE },
	[READ_LOG_ROOM] = { "chatd_readstate_log_bytes",
			    "Size of the logs.", METRIC_GAUGE },
};

void read_board_set(struct read_board *board, const struct read_store *store)
{
	const struct read_table *table = read_store_table(store);
	uint64_t value[READ_FIGURES];
	struct read_stats stats;

	read_store_stats(store, &stats);
	value[READ_USERS] = table->users;
	value[READ_STATES] = table->states;
	value[READ_BYTES] = table->bytes;
	value[READ_RECORDS] = stats.records;
	value[READ_COMMITS] = stats.frames;
	value[READ_CHECKPOINTS] = stats.rounds;
	value[READ_FAILURES] = stats.failures;
	value[READ_SHED] = stats.shed;
	value[READ_LOG_USED] = stats.log_used * READ_BLOCK;
	value[READ_LOG_ROOM] = stats.log_room * READ_BLOCK;
	for (int i = 0; i < READ_FIGURES; i++)
		atomic_store_explicit(&board->figure[i], value[i],
				      memory_order_relaxed);
}

static uint64_t sum(const struct read_states *states, int figure)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < READSTATE_SHARDS; i++)
		n += atomic_load_explicit(&states->board[i].figure[figure],
					  memory_order_relaxed);
	return n;
}

void read_states_metrics(const struct read_states *states, struct buf *out)
{
	if (!states)
		return;
	for (int i = 0; i < READ_FIGURES; i++) {
		metrics_family(out, figures[i].name, figures[i].type,
			       figures[i].help);
		metrics_sample(out, figures[i].name, NULL, sum(states, i));
	}
	metrics_family(out, "chatd_readstate_ack_seconds", METRIC_HISTOGRAM,
		       "From an ack's arrival to its being durable.");
	timings_metrics(out, "chatd_readstate_ack_seconds", NULL,
			&states->ack_times);
}
