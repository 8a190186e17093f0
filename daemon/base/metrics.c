// SPDX-License-Identifier: Apache-2.0
#include "base/metrics.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define NS_PER_S 1000000000ULL

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

static int ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), tail = strlen(end);

	return size > tail && !strcmp(text + size - tail, end);
}

void metrics_family(struct buf *out, const char *name, enum metric_type type,
		    const char *help)
{
	check((type == METRIC_COUNTER) == ends_with(name, "_total"));
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		   type_names[type]);
}

static void put_escaped(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			buf_puts(out, "\\n");
		else if (*value == '\\' || *value == '"')
			buf_printf(out, "\\%c", *value);
		else
			buf_putc(out, *value);
	}
}

static void put_labels(struct buf *out, const struct metric_label *labels,
		       const char *le)
{
	char separator = '{';

	for (; labels && labels->name; labels++) {
		buf_printf(out, "%c%s=\"", separator, labels->name);
		put_escaped(out, labels->value);
		buf_putc(out, '"');
		separator = ',';
	}
	if (le) {
		buf_printf(out, "%cle=\"%s\"", separator, le);
		separator = ',';
	}
	if (separator == ',')
		buf_putc(out, '}');
	buf_putc(out, ' ');
}

#define SECONDS_SIZE 32

static const char *seconds(uint64_t ns, char text[SECONDS_SIZE])
{
	snprintf(text, SECONDS_SIZE, "%llu.%09llu",
		 (unsigned long long)(ns / NS_PER_S),
		 (unsigned long long)(ns % NS_PER_S));
	return text;
}

void metrics_sample(struct buf *out, const char *name,
		    const struct metric_label *labels, uint64_t value)
{
	buf_puts(out, name);
	put_labels(out, labels, NULL);
	buf_put_u64(out, value);
	buf_putc(out, '\n');
}

void metrics_sample_seconds(struct buf *out, const char *name,
			    const struct metric_label *labels, uint64_t ns)
{
	char text[SECONDS_SIZE];

	buf_puts(out, name);
	put_labels(out, labels, NULL);
	buf_printf(out, "%s\n", seconds(ns, text));
}

void metrics_sample_ratio(struct buf *out, const char *name,
			  const struct metric_label *labels, uint64_t of,
			  uint64_t to)
{
	buf_puts(out, name);
	put_labels(out, labels, NULL);
	buf_printf(out, "%.6g\n", to ? (double)of / (double)to : 0);
}

void metrics_bucket(struct buf *out, const char *name,
		    const struct metric_label *labels, uint64_t upper_ns,
		    uint64_t below)
{
	char text[SECONDS_SIZE];

	buf_printf(out, "%s_bucket", name);
	put_labels(out, labels, upper_ns == UINT64_MAX ? "+Inf" :
						seconds(upper_ns, text));
	buf_put_u64(out, below);
	buf_putc(out, '\n');
}

void metrics_sum(struct buf *out, const char *name,
		 const struct metric_label *labels, uint64_t sum_ns,
		 uint64_t count)
{
	char text[SECONDS_SIZE];

	buf_printf(out, "%s_sum", name);
	put_labels(out, labels, NULL);
	buf_printf(out, "%s\n%s_count", seconds(sum_ns, text), name);
	put_labels(out, labels, NULL);
	buf_put_u64(out, count);
	buf_putc(out, '\n');
}
