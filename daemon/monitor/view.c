// SPDX-License-Identifier: Apache-2.0
#include "monitor/view.h"

#include <math.h>
#include <string.h>

#include "monitor/hist.h"
#include "monitor/text.h"

/* "   128 us .. 256 us    12.3 k " */
#define LABEL_COLUMNS 32
#define HEAT_LABEL_COLUMNS 10
#define HEAT_BAR_COLUMNS 28
#define BAR_COLOUR "\033[38;5;39m"
#define DIM "\033[38;5;240m"
#define PLAIN "\033[0m"

/* From nothing to everything: dark blue, over violet and orange, to white. */
static const unsigned char heat_colours[] = {
	17, 18, 54, 90, 126, 162, 197, 203, 209, 215, 221, 228, 231,
};
#define HEAT_COLOURS (sizeof(heat_colours))
static const char heat_ascii[] = ".:-=+*#%@";

static unsigned int row_of(uint32_t bucket)
{
	unsigned int row = 0;

	while ((1ULL << row) < hist_upper(bucket))
		row++;
	return row < VIEW_ROWS ? row : VIEW_ROWS - 1;
}

static void to_rows(const struct hist_slots *hist, uint64_t rows[VIEW_ROWS])
{
	memset(rows, 0, sizeof(rows[0]) * VIEW_ROWS);
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		if (hist->count[i])
			rows[row_of(i)] += hist->count[i];
}

static const char *row_bound(unsigned int row, char text[TEXT_SIZE])
{
	return text_time(1ULL << row, text);
}

void view_summary(struct buf *out, const struct hist_slots *hist)
{
	char count[TEXT_SIZE], mean[TEXT_SIZE], p50[TEXT_SIZE];
	char p99[TEXT_SIZE], p999[TEXT_SIZE], max[TEXT_SIZE];

	buf_printf(out,
		   "%s I/O  mean %s  p50 %s  p99 %s  p99.9 %s  max %s",
		   text_count(hist_count(hist), count),
		   text_time(hist_mean(hist), mean),
		   text_time(hist_quantile(hist, 0.5), p50),
		   text_time(hist_quantile(hist, 0.99), p99),
		   text_time(hist_quantile(hist, 0.999), p999),
		   text_time(hist_highest(hist), max));
}

void view_table_line(struct buf *out, const struct hist_slots *hist,
		     double seconds)
{
	static const double quantiles[] = { 0.5, 0.9, 0.99, 0.999 };
	double rate = seconds > 0 ? (double)hist_count(hist) / seconds : 0;
	char text[TEXT_SIZE];

	if (rate < 10 && rate > 0)
		buf_printf(out, "%9.1f", rate);
	else
		buf_printf(out, "%9s", text_count((uint64_t)rate, text));
	buf_printf(out, "%9s", text_time(hist_mean(hist), text));
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		buf_printf(out, "%9s",
			   text_time(hist_quantile(hist, quantiles[i]), text));
	buf_printf(out, "%9s", text_time(hist_highest(hist), text));
}

/* A bar of @share (0 to 1) of @columns, in eighths of a character. */
static void put_bar(struct buf *out, double share, unsigned int columns,
		    const struct view_style *style)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋",
					       "▊", "▉" };
	unsigned int size = (unsigned int)lround(share * columns * 8);

	if (!size && share > 0)
		size = 1;
	if (style->ascii) {
		for (unsigned int i = 0; i < (size + 7) / 8; i++)
			buf_putc(out, '#');
		return;
	}
	if (style->colour)
		buf_puts(out, BAR_COLOUR);
	for (unsigned int i = 0; i < size / 8; i++)
		buf_puts(out, "█");
	buf_puts(out, eighths[size % 8]);
	if (style->colour)
		buf_puts(out, PLAIN);
}

static uint64_t highest(const uint64_t rows[VIEW_ROWS])
{
	uint64_t most = 1;

	for (unsigned int i = 0; i < VIEW_ROWS; i++)
		if (rows[i] > most)
			most = rows[i];
	return most;
}

void view_histogram(struct buf *out, const struct hist_slots *hist,
		    const struct view_style *style)
{
	unsigned int first = VIEW_ROWS, last = 0, columns;
	char low[TEXT_SIZE], high[TEXT_SIZE], count[TEXT_SIZE];
	uint64_t rows[VIEW_ROWS], most;

	to_rows(hist, rows);
	for (unsigned int i = 0; i < style->first_row; i++) {
		rows[style->first_row] += rows[i];
		rows[i] = 0;
	}
	most = highest(rows);
	for (unsigned int i = 0; i < VIEW_ROWS; i++) {
		if (!rows[i])
			continue;
		first = first < i ? first : i;
		last = i;
	}
	columns = style->width > LABEL_COLUMNS + 10 ?
		  style->width - LABEL_COLUMNS : 10;
	for (unsigned int i = first; i <= last && first < VIEW_ROWS; i++) {
		buf_printf(out, "  %8s .. %-8s %8s ",
			   i > style->first_row ? row_bound(i - 1, low) : "0",
			   row_bound(i, high), text_count(rows[i], count));
		if (rows[i])
			put_bar(out, (double)rows[i] / (double)most, columns,
				style);
		buf_putc(out, '\n');
	}
}

void view_heat_push(struct view_heat *heat, const struct hist_slots *hist)
{
	uint64_t rows[VIEW_ROWS];

	to_rows(hist, rows);
	for (unsigned int i = 0; i < VIEW_ROWS; i++)
		heat->column[heat->next][i] = rows[i] > UINT32_MAX ?
					      UINT32_MAX : (uint32_t)rows[i];
	heat->next = (heat->next + 1) % VIEW_HEAT_COLUMNS;
	if (heat->used < VIEW_HEAT_COLUMNS)
		heat->used++;
}

/* Column @age of the ring, 0 being the newest. */
static const uint32_t *heat_column(const struct view_heat *heat,
				   unsigned int age)
{
	return heat->column[(heat->next + VIEW_HEAT_COLUMNS - 1 - age) %
			    VIEW_HEAT_COLUMNS];
}

/* @step rows from @row on, as one. */
static uint32_t cell(const uint32_t *column, unsigned int row,
		     unsigned int step)
{
	uint32_t count = 0;

	for (unsigned int i = row; i < row + step && i < VIEW_ROWS; i++)
		count += column[i];
	return count;
}

/* The range of rows in use among the newest @columns. */
static bool heat_range(const struct view_heat *heat, unsigned int columns,
		       unsigned int *ret_first, unsigned int *ret_last,
		       uint32_t *ret_most)
{
	unsigned int first = VIEW_ROWS, last = 0;
	uint32_t most = 0;

	for (unsigned int age = 0; age < columns; age++) {
		const uint32_t *column = heat_column(heat, age);

		for (unsigned int i = 0; i < VIEW_ROWS; i++) {
			if (!column[i])
				continue;
			first = first < i ? first : i;
			last = last > i ? last : i;
			most = most > column[i] ? most : column[i];
		}
	}
	*ret_first = first;
	*ret_last = last;
	*ret_most = most;
	return first < VIEW_ROWS;
}

/*
 * Logarithmic: one slow request among thousands must be seen.  A step of
 * 0 to @steps - 1, for a @count that is not 0.
 */
static size_t heat_step(uint32_t count, uint32_t most, size_t steps)
{
	double heat = most > 1 ? log1p(count) / log1p(most) : 1;

	return (size_t)lround(heat * (double)(steps - 1));
}

/* Two cells in the place of one character. */
static void put_pair(struct buf *out, uint32_t upper, uint32_t lower,
		     uint32_t most)
{
	uint32_t front = upper ? upper : lower;

	if (!front) {
		buf_putc(out, ' ');
		return;
	}
	buf_printf(out, "\033[38;5;%um",
		   heat_colours[heat_step(front, most, HEAT_COLOURS)]);
	if (upper && lower)
		buf_printf(out, "\033[48;5;%um",
			   heat_colours[heat_step(lower, most, HEAT_COLOURS)]);
	buf_puts(out, upper ? "▀" PLAIN : "▄" PLAIN);
}

static void put_cell(struct buf *out, uint32_t count, uint32_t most,
		     const struct view_style *style)
{
	if (!count)
		buf_putc(out, ' ');
	else if (style->colour)
		buf_printf(out, "\033[48;5;%um " PLAIN,
			   heat_colours[heat_step(count, most, HEAT_COLOURS)]);
	else
		buf_putc(out, heat_ascii[heat_step(count, most,
						   sizeof(heat_ascii) - 1)]);
}

static void put_edge(struct buf *out, const struct view_style *style)
{
	const char *edge = style->ascii ? "|" : "│";

	if (style->colour)
		buf_printf(out, DIM "%s" PLAIN, edge);
	else
		buf_puts(out, edge);
}

void view_heat_legend(struct buf *out, const struct view_style *style)
{
	buf_puts(out, "one ");
	for (uint32_t i = 1; i <= HEAT_COLOURS; i++) {
		if (style->colour)
			buf_printf(out, "\033[48;5;%um " PLAIN,
				   heat_colours[i - 1]);
		else if (i < sizeof(heat_ascii))
			buf_putc(out, heat_ascii[i - 1]);
	}
	buf_puts(out, " most");
}

/* What is drawn of a heat: which rows, how many in a cell, cells in a line. */
struct frame {
	const struct view_heat *heat;
	const struct view_style *style;
	unsigned int columns, used;	/* there is room for; of these drawn */
	unsigned int first, step, pair;	/* pair: 2 cells in a line, or 1 */
	uint32_t most;
};

static void put_heat_cells(struct buf *out, const struct frame *f,
			   unsigned int row)
{
	for (unsigned int i = f->used; i < f->columns; i++)
		buf_putc(out, ' ');
	for (unsigned int age = f->used; age-- > 0;) {
		const uint32_t *column = heat_column(f->heat, age);
		uint32_t lower = cell(column, row, f->step);

		if (f->pair == 2)
			put_pair(out, cell(column, row + f->step, f->step),
				 lower, f->most);
		else
			put_cell(out, lower, f->most, f->style);
	}
}

/* The newest column as a bar, beside the line of @row. */
static void put_heat_bar(struct buf *out, const struct frame *f,
			 unsigned int row)
{
	const uint32_t *newest = heat_column(f->heat, 0);
	unsigned int height = f->step * f->pair;
	uint32_t here = cell(newest, row, height), top = 1;
	char text[TEXT_SIZE];

	for (unsigned int i = f->first; i < VIEW_ROWS; i += height)
		if (cell(newest, i, height) > top)
			top = cell(newest, i, height);
	if (!here)
		return;
	buf_printf(out, "%7s ", text_count(here, text));
	put_bar(out, (double)here / (double)top, HEAT_BAR_COLUMNS - 10,
		f->style);
}

static void put_heat_line(struct buf *out, const struct frame *f,
			  unsigned int row)
{
	unsigned int top = row + f->step * f->pair - 1;
	char text[TEXT_SIZE];

	buf_printf(out, "%*s ", HEAT_LABEL_COLUMNS - 2, row_bound(top, text));
	put_edge(out, f->style);
	put_heat_cells(out, f, row);
	put_edge(out, f->style);
	put_heat_bar(out, f, row);
	buf_putc(out, '\n');
}

void view_heat(struct buf *out, const struct view_heat *heat,
	       unsigned int rows, const struct view_style *style)
{
	unsigned int taken = HEAT_LABEL_COLUMNS + HEAT_BAR_COLUMNS;
	unsigned int last, lines, height;
	struct frame f = {
		.heat = heat, .style = style,
		.columns = style->width > taken + 10 ? style->width - taken :
						       10,
		.pair = style->colour && !style->ascii ? 2 : 1,
	};

	if (f.columns > VIEW_HEAT_COLUMNS)
		f.columns = VIEW_HEAT_COLUMNS;
	f.used = f.columns < heat->used ? f.columns : heat->used;
	if (!heat_range(heat, f.used, &f.first, &last, &f.most))
		return;
	if (last - f.first < rows)
		f.pair = 1; /* a line for each */
	/* too wide a range for the rows: several powers of two in each */
	f.step = (last - f.first) / (rows * f.pair) + 1;
	height = f.step * f.pair;
	lines = (last - f.first) / height + 1;
	while (lines-- > 0)
		put_heat_line(out, &f, f.first + lines * height);
}
