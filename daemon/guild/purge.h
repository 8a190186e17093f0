/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting what users have said lately, in all channels of a guild: along with
 * a ban, behind its answer. */
#ifndef GUILD_PURGE_H
#define GUILD_PURGE_H

#include <stdint.h>

struct guild;

#define PURGE_USERS_MAX 200

/* Messages of these users since then; in the background, as far as the store
 * goes along. */
void purge_start(struct guild *g, const uint64_t *user_id, uint32_t count,
		 uint64_t since_ms);

#endif
