/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writer of the Prometheus text format, version 0.0.4.  A family is begun
 * once and all its samples follow.  Base units only: times are given in
 * nanoseconds and written in seconds.  Failures stick in the buffer.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>

#include "base/buf.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metric_label {
	const char *name;
	const char *value;	/* any text, is escaped */
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* @name of a counter ends in _total, of a time in _seconds (checked). */
void metrics_family(struct buf *out, const char *name, enum metric_type type,
		    const char *help);

/* @labels ends with a name of NULL; NULL itself means none. */
void metrics_sample(struct buf *out, const char *name,
		    const struct metric_label *labels, uint64_t value);
void metrics_sample_seconds(struct buf *out, const char *name,
			    const struct metric_label *labels, uint64_t ns);

/* A gauge: of / to; 0 when there is no `to`. */
void metrics_sample_ratio(struct buf *out, const char *name,
			  const struct metric_label *labels, uint64_t of,
			  uint64_t to);

/*
 * A histogram's samples: buckets with ascending bounds, the last of them
 * UINT64_MAX, each with how many were up to its bound; then the sum and count.
 */
void metrics_bucket(struct buf *out, const char *name,
		    const struct metric_label *labels, uint64_t upper_ns,
		    uint64_t below);
void metrics_sum(struct buf *out, const char *name,
		 const struct metric_label *labels, uint64_t sum_ns,
		 uint64_t count);

#endif
