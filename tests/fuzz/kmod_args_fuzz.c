// SPDX-License-Identifier: GPL-2.0-only
/* Table lines: what is taken prints back to the same. */
#include <stdint.h>
#include <string.h>

#include "args.h"

#define MAX_WORDS 80
#define MAX_LINE 1024

static u32 split(char *line, char **words)
{
	u32 n = 0;

	for (char *w = strtok(line, " "); w && n < MAX_WORDS; w = strtok(NULL, " "))
		words[n++] = w;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[MAX_LINE], out[MAX_LINE] = "d 1 s", *words[MAX_WORDS];
	struct sd_args a, b;
	const char *why;

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (sd_args_parse(&a, split(line, words), words, &why))
		return 0;
	sd_options_print(&a.opt, out + strlen(out), sizeof(out) - 5);
	if (sd_args_parse(&b, split(out, words), words, &why) ||
	    memcmp(&a.opt, &b.opt, sizeof(a.opt)))
		__builtin_trap();
	return 0;
}
