// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table lines: what is taken means what was written.  The words are in memory of
 * just their size, for the sanitizer to see a look beyond them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

#define MAX_WORDS 80
#define MAX_LINE 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is)
{
	if (!is)
		__builtin_trap();
}

static u32 split(char *line, char **words)
{
	u32 n = 0;

	for (char *w = strtok(line, " "); w && n < MAX_WORDS; w = strtok(NULL, " "))
		words[n++] = w;
	return n;
}

static int parse(struct sd_args *a, char **words, u32 n)
{
	char **exact = malloc(n * sizeof(*words));
	const char *why;
	int err;

	if (n)
		memcpy(exact, words, n * sizeof(*words));
	err = sd_args_parse(a, n, exact, &why);
	free(exact);
	return err;
}

/* What the rest of the module takes for granted. */
static void check_bounds(const struct sd_options *o)
{
	require(o->mode <= SUPERDISK_MODE_PASSTHROUGH);
	require(is_power_of_2(o->block_sectors) && o->block_sectors >= 8 &&
		o->block_sectors <= 512);
	require(o->verify <= 1 && o->attach <= SD_ATTACH_VERIFY);
	require(o->hedge_us <= SD_HEDGE_AUTO || o->hedge_us >= 50);
	require(!o->read_ms || o->read_ms >= 10);
	require(o->timeout_ms >= 100 && o->timeout_ms <= 600000);
	require(o->checkpoint_ms >= 10 && o->checkpoint_ms <= 600000);
	require(o->buffer_kib >= 256 && o->buffer_kib <= 1u << 20);
	require(o->read_kib >= 256 && o->read_kib <= 1u << 20);
	require(!o->heat_s || o->heat_s >= 16);
	require(o->policy <= SD_POLICY_SIEVE);
	require(!o->sequential_kib || (o->sequential_kib >= 64 &&
				       o->sequential_kib <= 1u << 30));
	require(o->fill_dwpd <= 1000);
}

/* Is it the same, but for zeroes before a number? */
static bool same_value(const char *a, const char *b)
{
	while (*a == '0' && a[1])
		a++;
	while (*b == '0' && b[1])
		b++;
	return !strcmp(a, b);
}

/* The last value that a line gives an option, or NULL. */
static const char *said(const char *key, char **options, u32 n)
{
	const char *value = NULL;

	for (u32 i = 0; i + 1 < n; i += 2)
		if (!strcmp(options[i], key))
			value = options[i + 1];
	return value;
}

/* Each that is printed was said so, each that is not has its default. */
static void check_printed(char **printed, u32 nr_printed, char **options, u32 n)
{
	char line[MAX_LINE], out[MAX_LINE], *words[MAX_WORDS];
	const char *value;
	struct sd_args a;

	for (u32 i = 0; i + 1 < nr_printed; i += 2) {
		value = said(printed[i], options, n);
		require(value && same_value(value, printed[i + 1]));
	}
	for (u32 i = 0; i + 1 < n; i += 2) {
		if (said(options[i], printed, nr_printed))
			continue;
		value = said(options[i], options, n);
		snprintf(line, sizeof(line), "d 1 s 2 %s %s", options[i],
			 value);
		require(!parse(&a, words, split(line, words)));
		require(!sd_options_print(&a.opt, out, sizeof(out)));
	}
}

static void check_positions(const struct sd_args *a, char **words, u32 n)
{
	require(a->nr_legs >= 1 && a->nr_legs <= SD_MAX_LEGS);
	require(strtoul(words[1], NULL, 10) == a->nr_legs);
	require(n == 2 + a->nr_legs ||
		strtoul(words[2 + a->nr_legs], NULL, 10) ==
			n - 3 - a->nr_legs);
	require(a->disk == words[0]);
	for (u32 i = 0; i < a->nr_legs; i++)
		require(a->ssd[i] == words[2 + i]);
}

/* What a smaller buffer holds is the beginning of it. */
static void check_cut(const struct sd_options *o, const char *whole)
{
	for (u32 size = 1; size <= strlen(whole); size++) {
		char *cut = malloc(size);

		sd_options_print(o, cut, size);
		require(strlen(cut) == size - 1 &&
			!strncmp(cut, whole, size - 1));
		free(cut);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[MAX_LINE], out[MAX_LINE] = "d 1 s", *words[MAX_WORDS];
	char *printed[MAX_WORDS];
	struct sd_args a, b;
	u32 n, skip, nr_printed;

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	n = split(line, words);
	if (parse(&a, words, n))
		return 0;
	check_positions(&a, words, n);
	check_bounds(&a.opt);
	sd_options_print(&a.opt, out + strlen(out), sizeof(out) - 5);
	check_cut(&a.opt, out + 5);
	nr_printed = split(out, printed);
	require(!parse(&b, printed, nr_printed) &&
		!memcmp(&a.opt, &b.opt, sizeof(a.opt)));
	skip = 3 + a.nr_legs;
	check_printed(printed + 4, nr_printed > 4 ? nr_printed - 4 : 0,
		      words + skip, n > skip ? n - skip : 0);
	return 0;
}
