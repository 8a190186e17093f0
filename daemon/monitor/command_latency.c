// SPDX-License-Identifier: Apache-2.0
/* `superdisk latency`: from a source to the screen. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "monitor/cgroups.h"
#include "monitor/command.h"
#include "monitor/hist.h"
#include "monitor/latency_live.h"
#include "monitor/latency_options.h"
#include "monitor/source.h"
#include "monitor/terminal.h"
#include "monitor/view.h"

#define TABLE_NAMES "%-20s %-9s %-6s"

struct run {
	struct latency_options options;
	struct source *source;
	uint32_t only;		/* number of the device asked for, or 0 */
	uint64_t only_cgroup;	/* likewise */
	struct view_style style;
	uint64_t span_ns;	/* that the delta is of */
	/* state at the last print, and room for the next reading */
	struct latency *last, *next, *delta;
};

static void clock_text(char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(text, size, "%H:%M:%S", &local);
}

/* Leaves in run->delta what happened since the last call. */
static int advance(struct run *run)
{
	struct latency *swap;
	size_t kept = 0;
	int err = source_read(run->source, run->next);

	if (err)
		return err;
	*run->delta = *run->next;
	run->span_ns = run->next->at_ns - (run->last->at_ns ? run->last->at_ns :
							run->next->since_ns);
	latency_subtract(run->delta, run->last);
	swap = run->last;
	run->last = run->next;
	run->next = swap;
	for (size_t i = 0; run->only && i < run->delta->count; i++)
		if (run->delta->series[i].dev == run->only)
			run->delta->series[kept++] = run->delta->series[i];
	if (run->only)
		run->delta->count = kept;
	if (!run->options.parents)
		latency_merge_parents(run->delta);
	return 0;
}

static void put_span(const struct run *run, const struct latency_series *s,
		     int op, int span, struct buf *out)
{
	const struct hist_slots *hist = &s->hist[op][span];

	if (!hist_count(hist))
		return;
	buf_printf(out, "\n%s%s%s  %s  %s time   ", s->name,
		   s->parent ? " below " : "", s->parent_name,
		   latency_op_names[op], latency_span_names[span]);
	view_summary(out, hist);
	buf_putc(out, '\n');
	view_histogram(out, hist, &run->style);
}

static void put_row(const struct run *run, const struct latency_series *s,
		    int op, int span, struct buf *out)
{
	const struct hist_slots *hist = &s->hist[op][span];
	char name[2 * DEVICE_NAME_MAX + 2];

	if (!hist_count(hist))
		return;
	snprintf(name, sizeof(name), "%s%s%s", s->name, s->parent ? "<" : "",
		 s->parent_name);
	buf_printf(out, TABLE_NAMES "   ", name, latency_op_names[op],
		   latency_span_names[span]);
	view_table_line(out, hist, (double)run->span_ns / 1e9);
	buf_putc(out, '\n');
}

static void put_operation(const struct run *run,
			  const struct latency_series *s, int op,
			  struct buf *out)
{
	if (run->options.operation >= 0 && run->options.operation != op)
		return;
	for (int span = 0; span < BLOCK_SPANS; span++) {
		if (span == BLOCK_QUEUE && !run->options.queue)
			continue;
		if (run->options.table)
			put_row(run, s, op, span, out);
		else
			put_span(run, s, op, span, out);
	}
}

static void print_text(const struct run *run)
{
	uint64_t events = latency_lost(run->delta);
	struct buf out = BUF_INIT;
	char now[32];

	clock_text(now, sizeof(now));
	if (run->options.timestamp)
		buf_printf(&out, "%s\n", now);
	if (run->options.table)
		buf_printf(&out, TABLE_NAMES "   " VIEW_TABLE_HEAD "\n",
			   "device", "operation", "span");
	for (size_t i = 0; i < run->delta->count; i++)
		for (int op = 0; op < BLOCK_OPS; op++)
			put_operation(run, &run->delta->series[i], op, &out);
	if (events)
		buf_printf(&out, "\n%llu events lost\n",
			   (unsigned long long)events);
	if (!out.len)
		buf_puts(&out, "no I/O\n");
	fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
	buf_fini(&out);
}

static void print_json(const struct run *run)
{
	json_t *document = latency_to_json(run->delta);

	json_dumpf(document, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(document);
}

static void print(const struct run *run)
{
	if (run->options.json)
		print_json(run);
	else
		print_text(run);
}

static int run_once(struct run *run)
{
	int err;

	if (source_is_own(run->source)) {
		fprintf(stderr, "measuring, Ctrl-C ends\n");
		interrupts_wait(-1);
	}
	err = advance(run);
	if (!err)
		print(run);
	return err;
}

static int run_intervals(struct run *run)
{
	int wait_ms = (int)run->options.interval_ms;
	int err = advance(run);

	for (uint32_t i = 0; !err; i++) {
		if (run->options.count && i == run->options.count)
			break;
		if (interrupts_wait(wait_ms))
			break;
		err = advance(run);
		if (!err)
			print(run);
	}
	return err;
}

static void draw(struct run *run, const struct latency_live *live)
{
	struct buf screen = BUF_INIT;
	unsigned int rows;
	char now[32];

	clock_text(now, sizeof(now));
	terminal_size(&rows, &run->style.width);
	latency_live_draw(live, now, rows, &run->style, &screen);
	terminal_show(&screen);
	buf_fini(&screen);
}

/* One interval more; -EINTR when it is the last or the user wants no more. */
static int live_interval(struct run *run, struct latency_live *live,
			 uint32_t *intervals)
{
	int err;

	if (run->options.count && *intervals == run->options.count)
		return -EINTR;
	err = advance(run);
	if (!err)
		latency_live_push(live, run->delta, run->options.operation,
				  run->options.interval_ms);
	++*intervals;
	return err;
}

/* A picture that is held does not change; what happens meanwhile is kept. */
static int run_live(struct run *run)
{
	struct latency_live *live = latency_live_new();
	int wait_ms = (int)run->options.interval_ms;
	int key, err = live ? advance(run) : -ENOMEM;
	uint32_t intervals = 0;
	bool held = false;

	while (!err) {
		if (!held)
			draw(run, live);
		key = terminal_wait(wait_ms);
		if (key == ' ')
			held = !held;
		if (key == 'q' || key == -EINTR)
			err = -EINTR;
		else if (!key)
			err = live_interval(run, live, &intervals);
	}
	latency_live_free(live);
	return err == -EINTR ? 0 : err;
}

static int measure(struct run *run)
{
	int err;

	if (!run->options.interval_ms)
		return run_once(run);
	if (!run->options.live)
		return run_intervals(run);
	err = terminal_open();
	if (err)
		return run_intervals(run);
	err = run_live(run);
	terminal_close();
	return err;
}

static int find_device(struct run *run)
{
	struct devices *devices;
	int err = 0;

	if (!run->options.device)
		return 0;
	err = devices_new("/sys", &devices);
	if (err)
		return err;
	err = devices_number(devices, run->options.device, &run->only);
	devices_free(devices);
	return err;
}

static int find_cgroup(struct run *run)
{
	struct cgroups *cgroups;
	int err = 0;

	if (!run->options.cgroup)
		return 0;
	err = cgroups_new(NULL, CGROUPS_BLOCK, &cgroups);
	if (err)
		return err;
	err = cgroups_id(cgroups, run->options.cgroup, &run->only_cgroup);
	cgroups_free(cgroups);
	return err;
}

static int start(struct run *run)
{
	char why[1024] = "";
	int err = find_device(run);

	if (err) {
		fprintf(stderr, "superdisk latency: %s: no such block device\n",
			run->options.device);
		return EX_NOINPUT;
	}
	if (find_cgroup(run)) {
		fprintf(stderr, "superdisk latency: %s: no such cgroup, of "
			"those that block I/O is billed to\n",
			run->options.cgroup);
		return EX_NOINPUT;
	}
	interrupts_catch();
	err = source_open(run->options.socket, run->only_cgroup, why, sizeof(why), &run->source);
	if (err) {
		fprintf(stderr, "superdisk latency: %s\n", why);
		return EX_UNAVAILABLE;
	}
	err = measure(run);
	source_close(run->source);
	if (err)
		fprintf(stderr, "superdisk latency: %s\n", strerror(-err));
	return err ? EX_IOERR : EX_OK;
}

int command_latency(int argc, char **argv)
{
	struct run run = { 0 };
	unsigned int rows;
	char why[256];
	int status;

	if (latency_options_parse(argc, argv, &run.options, why, sizeof(why))) {
		fprintf(stderr, "superdisk latency: %s\n", why);
		return EX_USAGE;
	}
	if (run.options.help) {
		fputs(latency_options_usage, stdout);
		return EX_OK;
	}
	setlocale(LC_CTYPE, "");
	run.options.live &= isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	terminal_size(&rows, &run.style.width);
	run.style.colour = terminal_colour();
	run.style.first_row = run.options.milliseconds ? VIEW_ROW_MS : 0;
	run.style.ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	run.last = latency_new();
	run.next = latency_new();
	run.delta = latency_new();
	status = run.last && run.next && run.delta ? start(&run) : EX_OSERR;
	mem_free(run.last);
	mem_free(run.next);
	mem_free(run.delta);
	return status;
}
