/* SPDX-License-Identifier: Apache-2.0 */
/* A shard without a usable index, read as far as it can be.  Blocking. */
#ifndef STORE_SALVAGE_H
#define STORE_SALVAGE_H

#include "store/engine_impl.h"
#include "store/scan.h"

/* Partitions and their blocks, from the blocks there are; what was there in
 * memory is dropped.  -ENOMEM. */
int salvage_index(struct engine *e);
/* e->tail, from the frames there are.  -ENOMEM. */
int salvage_tail(struct engine *e, struct scan *scan);

#endif
