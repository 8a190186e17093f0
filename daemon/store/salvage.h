/* SPDX-License-Identifier: Apache-2.0 */
/* A shard without usable superblocks or index, read as far as it can be.
 * Blocking. */
#ifndef STORE_SALVAGE_H
#define STORE_SALVAGE_H

#include "store/engine_impl.h"
#include "store/scan.h"

/* e->super, from the files there are.  -EBADMSG: there is nothing in them. */
int salvage_super(struct engine *e);
/* The index that e->super names is not the one, but the other may be; what was
 * read from it is dropped.  -EBADMSG: it is not. */
int salvage_other_index(struct engine *e);
/* Partitions and their blocks, from the blocks there are; what was there in
 * memory is dropped.  -ENOMEM. */
int salvage_index(struct engine *e);
/* e->tail, from the frames there are.  -ENOMEM. */
int salvage_tail(struct engine *e, struct scan *scan);

#endif
