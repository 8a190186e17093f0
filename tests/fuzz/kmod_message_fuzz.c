// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to the target: what is taken is within bounds, and is what was
 * written.  The words are in memory of just their size, for the sanitizer to see
 * a look beyond them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

#define MAX_WORDS 8
#define MAX_LINE 256
#define LEGS 3

static const char * const verbs[] = {
	[SD_VERB_BYPASS] = "bypass", [SD_VERB_RESTORE] = "restore",
	[SD_VERB_REMOVE] = "remove", [SD_VERB_ADD] = "add",
	[SD_VERB_REPLACE] = "replace", [SD_VERB_WARM] = "warm",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is)
{
	if (!is)
		__builtin_trap();
}

static int parse(struct sd_message *m, char **words, u32 n)
{
	char **exact = malloc(n * sizeof(*words));
	int err;

	if (n)
		memcpy(exact, words, n * sizeof(*words));
	err = sd_message_parse(m, n, exact, LEGS);
	free(exact);
	return err;
}

/* A number that is written in digits, and not too long for this. */
static u64 number(const char *word)
{
	char *end;
	u64 value = strtoull(word, &end, 10);

	require(*word >= '0' && *word <= '9' && !*end);
	return value;
}

static void check(const struct sd_message *m, char **words, u32 n)
{
	bool has_path = m->verb == SD_VERB_ADD || m->verb == SD_VERB_REPLACE;

	require(m->verb <= SD_VERB_WARM && !strcmp(words[0], verbs[m->verb]));
	require(n == 2 + has_path);
	require(m->path == (has_path ? words[2] : NULL));
	if (m->verb == SD_VERB_WARM) {
		require(!m->leg);
		require(m->kib_per_s ? number(words[1]) == m->kib_per_s :
				       !strcmp(words[1], "off"));
		return;
	}
	require(m->leg < LEGS && number(words[1]) == m->leg);
	require(!m->kib_per_s);
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
	if (!parse(&m, words, n))
		check(&m, words, n);
	return 0;
}
