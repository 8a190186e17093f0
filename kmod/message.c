// SPDX-License-Identifier: GPL-2.0-only
/* Parsing of messages to the target.  Pure core. */
#include "message.h"

#include "args.h"

static const struct {
	const char *name;
	u32 argc;		/* with the name */
	enum sd_verb verb;
} verbs[] = {
	{ "bypass", 2, SD_VERB_BYPASS },
	{ "restore", 2, SD_VERB_RESTORE },
	{ "remove", 2, SD_VERB_REMOVE },
	{ "add", 3, SD_VERB_ADD },
	{ "replace", 3, SD_VERB_REPLACE },
	{ "warm", 2, SD_VERB_WARM },
};

static int parse_operands(struct sd_message *m, u32 argc, char **argv,
			  u32 nr_legs)
{
	if (m->verb == SD_VERB_WARM) {
		if (!strcmp(argv[1], "off"))
			return 0;
		return sd_number_parse(argv[1], 1, ~0u, &m->kib_per_s);
	}
	if (argc > 2)
		m->path = argv[2];
	return sd_number_parse(argv[1], 0, nr_legs - 1, &m->leg);
}

int sd_message_parse(struct sd_message *m, u32 argc, char **argv, u32 nr_legs)
{
	u32 i;

	*m = (struct sd_message) {};
	for (i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (argc != verbs[i].argc || strcmp(argv[0], verbs[i].name))
			continue;
		m->verb = verbs[i].verb;
		return parse_operands(m, argc, argv, nr_legs);
	}
	return -EINVAL;
}
