/* SPDX-License-Identifier: Apache-2.0 */
/* Notes for the search about old messages (proto/search.h). */
#ifndef GUILD_SEARCH_NOTE_H
#define GUILD_SEARCH_NOTE_H

#include <stdint.h>

struct guild;

/*
 * These messages of a channel are about to be edited or deleted: writes of a
 * channel are done in the order sent, so call it before sending that.  Of the
 * young ones nothing is noted.
 */
void search_note(struct guild *g, uint64_t channel_id, const uint64_t *id,
		 uint32_t count);

#endif
