/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Histograms and heatmaps for a terminal.  Rows are powers of two of time.
 * Pure functions into a buffer of UTF-8 text; any thread.
 */
#ifndef MONITOR_VIEW_H
#define MONITOR_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "hist_api.bpf.h"

/* Rows: row r holds values in (2^(r-1), 2^r] ns. */
#define VIEW_ROWS (HIST_MAX_BITS + 1)

struct view_style {
	unsigned int width;	/* columns of the terminal */
	bool colour;
	bool ascii;		/* no block characters */
	unsigned int first_row;	/* holds all below it, too; 0: none do */
};

/* The row of milliseconds, about. */
#define VIEW_ROW_MS 20

/* One line: count, mean, percentiles, maximum; without a newline. */
void view_summary(struct buf *out, const struct hist_slots *hist);

/*
 * A line of a table with VIEW_TABLE_HEAD above it: rate, mean, percentiles,
 * maximum; without a newline.
 */
#define VIEW_TABLE_HEAD \
	"    I/O/s     mean      p50      p90      p99    p99.9      max"
void view_table_line(struct buf *out, const struct hist_slots *hist,
		     double seconds);

/* The rows in use, highest share widest. */
void view_histogram(struct buf *out, const struct hist_slots *hist,
		    const struct view_style *style);

/* Heat over time: a ring of the last columns, newest at the right. */
#define VIEW_HEAT_COLUMNS 240

struct view_heat {
	unsigned int used, next;
	uint32_t column[VIEW_HEAT_COLUMNS][VIEW_ROWS];
};

void view_heat_push(struct view_heat *heat, const struct hist_slots *hist);

/* Which colour or character is how many; without a newline. */
void view_heat_legend(struct buf *out, const struct view_style *style);

/*
 * The heatmap and, at its right, the histogram of the newest column; at most
 * @rows lines, high latencies at the top.
 */
void view_heat(struct buf *out, const struct view_heat *heat,
	       unsigned int rows, const struct view_style *style);

#endif
