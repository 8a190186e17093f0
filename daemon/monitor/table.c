// SPDX-License-Identifier: Apache-2.0
#include "monitor/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "monitor/options.h"

const char table_usage[] =
"usage: superdisk create [options] NAME DISK [SSD...]\n"
"\n"
"Makes /dev/mapper/NAME of the persistent disk DISK and local SSDs.  `-` in\n"
"the place of an SSD leaves the position vacant.\n"
"\n"
"  -m, --mode MODE          auto, mirror, cache or passthrough\n"
"  -O, --option KEY=VALUE   any option of dm-superdisk(4)\n"
"  -j, --json\n"
"  -h, --help\n";

static const struct option long_options[] = {
	{ "mode", required_argument, NULL, 'm' },
	{ "option", required_argument, NULL, 'O' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* A word of the table line: spaces would shift all that follow. */
static bool is_word(const char *text)
{
	return *text && !strpbrk(text, " \t\n\\");
}

static int add_option(struct table *table, const char *option, char *why,
		      size_t why_size)
{
	const char *equals = strchr(option, '=');

	if (!is_word(option) || !equals || equals == option || !equals[1]) {
		snprintf(why, why_size, "option %s: not KEY=VALUE", option);
		return -EINVAL;
	}
	if (table->options == TABLE_OPTIONS_MAX) {
		snprintf(why, why_size, "more than %d options",
			 TABLE_OPTIONS_MAX);
		return -EINVAL;
	}
	table->option[table->options++] = option;
	return 0;
}

/* The mode is an option like any other; it only has a name of its own. */
static const char *mode_option(const char *mode)
{
	static const char *const options[] = {
		"mode=auto", "mode=mirror", "mode=cache", "mode=passthrough",
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (!strcmp(options[i] + strlen("mode="), mode))
			return options[i];
	return mode;
}

static int take_operands(int count, char **operand, struct table *table,
			 char *why, size_t why_size)
{
	if (count < 2) {
		snprintf(why, why_size, "a name and a disk are needed");
		return -EINVAL;
	}
	if (count - 2 > SUPERDISK_MAX_LEGS) {
		snprintf(why, why_size, "more than %d SSDs",
			 SUPERDISK_MAX_LEGS);
		return -EINVAL;
	}
	for (int i = 0; i < count; i++) {
		if (is_word(operand[i]))
			continue;
		snprintf(why, why_size, "no name: '%s'", operand[i]);
		return -EINVAL;
	}
	table->name = operand[0];
	table->disk = operand[1];
	for (int i = 2; i < count; i++)
		table->ssd[table->ssds++] = operand[i];
	return 0;
}

static int take(int option, const char *argument, void *into, char *why,
		size_t why_size)
{
	struct table *table = into;

	switch (option) {
	case 'm':
		return add_option(table, mode_option(argument), why, why_size);
	case 'O':
		return add_option(table, argument, why, why_size);
	case 'j':
		table->json = true;
		return 0;
	default:
		table->help = true;
		return 0;
	}
}

int table_parse(int argc, char **argv, struct table *ret_table, char *why,
		size_t why_size)
{
	static const struct options options = { ":m:O:jh", long_options, take };
	struct table table = { 0 };
	int at = options_parse(&options, argc, argv, &table, why, why_size);
	int err = at < 0 ? at : 0;

	if (!err && !table.help)
		err = take_operands(argc - at, argv + at, &table, why,
				    why_size);
	if (!err)
		*ret_table = table;
	return err;
}

void table_print(const struct table *table, struct buf *out)
{
	buf_printf(out, "%s %u", table->disk, table->ssds);
	for (unsigned int i = 0; i < table->ssds; i++)
		buf_printf(out, " %s", table->ssd[i]);
	if (table->options)
		buf_printf(out, " %u", 2 * table->options);
	for (unsigned int i = 0; i < table->options; i++) {
		const char *equals = strchr(table->option[i], '=');

		buf_printf(out, " %.*s %s", (int)(equals - table->option[i]),
			   table->option[i], equals + 1);
	}
}
