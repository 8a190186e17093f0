/* SPDX-License-Identifier: GPL-2.0-only */
/* A message to the target: what is to be done.  Pure core. */
#ifndef SD_MESSAGE_H
#define SD_MESSAGE_H

#include "core.h"

enum sd_verb {
	SD_VERB_BYPASS,
	SD_VERB_RESTORE,
	SD_VERB_REMOVE,
	SD_VERB_ADD,
	SD_VERB_REPLACE,
	SD_VERB_WARM,
};

struct sd_message {
	enum sd_verb verb;
	u32 leg;		/* but for WARM */
	const char *path;	/* of ADD and REPLACE; borrowed */
	bool known;		/* it must name an SSD of the set's own */
	u32 kib_per_s;		/* of WARM; 0: stop */
};

/* -EINVAL: none of ours. */
int sd_message_parse(struct sd_message *m, u32 argc, char **argv, u32 nr_legs);

#endif
