// SPDX-License-Identifier: Apache-2.0
/*
 * Free slots, which a time of many writes leaves behind, go back to the file
 * system when the shard is idle: one after the other, each a hole in `data`
 * until it is filled again.
 *
 * Only while the index on the disk is known to be the one in memory: of a
 * frame whose write failed nobody knows whether it is there, and its blocks,
 * which are nobody's in memory, may count at the next start.
 */
#include <errno.h>

#include "store/engine_impl.h"

static void trim_done(struct io_req *req, int err)
{
	struct trim *trim = container_of(req, struct trim, req);
	struct engine *e = container_of(trim, struct engine, trim);

	trim->busy = false;
	/* Whatever it is: the slot can be used, and the space is not ours to
	 * insist on. */
	trim->refused = err != 0;
	space_punch_end(&e->space, trim->slot, !err);
	engine_wake(e);
}

void trim_step(struct engine *e)
{
	struct trim *trim = &e->trim;

	if (!e->idle || trim->busy || trim->refused || e->opts.read_only ||
	    e->index.broken || e->rewrite)
		return;
	trim->slot = space_punch_begin(&e->space);
	if (trim->slot == SLOT_NONE)
		return;
	trim->busy = true;
	trim->req.done = trim_done;
	io_submit(&e->io, &trim->req, IO_PUNCH, e->data_file, NULL,
		  e->super.slot_bytes,
		  (uint64_t)trim->slot * e->super.slot_bytes);
}
