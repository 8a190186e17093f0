/* SPDX-License-Identifier: Apache-2.0 */
/* The live view of `superdisk latency`: a panel a device and operation. */
#ifndef MONITOR_LATENCY_LIVE_H
#define MONITOR_LATENCY_LIVE_H

#include "monitor/latency.h"
#include "monitor/view.h"

struct latency_live;

/* *returns* an empty view, NULL without memory. */
struct latency_live *latency_live_new(void);
void latency_live_free(struct latency_live *live);

/* Takes in one interval of @interval_ms. */
void latency_live_push(struct latency_live *live, const struct latency *delta,
		       int operation, uint32_t interval_ms);

/* Draws @rows lines of @style->width columns, without a final newline. */
void latency_live_draw(const struct latency_live *live, const char *title,
		       unsigned int rows, const struct view_style *style,
		       struct buf *out);

#endif
