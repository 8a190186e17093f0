// SPDX-License-Identifier: Apache-2.0
#include "store/format.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "proto/store.h"

#define AFTER(type, member) \
	(offsetof(type, member) + sizeof(((type *)0)->member))

static uint32_t super_crc(const struct super_disk *disk)
{
	size_t from = AFTER(struct super_disk, crc);

	return crc32c(0, (const uint8_t *)disk + from, sizeof(*disk) - from);
}

void super_encode(const struct super *super, struct super_disk *disk)
{
	memset(disk, 0, sizeof(*disk));
	disk->magic = htole64(SUPER_MAGIC);
	disk->version = htole32(FORMAT_VERSION);
	disk->generation = htole64(super->generation);
	disk->store_tag = htole64(super->store_tag);
	disk->shard = htole32(super->shard);
	disk->shards = htole32(super->shards);
	disk->log_bytes = htole64(super->log_bytes);
	disk->slot_bytes = htole32(super->slot_bytes);
	disk->flags = htole32(super->flags);
	disk->index_file = htole64(super->index_file);
	disk->index_first = htole64(super->index_first);
	disk->index_frames = htole64(super->index_frames);
	disk->crc = htole32(super_crc(disk));
}

static bool super_sane(const struct super *super)
{
	return super->shards && super->shard < super->shards &&
	       super->index_file <= 1 &&
	       super->log_bytes >= LOG_BYTES_MIN &&
	       super->log_bytes % FORMAT_SECTOR == 0 &&
	       super->slot_bytes >= 4 * STORE_ROW_MAX &&
	       super->slot_bytes % FORMAT_SECTOR == 0;
}

int super_decode(const struct super_disk *disk, struct super *ret_super)
{
	struct super super;

	if (le64toh(disk->magic) != SUPER_MAGIC)
		return -EINVAL;
	if (le32toh(disk->crc) != super_crc(disk))
		return -EBADMSG;
	if (le32toh(disk->version) != FORMAT_VERSION)
		return -EPROTONOSUPPORT;
	super = (struct super){
		.generation = le64toh(disk->generation),
		.store_tag = le64toh(disk->store_tag),
		.shard = le32toh(disk->shard),
		.shards = le32toh(disk->shards),
		.log_bytes = le64toh(disk->log_bytes),
		.slot_bytes = le32toh(disk->slot_bytes),
		.flags = le32toh(disk->flags),
		.index_file = le64toh(disk->index_file),
		.index_first = le64toh(disk->index_first),
		.index_frames = le64toh(disk->index_frames),
	};
	if (!super_sane(&super))
		return -EBADMSG;
	*ret_super = super;
	return 0;
}

/* But for the generation. */
static bool super_says_same(const struct super *a, const struct super *b)
{
	return a->store_tag == b->store_tag && a->log_bytes == b->log_bytes &&
	       a->slot_bytes == b->slot_bytes && a->flags == b->flags &&
	       a->shard == b->shard && a->shards == b->shards &&
	       a->index_file == b->index_file &&
	       a->index_first == b->index_first &&
	       a->index_frames == b->index_frames;
}

int super_choose(const struct super_disk copy[2], struct super *ret_super,
		 bool *ret_pair)
{
	struct super super[2];
	int err[2];

	for (int i = 0; i < 2; i++)
		err[i] = super_decode(&copy[i], &super[i]);
	/* Of two versions the other one's is the newer, whatever ours says. */
	for (int i = 0; i < 2; i++)
		if (err[i] == -EPROTONOSUPPORT)
			return err[i];
	if (err[0] && err[1])
		return err[0] == -EINVAL ? err[1] : err[0];
	if (err[0] || (!err[1] && super[1].generation > super[0].generation))
		*ret_super = super[1];
	else
		*ret_super = super[0];
	*ret_pair = !err[0] && !err[1] && super_says_same(&super[0], &super[1]);
	return 0;
}

static uint32_t frame_crc(const uint8_t *buf, uint32_t bytes)
{
	size_t from = AFTER(struct frame_head, crc);

	return crc32c(0, buf + from, sizeof(struct frame_head) - from + bytes);
}

void frame_seal(uint8_t *buf, uint64_t store_tag, const struct frame *frame)
{
	struct frame_head *head = (struct frame_head *)buf;
	size_t end = sizeof(*head) + frame->bytes;

	check(frame_size(frame->bytes) <= FRAME_BYTES_MAX);
	*head = (struct frame_head){
		.magic = htole32(FRAME_MAGIC),
		.store_tag = htole64(store_tag),
		.number = htole64(frame->number),
		.first_seq = htole64(frame->first_seq),
		.bytes = htole32(frame->bytes),
		.records = htole32(frame->records),
	};
	memset(buf + end, 0, frame_size(frame->bytes) - end);
	head->crc = htole32(frame_crc(buf, frame->bytes));
}

int frame_open(const uint8_t *buf, size_t len, uint64_t store_tag,
	       uint64_t number, struct frame *ret_frame)
{
	struct frame_head head;
	uint32_t bytes;

	if (len < sizeof(head))
		return -ENODATA;
	memcpy(&head, buf, sizeof(head));
	if (le32toh(head.magic) != FRAME_MAGIC ||
	    le64toh(head.store_tag) != store_tag ||
	    le64toh(head.number) != number)
		return -ENOENT;
	bytes = le32toh(head.bytes);
	if (bytes > FRAME_BYTES_MAX - sizeof(head))
		return -EBADMSG;
	if (len < sizeof(head) + bytes)
		return -ENODATA;
	if (le32toh(head.crc) != frame_crc(buf, bytes))
		return -EBADMSG;
	*ret_frame = (struct frame){
		.number = number,
		.first_seq = le64toh(head.first_seq),
		.bytes = bytes,
		.records = le32toh(head.records),
		.data = buf + sizeof(head),
	};
	return 0;
}

void logrec_encode(const struct logrec *rec, uint8_t *buf)
{
	struct logrec_head head = {
		.size = htole32(rec->size),
		.type = rec->type,
		.space = rec->space,
		.channel = htole64(rec->channel),
		.id = htole64(rec->id),
	};

	memcpy(buf, &head, sizeof(head));
	if (rec->size)
		memcpy(buf + sizeof(head), rec->data, rec->size);
}

static bool logrec_sane(const struct logrec_head *head, uint32_t size)
{
	if (head->space >= STORE_SPACE_COUNT || size > STORE_ROW_MAX)
		return false;
	if (head->type == RECORD_DELETE)
		return size == 0;
	return head->type == RECORD_APPEND || head->type == RECORD_EDIT;
}

int logrec_decode(const uint8_t **pos, const uint8_t *end,
		  struct logrec *ret_rec)
{
	struct logrec_head head;
	uint32_t size;

	if (*pos == end)
		return -ENODATA;
	if ((size_t)(end - *pos) < sizeof(head))
		return -EBADMSG;
	memcpy(&head, *pos, sizeof(head));
	size = le32toh(head.size);
	if (!logrec_sane(&head, size) ||
	    (size_t)(end - *pos) - sizeof(head) < size)
		return -EBADMSG;
	*ret_rec = (struct logrec){
		.channel = le64toh(head.channel),
		.id = le64toh(head.id),
		.data = *pos + sizeof(head),
		.size = size,
		.type = head.type,
		.space = head.space,
	};
	*pos += logrec_size(size);
	return 0;
}

size_t change_part_size(uint32_t removed, uint32_t added)
{
	return sizeof(struct change_part_disk) +
	       removed * sizeof(uint32_t) +
	       added * sizeof(struct block_ref_disk);
}

uint8_t *change_part_begin(uint8_t *buf, uint64_t channel, uint8_t space,
			   uint64_t flushed_seq, uint32_t removed,
			   uint32_t added)
{
	struct change_part_disk disk = {
		.type = CHANGE_PART,
		.space = space,
		.removed = htole32(removed),
		.added = htole32(added),
		.channel = htole64(channel),
		.flushed_seq = htole64(flushed_seq),
	};

	memcpy(buf, &disk, sizeof(disk));
	return buf + sizeof(disk);
}

uint8_t *change_put_place(uint8_t *buf, uint32_t place)
{
	place = htole32(place);
	memcpy(buf, &place, sizeof(place));
	return buf + sizeof(place);
}

uint8_t *change_put_ref(uint8_t *buf, const struct block_ref *ref)
{
	struct block_ref_disk disk = {
		.first_id = htole64(ref->first_id),
		.last_id = htole64(ref->last_id),
		.place = htole32(ref->place),
		.bytes = htole32(ref->bytes),
		.rows = htole32(ref->rows),
	};

	memcpy(buf, &disk, sizeof(disk));
	return buf + sizeof(disk);
}

uint8_t *change_put_tail(uint8_t *buf, const struct log_tail *tail)
{
	struct change_tail_disk disk = {
		.type = CHANGE_TAIL,
		.frame = htole64(tail->frame),
		.offset = htole64(tail->offset),
		.seq = htole64(tail->seq),
	};

	memcpy(buf, &disk, sizeof(disk));
	return buf + sizeof(disk);
}

static int change_decode_part(const uint8_t **pos, const uint8_t *end,
			      struct change *change)
{
	struct change_part_disk disk;
	uint64_t left = (uint64_t)(end - *pos), lists;

	if (left < sizeof(disk))
		return -EBADMSG;
	memcpy(&disk, *pos, sizeof(disk));
	change->space = disk.space;
	change->channel = le64toh(disk.channel);
	change->flushed_seq = le64toh(disk.flushed_seq);
	change->removed = le32toh(disk.removed);
	change->added = le32toh(disk.added);
	lists = (uint64_t)change->removed * sizeof(uint32_t) +
		(uint64_t)change->added * sizeof(struct block_ref_disk);
	if (disk.space >= STORE_SPACE_COUNT || lists > left - sizeof(disk))
		return -EBADMSG;
	change->removed_data = *pos + sizeof(disk);
	change->added_data = change->removed_data +
			     change->removed * sizeof(uint32_t);
	*pos += sizeof(disk) + lists;
	return 0;
}

static int change_decode_tail(const uint8_t **pos, const uint8_t *end,
			      struct change *change)
{
	struct change_tail_disk disk;

	if ((size_t)(end - *pos) < sizeof(disk))
		return -EBADMSG;
	memcpy(&disk, *pos, sizeof(disk));
	change->tail.frame = le64toh(disk.frame);
	change->tail.offset = le64toh(disk.offset);
	change->tail.seq = le64toh(disk.seq);
	*pos += sizeof(disk);
	return 0;
}

int change_decode(const uint8_t **pos, const uint8_t *end,
		  struct change *ret_change)
{
	struct change change = { 0 };
	int err;

	if (*pos == end)
		return -ENODATA;
	change.type = **pos;
	if (change.type == CHANGE_PART)
		err = change_decode_part(pos, end, &change);
	else if (change.type == CHANGE_TAIL)
		err = change_decode_tail(pos, end, &change);
	else
		err = -EBADMSG;
	if (!err)
		*ret_change = change;
	return err;
}

uint32_t change_place(const struct change *change, uint32_t n)
{
	uint32_t place;

	memcpy(&place, change->removed_data + n * sizeof(place), sizeof(place));
	return le32toh(place);
}

int change_ref(const struct change *change, uint32_t n,
	       struct block_ref *ret_ref)
{
	struct block_ref_disk disk;
	struct block_ref ref;

	memcpy(&disk, change->added_data + n * sizeof(disk), sizeof(disk));
	ref = (struct block_ref){
		.first_id = le64toh(disk.first_id),
		.last_id = le64toh(disk.last_id),
		.place = le32toh(disk.place),
		.bytes = le32toh(disk.bytes),
		.rows = (uint16_t)le32toh(disk.rows),
	};
	if (!ref.rows || le32toh(disk.rows) > UINT16_MAX ||
	    ref.first_id > ref.last_id)
		return -EBADMSG;
	*ret_ref = ref;
	return 0;
}
