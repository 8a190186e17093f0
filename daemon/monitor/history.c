// SPDX-License-Identifier: Apache-2.0
#include "monitor/history.h"

#include <time.h>

void history_add(struct history *history, json_t *entry)
{
	char text[32];
	struct tm utc;
	time_t now = time(NULL);

	if (!entry)
		return;
	gmtime_r(&now, &utc);
	strftime(text, sizeof(text), "%FT%TZ", &utc);
	json_object_set_new(entry, "time", json_string(text));
	json_decref(history->entry[history->next]);
	history->entry[history->next] = entry;
	history->next = (history->next + 1) % HISTORY_MAX;
	if (history->used < HISTORY_MAX)
		history->used++;
}

json_t *history_to_json(const struct history *history)
{
	size_t first = history->next + HISTORY_MAX - history->used;
	json_t *all = json_array();

	for (size_t i = 0; i < history->used; i++)
		json_array_append(all,
				  history->entry[(first + i) % HISTORY_MAX]);
	return all;
}

void history_fini(struct history *history)
{
	for (size_t i = 0; i < HISTORY_MAX; i++) {
		json_decref(history->entry[i]);
		history->entry[i] = NULL;
	}
	history->used = 0;
}
