// SPDX-License-Identifier: Apache-2.0
#include "monitor/latency_live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "monitor/hist.h"
#include "monitor/text.h"

#define PANELS_MAX 64
#define PANEL_ROWS_MIN 6
#define PANEL_ROWS_MAX 16
/* A panel without I/O for so many intervals is not drawn. */
#define PANEL_IDLE_MAX VIEW_HEAT_COLUMNS

#define BOLD "\033[1m"
#define DIM "\033[38;5;244m"
#define ALARM "\033[1;38;5;203m"
#define PLAIN "\033[0m"

struct panel {
	uint32_t dev;
	int op;
	unsigned int idle;	/* intervals since the last I/O */
	uint64_t seen;		/* I/Os since the view was opened */
	char name[DEVICE_NAME_MAX];
	struct hist_slots now[BLOCK_SPANS];
	struct view_heat heat;
};

struct latency_live {
	uint64_t lost;
	uint32_t interval_ms;
	size_t count;
	struct panel panels[PANELS_MAX];
};

struct latency_live *latency_live_new(void)
{
	return mem_zalloc(sizeof(struct latency_live));
}

void latency_live_free(struct latency_live *live)
{
	mem_free(live);
}

static struct panel *panel_of(struct latency_live *live,
			      const struct latency_series *s, int op)
{
	struct panel *panel;

	for (size_t i = 0; i < live->count; i++)
		if (live->panels[i].dev == s->dev && live->panels[i].op == op)
			return &live->panels[i];
	if (live->count == PANELS_MAX)
		return NULL;
	panel = &live->panels[live->count++];
	panel->dev = s->dev;
	panel->op = op;
	snprintf(panel->name, sizeof(panel->name), "%s", s->name);
	return panel;
}

static void panel_push(struct panel *panel, const struct latency_series *s)
{
	uint64_t ios;

	memcpy(panel->now, s->hist[panel->op], sizeof(panel->now));
	view_heat_push(&panel->heat, &panel->now[BLOCK_DEVICE]);
	ios = hist_count(&panel->now[BLOCK_DEVICE]);
	panel->seen += ios;
	panel->idle = ios ? 0 : panel->idle + 1;
}

static int busier(const void *a, const void *b)
{
	const struct panel *x = a, *y = b;

	if (x->seen != y->seen)
		return x->seen < y->seen ? 1 : -1;
	return 0;
}

void latency_live_push(struct latency_live *live, const struct latency *delta,
		       int operation, uint32_t interval_ms)
{
	live->interval_ms = interval_ms;
	live->lost += latency_lost(delta);
	for (size_t i = 0; i < delta->count; i++) {
		const struct latency_series *s = &delta->series[i];

		for (int op = 0; op < BLOCK_OPS; op++) {
			struct panel *panel = NULL;

			if (operation < 0 || operation == op)
				panel = panel_of(live, s, op);
			if (panel)
				panel_push(panel, s);
		}
	}
	qsort(live->panels, live->count, sizeof(live->panels[0]), busier);
}

static bool panel_drawn(const struct panel *panel)
{
	return panel->seen && panel->idle < PANEL_IDLE_MAX;
}

static void paint(struct buf *out, const struct view_style *style,
		  const char *colour)
{
	if (style->colour)
		buf_puts(out, colour);
}

static void put_head(struct buf *out, const struct latency_live *live,
		     const struct panel *panel, const struct view_style *style)
{
	const struct hist_slots *queue = &panel->now[BLOCK_QUEUE];
	const struct hist_slots *device = &panel->now[BLOCK_DEVICE];
	uint64_t rate = hist_count(device) * 1000 / live->interval_ms;
	char text[TEXT_SIZE];

	paint(out, style, BOLD);
	buf_printf(out, "%s %s", panel->name, latency_op_names[panel->op]);
	paint(out, style, PLAIN);
	if (!hist_count(device)) {
		paint(out, style, DIM);
		buf_puts(out, "  idle");
		paint(out, style, PLAIN);
		return;
	}
	buf_printf(out, "  %s/s", text_count(rate, text));
	buf_printf(out, "  p50 %s", text_time(hist_quantile(device, 0.5), text));
	buf_printf(out, "  p99 %s", text_time(hist_quantile(device, 0.99),
					      text));
	buf_printf(out, "  max %s", text_time(hist_highest(device), text));
	if (!hist_count(queue))
		return;
	paint(out, style, DIM);
	buf_printf(out, "   queued p50 %s",
		   text_time(hist_quantile(queue, 0.5), text));
	buf_printf(out, " p99 %s", text_time(hist_quantile(queue, 0.99), text));
	paint(out, style, PLAIN);
}

static void put_title(struct buf *out, const struct latency_live *live,
		      const char *title, const struct view_style *style)
{
	char text[TEXT_SIZE];

	paint(out, style, DIM);
	buf_printf(out, "superdisk latency   %s   a column each %s   ", title,
		   text_time((uint64_t)live->interval_ms * 1000000, text));
	view_heat_legend(out, style);
	paint(out, style, DIM);
	buf_puts(out, "   space holds, q leaves");
	paint(out, style, PLAIN);
	if (live->lost) {
		paint(out, style, ALARM);
		buf_printf(out, "   %s events lost",
			   text_count(live->lost, text));
		paint(out, style, PLAIN);
	}
	buf_puts(out, "\n");
}

void latency_live_draw(const struct latency_live *live, const char *title,
		       unsigned int rows, const struct view_style *style,
		       struct buf *out)
{
	unsigned int drawn = 0, shown, each;

	for (size_t i = 0; i < live->count; i++)
		drawn += panel_drawn(&live->panels[i]);
	put_title(out, live, title, style);
	if (!drawn) {
		buf_puts(out, "\n  no I/O yet");
		return;
	}
	/* a title line, then for each panel a blank line, a head and a map */
	shown = (rows - 1) / (PANEL_ROWS_MIN + 2);
	shown = shown < 1 ? 1 : shown < drawn ? shown : drawn;
	each = (rows - 1) / shown;
	each = each > 3 ? each - 2 : 1;
	each = each > PANEL_ROWS_MAX ? PANEL_ROWS_MAX : each;
	for (size_t i = 0; i < live->count && shown; i++) {
		const struct panel *panel = &live->panels[i];

		if (!panel_drawn(panel))
			continue;
		buf_putc(out, '\n');
		put_head(out, live, panel, style);
		buf_putc(out, '\n');
		view_heat(out, &panel->heat, each, style);
		shown--;
	}
	if (out->len && out->data[out->len - 1] == '\n')
		out->len--;
}
