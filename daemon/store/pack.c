// SPDX-License-Identifier: Apache-2.0
#include "store/pack.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* Written at once.  A commit has at most one such piece before it in the disk's
 * queue, and in what its flush has to wait for. */
#define PIECE_BYTES (64u << 10)

/* Consecutive sectors of the open slot, filled in memory. */
struct region {
	struct list node;	/* packer.full */
	uint8_t *buf;		/* PACK_REGION_BYTES */
	uint64_t offset;
	uint32_t len, written;
	bool writing;
};

struct packer {
	struct engine *e;
	struct region region[PACK_REGIONS];
	struct region *filling;	/* or NULL */
	struct list full;	/* the first one is being written, by pieces */
	struct io_req req;
	uint32_t writing;
	uint32_t slot;		/* the open one, or SLOT_NONE */
	int err;
};

static_assert(PACK_REGION_BYTES >= BLOCK_BOUND, "a block fits");

int packer_new(struct engine *e, struct packer **ret_packer)
{
	struct packer *packer = mem_zalloc(sizeof(*packer));

	if (!packer)
		return -ENOMEM;
	packer->e = e;
	packer->slot = SLOT_NONE;
	list_init(&packer->full);
	for (uint32_t i = 0; i < PACK_REGIONS; i++) {
		struct region *region = &packer->region[i];

		list_init(&region->node);
		region->buf = os_buf_new(e->loop, PACK_REGION_BYTES);
		if (!region->buf) {
			packer_free(packer);
			return -ENOMEM;
		}
	}
	*ret_packer = packer;
	return 0;
}

void packer_free(struct packer *packer)
{
	if (!packer)
		return;
	for (uint32_t i = 0; i < PACK_REGIONS; i++)
		os_buf_free(packer->e->loop, packer->region[i].buf);
	mem_free(packer);
}

static struct region *first_full(const struct packer *packer)
{
	return list_entry(packer->full.next, struct region, node);
}

static void piece_done(struct io_req *req, int err);

static void send_piece(struct packer *packer)
{
	struct region *region = first_full(packer);
	struct engine *e = packer->e;
	uint32_t len = region->len - region->written;

	if (len > PIECE_BYTES && !round_in_haste(e))
		len = PIECE_BYTES;
	packer->req.done = piece_done;
	io_submit(&e->io, &packer->req, IO_WRITE, e->data_file,
		  region->buf + region->written, len,
		  region->offset + region->written);
}

static void piece_done(struct io_req *req, int err)
{
	struct packer *packer = container_of(req, struct packer, req);
	struct region *region = first_full(packer);

	if (err && !packer->err)
		packer->err = err;
	region->written += (uint32_t)req->len;
	if (err || region->written == region->len) {
		list_del(&region->node);
		region->writing = false;
		packer->writing--;
	}
	if (!list_empty(&packer->full))
		send_piece(packer);
}

static void close_slot(struct packer *packer)
{
	struct space *space = &packer->e->space;

	space_fill(space, packer->slot, space->slot[packer->slot].used, true);
	packer->slot = SLOT_NONE;
}

void packer_send(struct packer *packer)
{
	struct region *region = packer->filling;
	struct engine *e = packer->e;
	uint32_t len;

	if (!region)
		return;
	len = (region->len + FORMAT_SECTOR - 1) & ~(FORMAT_SECTOR - 1);
	memset(region->buf + region->len, 0, len - region->len);
	packer->filling = NULL;
	packer->writing++;
	region->len = len;
	region->written = 0;
	region->writing = true;
	e->stats.data_written += len;
	space_fill(&e->space, packer->slot,
		   e->space.slot[packer->slot].used + len, false);
	list_push(&packer->full, &region->node);
	if (first_full(packer) == region)
		send_piece(packer);
}

void packer_discard(struct packer *packer)
{
	packer->filling = NULL;
}

static int open_slot(struct packer *packer)
{
	struct engine *e = packer->e;
	uint64_t end;
	int err;

	err = space_open(&e->space, &packer->slot);
	if (err) {
		packer->slot = SLOT_NONE;
		return err;
	}
	end = (uint64_t)(packer->slot + 1) * e->super.slot_bytes;
	if (end <= e->data_size)
		return 0;
	err = os_file_truncate(e->data_file, end);
	if (err)
		close_slot(packer);
	else
		e->data_size = end;
	return err;
}

static int region_open(struct packer *packer)
{
	struct engine *e = packer->e;
	struct region *region = packer->region;
	int err;

	if (packer_is_full(packer))
		return -EAGAIN;
	err = packer->slot == SLOT_NONE ? open_slot(packer) : 0;
	if (err)
		return err;
	while (region->writing)
		region++;
	region->len = 0;
	region->offset = (uint64_t)packer->slot * e->super.slot_bytes +
			 e->space.slot[packer->slot].used;
	packer->filling = region;
	return 0;
}

/* Finds room for so many bytes in the open slot, or in a new one. */
static int region_room(struct packer *packer, size_t bytes)
{
	struct engine *e = packer->e;

	if (packer->filling &&
	    packer->filling->len + bytes > PACK_REGION_BYTES)
		packer_send(packer);
	if (packer->slot != SLOT_NONE) {
		uint32_t used = e->space.slot[packer->slot].used +
				(packer->filling ? packer->filling->len : 0);

		if (used + bytes > e->super.slot_bytes) {
			packer_send(packer);
			close_slot(packer);
		}
	}
	return packer->filling ? 0 : region_open(packer);
}

int packer_put(struct packer *packer, const struct block_id *id,
	       const struct row *rows, uint32_t count, bool compress,
	       struct block_ref *ret_ref)
{
	int err = region_room(packer, block_bound(rows, count));
	struct region *region = packer->filling;
	uint32_t bytes;

	if (err)
		return err;
	bytes = block_seal(packer->e->codec, id, rows, count, compress,
			   region->buf + region->len);
	*ret_ref = (struct block_ref){
		.first_id = rows[0].id,
		.last_id = rows[count - 1].id,
		.place = (uint32_t)((region->offset + region->len) /
				    BLOCK_ALIGN),
		.bytes = bytes,
		.rows = (uint16_t)count,
	};
	region->len += padded(bytes);
	return 0;
}

uint32_t packer_writing(const struct packer *packer)
{
	return packer->writing;
}

bool packer_is_full(const struct packer *packer)
{
	return !packer->filling && packer->writing == PACK_REGIONS;
}

int packer_error(struct packer *packer)
{
	int err = packer->err;

	packer->err = 0;
	return err;
}
