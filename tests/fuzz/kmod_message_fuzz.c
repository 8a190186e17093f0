// SPDX-License-Identifier: GPL-2.0-only
/* Messages to the target: what is taken is within bounds. */
#include <stdint.h>
#include <string.h>

#include "message.h"

#define MAX_WORDS 8
#define MAX_LINE 256
#define LEGS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is)
{
	if (!is)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[MAX_LINE], *words[MAX_WORDS];
	struct sd_message m;
	u32 n = 0;

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	for (char *w = strtok(line, " "); w && n < MAX_WORDS;
	     w = strtok(NULL, " "))
		words[n++] = w;
	if (sd_message_parse(&m, n, words, LEGS))
		return 0;
	require(m.leg < LEGS);
	require(!m.path == (m.verb != SD_VERB_ADD &&
			    m.verb != SD_VERB_REPLACE));
	require(!m.kib_per_s || m.verb == SD_VERB_WARM);
	return 0;
}
