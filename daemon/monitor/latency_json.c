// SPDX-License-Identifier: Apache-2.0
/* The document form of a latency snapshot; superdiskd(8) describes it. */
#include "monitor/latency.h"

#include <errno.h>
#include <string.h>

#include "monitor/hist.h"
#include "monitor/hist_json.h"

#define FORMAT 1

static json_t *series_to_json(const struct latency_series *s)
{
	json_t *operations = json_object();

	for (int op = 0; op < BLOCK_OPS; op++) {
		json_t *spans = json_object();

		for (int span = 0; span < BLOCK_SPANS; span++)
			if (hist_count(&s->hist[op][span]))
				json_object_set_new(spans,
						    latency_span_names[span],
					hist_to_json(&s->hist[op][span]));
		if (json_object_size(spans))
			json_object_set(operations, latency_op_names[op],
					spans);
		json_decref(spans);
	}
	return json_pack("{ss sI ss sI so}",
			 "device", s->name, "number", (json_int_t)s->dev,
			 "parent", s->parent_name,
			 "parent_number", (json_int_t)s->parent,
			 "operations", operations);
}

json_t *latency_to_json(const struct latency *latency)
{
	const struct block_lost *lost = &latency->lost;
	json_t *series = json_array();

	for (size_t i = 0; i < latency->count; i++)
		json_array_append_new(series,
				      series_to_json(&latency->series[i]));
	return json_pack("{si si sI sI s{sI sI sI sI sI} so}",
			 "format", FORMAT, "sub_bits", HIST_SUB_BITS,
			 "since_ns", (json_int_t)latency->since_ns,
			 "at_ns", (json_int_t)latency->at_ns,
			 "lost",
			 "missed", (json_int_t)latency->missed,
			 "bios", (json_int_t)lost->bios,
			 "requests", (json_int_t)lost->requests,
			 "series", (json_int_t)lost->series,
			 "records", (json_int_t)lost->records,
			 "series", series);
}

static int hist_from_json(json_t *document, struct hist_slots *hist)
{
	json_int_t sum, index, count;
	json_t *buckets, *pair;
	size_t i;

	if (json_unpack(document, "{sI so}", "sum_ns", &sum,
			"buckets", &buckets) || !json_is_array(buckets))
		return -EPROTO;
	hist->sum = (uint64_t)sum;
	json_array_foreach(buckets, i, pair) {
		if (json_unpack(pair, "[I,I]", &index, &count) ||
		    index < 0 || index >= HIST_BUCKETS || count < 0)
			return -EPROTO;
		hist->count[index] = (uint64_t)count;
	}
	return 0;
}

static int operations_from_json(json_t *operations, struct latency_series *s)
{
	for (int op = 0; op < BLOCK_OPS; op++) {
		json_t *spans = json_object_get(operations,
						latency_op_names[op]);

		for (int span = 0; span < BLOCK_SPANS; span++) {
			json_t *hist = json_object_get(spans,
						latency_span_names[span]);

			if (hist && hist_from_json(hist, &s->hist[op][span]))
				return -EPROTO;
		}
	}
	return 0;
}

static int series_from_json(json_t *document, struct latency_series *s)
{
	const char *name, *parent_name;
	json_int_t dev, parent;
	json_t *operations;

	memset(s, 0, sizeof(*s));
	if (json_unpack(document, "{ss sI ss sI so}", "device", &name,
			"number", &dev, "parent", &parent_name,
			"parent_number", &parent, "operations", &operations))
		return -EPROTO;
	if (strlen(name) >= sizeof(s->name) ||
	    strlen(parent_name) >= sizeof(s->parent_name))
		return -EPROTO;
	s->dev = (uint32_t)dev;
	s->parent = (uint32_t)parent;
	strcpy(s->name, name);
	strcpy(s->parent_name, parent_name);
	return operations_from_json(operations, s);
}

static int lost_from_json(json_t *document, struct latency *latency)
{
	struct block_lost *lost = &latency->lost;
	json_int_t missed, bios, requests, series, records;

	if (json_unpack(document, "{sI sI sI sI sI}",
			"missed", &missed, "bios", &bios,
			"requests", &requests, "series", &series,
			"records", &records))
		return -EPROTO;
	latency->missed = (uint64_t)missed;
	lost->bios = (uint64_t)bios;
	lost->requests = (uint64_t)requests;
	lost->series = (uint64_t)series;
	lost->records = (uint64_t)records;
	return 0;
}

int latency_from_json(const json_t *document, struct latency *ret_latency)
{
	json_t *lost, *series, *each;
	int format, sub_bits;
	json_int_t at_ns, since_ns;
	size_t i;

	/* jansson takes no const here, and changes nothing */
	if (json_unpack((json_t *)(uintptr_t)document, "{si si sI sI so so}",
			"format", &format, "sub_bits", &sub_bits,
			"since_ns", &since_ns, "at_ns", &at_ns, "lost", &lost, "series", &series))
		return -EPROTO;
	if (format != FORMAT || sub_bits != HIST_SUB_BITS ||
	    !json_is_array(series) ||
	    json_array_size(series) > BLOCK_SERIES_MAX)
		return -EPROTO;
	memset(ret_latency, 0, sizeof(*ret_latency));
	ret_latency->at_ns = (uint64_t)at_ns;
	ret_latency->since_ns = (uint64_t)since_ns;
	if (lost_from_json(lost, ret_latency))
		return -EPROTO;
	json_array_foreach(series, i, each)
		if (series_from_json(each, &ret_latency->series[i]))
			return -EPROTO;
	ret_latency->count = json_array_size(series);
	return 0;
}
