/* SPDX-License-Identifier: Apache-2.0 */
/* The node's one source of snowflakes, shared by its threads. */
#ifndef GUILD_IDGEN_H
#define GUILD_IDGEN_H

#include <stdint.h>

struct idgen;

/* `after`: no id up to this one is given out.  -ENOMEM, -EINVAL. */
int idgen_new(uint32_t worker, uint64_t after, struct idgen **ret_gen);
void idgen_free(struct idgen *gen);

/* Any thread.  -EAGAIN: the clock stands, or has been set back. */
int idgen_next(struct idgen *gen, uint64_t wall_ms, uint64_t *ret_id);
/* From now on only ids above this one. */
void idgen_raise(struct idgen *gen, uint64_t after);
/* The last id given out; 0: none. */
uint64_t idgen_last(struct idgen *gen);

#endif
