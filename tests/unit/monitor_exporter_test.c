// SPDX-License-Identifier: Apache-2.0
/*
 * The exporter's text against the rules of the format and of good names: what
 * `promtool check metrics` complains about, and that buckets add up.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "monitor/exporter.h"

struct checker {
	char family[128], type[32], help_of[128];
	char series[512];	/* labels of the histogram being read */
	double le, below;
	int samples;
};

static void check_name(const char *name)
{
	assert_true(isalpha((unsigned char)*name) || *name == '_');
	for (; *name; name++)
		assert_true(islower((unsigned char)*name) || *name == '_' ||
			    isdigit((unsigned char)*name));
}

static void check_comment(struct checker *c, const char *line)
{
	char word[128], type[32];

	if (sscanf(line, "# HELP %127s", word) == 1) {
		assert_string_not_equal(word, c->help_of);
		strcpy(c->help_of, word);
		assert_true(strlen(line) > strlen("# HELP ") + strlen(word));
		return;
	}
	assert_int_equal(sscanf(line, "# TYPE %127s %31s", word, type), 2);
	assert_string_equal(word, c->help_of);
	check_name(word);
	strcpy(c->family, word);
	strcpy(c->type, type);
	if (!strcmp(type, "counter"))
		assert_non_null(strstr(word, "_total"));
	if (!strcmp(type, "histogram"))
		assert_non_null(strstr(word, "_seconds"));
	c->series[0] = 0;
}

static void check_bucket(struct checker *c, const char *labels, double value)
{
	const char *le = strstr(labels, "le=\"");
	double bound;
	size_t size;

	assert_non_null(le);
	size = (size_t)(le - labels);
	bound = strncmp(le + 4, "+Inf", 4) ? strtod(le + 4, NULL) : 1e300;
	if (strncmp(c->series, labels, size) || !c->series[0]) {
		snprintf(c->series, sizeof(c->series), "%.*s", (int)size,
			 labels);
		c->le = 0;
		c->below = 0;
	}
	assert_true(bound > c->le);
	assert_true(value >= c->below);
	c->le = bound;
	c->below = value;
}

static void check_sample(struct checker *c, const char *line)
{
	const char *end = strpbrk(line, "{ "), *space = strrchr(line, ' ');
	char name[128], *rest;
	double value;

	assert_non_null(end);
	snprintf(name, sizeof(name), "%.*s", (int)(end - line), line);
	value = strtod(space + 1, &rest);
	assert_int_equal(*rest, 0);
	assert_memory_equal(name, c->family, strlen(c->family));
	rest = name + strlen(c->family);
	c->samples++;
	if (strcmp(c->type, "histogram")) {
		assert_int_equal(*rest, 0);
	} else if (!strcmp(rest, "_bucket")) {
		check_bucket(c, end, value);
	} else if (!strcmp(rest, "_count")) {
		assert_true(c->le > 1e299);	/* +Inf was the last */
		assert_true(value == c->below);
	} else {
		assert_string_equal(rest, "_sum");
	}
}

static int check_text(const char *text)
{
	char *copy = strdup(text), *save = NULL;
	struct checker c = { 0 };

	assert_int_equal(text[strlen(text) - 1], '\n');
	for (char *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (*line == '#')
			check_comment(&c, line);
		else
			check_sample(&c, line);
	}
	free(copy);
	return c.samples;
}

static struct latency *filled(void)
{
	struct latency *latency = latency_new();
	struct latency_series *s = &latency->series[0];

	strcpy(s->name, "sda");
	strcpy(s->parent_name, "with \"quotes\"\nand\\more");
	s->hist[BLOCK_READ][BLOCK_DEVICE].count[hist_index(1024)] = 2;
	s->hist[BLOCK_READ][BLOCK_DEVICE].count[hist_index(1025)] = 3;
	s->hist[BLOCK_READ][BLOCK_DEVICE].count[hist_index(UINT64_MAX)] = 1;
	s->hist[BLOCK_READ][BLOCK_DEVICE].sum = 1500000000;
	s->hist[BLOCK_WRITE][BLOCK_QUEUE].count[hist_index(1)] = 4;
	latency->count = 1;
	latency->lost.series = 7;
	return latency;
}

static void text_follows_the_rules(void **state)
{
	struct latency *latency = filled();
	struct buf out = BUF_INIT;

	(void)state;
	exporter_block(&out, latency);
	assert_int_equal(out.err, 0);
	/* two histograms of 27 bounds, +Inf, sum, count; five losses */
	assert_int_equal(check_text(buf_str(&out)), 2 * 30 + 5);
	buf_fini(&out);
	mem_free(latency);
}

static void bounds_are_inclusive_and_in_seconds(void **state)
{
	struct latency *latency = filled();
	struct buf out = BUF_INIT;
	const char *text;

	(void)state;
	exporter_block(&out, latency);
	text = buf_str(&out);
	assert_non_null(strstr(text, "le=\"0.000001024\"} 2\n"));
	assert_non_null(strstr(text, "le=\"0.000002048\"} 5\n"));
	assert_non_null(strstr(text, "le=\"68.719476736\"} 5\n"));
	assert_non_null(strstr(text, "le=\"+Inf\"} 6\n"));
	assert_non_null(strstr(text, "operation=\"read\"} 1.500000000\n"));
	buf_fini(&out);
	mem_free(latency);
}

static void label_values_are_escaped(void **state)
{
	struct latency *latency = filled();
	struct buf out = BUF_INIT;

	(void)state;
	exporter_block(&out, latency);
	assert_non_null(strstr(buf_str(&out),
		"parent=\"with \\\"quotes\\\"\\nand\\\\more\""));
	buf_fini(&out);
	mem_free(latency);
}

static void losses_are_exported(void **state)
{
	struct latency *latency = filled();
	struct buf out = BUF_INIT;

	(void)state;
	exporter_block(&out, latency);
	assert_non_null(strstr(buf_str(&out),
		"superdisk_block_lost_total{reason=\"too_many_devices\"} 7\n"));
	buf_fini(&out);
	mem_free(latency);
}

static struct module_state *filled_module(void)
{
	struct module_state *module = mem_zalloc(sizeof(*module));

	module->devices = 1;
	module->device[0].dev = 7;
	strcpy(module->device[0].name, "fast");
	module->device[0].stats.path[SUPERDISK_PATH_MISS].count[100] = 3;
	module->legs = 1;
	module->leg[0].dev = 7;
	module->leg[0].leg = 2;
	module->leg[0].state = SUPERDISK_STATE_IN;
	module->leg[0].pages_valid = 40;
	module->leg[0].pages_total = 160;
	module->leg[0].slots_used = 3;
	module->leg[0].slots_total = 10;
	module->leg[0].stats.counter[SUPERDISK_C_HITS] = 5;
	return module;
}

static void the_module_s_part_follows_the_rules_too(void **state)
{
	struct module_state *module = filled_module();
	struct devices *devices;
	struct buf out = BUF_INIT;
	const char *text;

	(void)state;
	assert_int_equal(devices_new("/nonexistent", &devices), 0);
	exporter_module(&out, module, devices);
	text = buf_str(&out);
	/* a state, five sizes, a counter, and a histogram */
	assert_int_equal(check_text(text), 1 + 5 + 1 + 30);
	assert_non_null(strstr(text, "superdisk_module_ssd_valid_pages{"
				     "superdisk=\"fast\",ssd=\"2\"} 40\n"));
	assert_non_null(strstr(text, "superdisk_module_ssd_used_blocks{"
				     "superdisk=\"fast\",ssd=\"2\"} 3\n"));
	buf_fini(&out);
	devices_free(devices);
	mem_free(module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_follows_the_rules),
		cmocka_unit_test(bounds_are_inclusive_and_in_seconds),
		cmocka_unit_test(label_values_are_escaped),
		cmocka_unit_test(losses_are_exported),
		cmocka_unit_test(the_module_s_part_follows_the_rules_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
