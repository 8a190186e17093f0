// SPDX-License-Identifier: Apache-2.0
/* What /metrics says of the runtime. */
#include "actor/inspect.h"

#include "base/metrics.h"

static void put(struct buf *out, const char *name, const char *help,
		uint64_t value)
{
	metrics_family(out, name, METRIC_COUNTER, help);
	metrics_sample(out, name, NULL, value);
}

static void put_messages(const struct actor_stats *s, struct buf *out)
{
	static const char name[] = "chatd_actor_dropped_total";
	const struct {
		const char *why;
		uint64_t value;
	} dropped[] = {
		{ "stale", s->dropped_stale }, { "full", s->dropped_full },
		{ "end", s->dropped_end },
	};

	put(out, "chatd_actor_messages_total", "Messages that were handled.",
	    s->delivered);
	metrics_family(out, name, METRIC_COUNTER,
		       "Messages that were not, and why.");
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
		const struct metric_label why[] = {
			{ "why", dropped[i].why }, { NULL, NULL },
		};

		metrics_sample(out, name, why, dropped[i].value);
	}
	put(out, "chatd_actor_restarts_total",
	    "Actors that were started anew after a failure.", s->restarts);
}

static void put_hogs(struct actor_system *sys, struct buf *out)
{
	static const char turns[] = "chatd_actor_hogs_total";
	static const char seconds[] = "chatd_actor_hogged_seconds_total";
	struct actor_hog hogs[ACTOR_HOGS_MAX];
	int count = actor_system_hogs(sys, hogs);

	metrics_family(out, turns, METRIC_COUNTER,
		       "Turns of actors that held a core for too long.");
	for (int i = 0; i < count; i++)
		metrics_sample(out, turns, (const struct metric_label[]){
			{ "class", hogs[i].class_name }, { NULL, NULL } },
			hogs[i].turns);
	metrics_family(out, seconds, METRIC_COUNTER, "How long these lasted.");
	for (int i = 0; i < count; i++)
		metrics_sample_seconds(out, seconds,
			(const struct metric_label[]){
			{ "class", hogs[i].class_name }, { NULL, NULL } },
			hogs[i].time_ns);
}

void actor_system_metrics(struct actor_system *sys, struct buf *out)
{
	struct actor_stats stats;

	actor_system_counts(sys, &stats);
	put_messages(&stats, out);
	put_hogs(sys, out);
}
