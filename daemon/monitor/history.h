/* SPDX-License-Identifier: Apache-2.0 */
/* The last events and decisions, for whoever asks later.  One thread. */
#ifndef MONITOR_HISTORY_H
#define MONITOR_HISTORY_H

#include <stddef.h>

#include <jansson.h>

#define HISTORY_MAX 256

struct history {
	size_t next, used;
	json_t *entry[HISTORY_MAX];
};

/* Stamps @entry with the time of day and *takes* it; NULL is nothing. */
void history_add(struct history *history, json_t *entry);
/* *returns* all of it, oldest first. */
json_t *history_to_json(const struct history *history);
void history_fini(struct history *history);

#endif
