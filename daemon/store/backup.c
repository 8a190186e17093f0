// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/format.h"
#include "store/tool.h"

#define BACKUP_TAG 0x32554b4341424453ull	/* "SDBACKU2" */
/* Of the version without files. */
#define BACKUP_TAG_1 0x50554b4341424453ull	/* "SDBACKUP" */
#define RECORDS_MAX (FRAME_BYTES_MAX - FORMAT_SECTOR)

struct tool_backup {
	FILE *file;
	uint64_t number;
	uint32_t bytes, records;
	int err;
	uint8_t frame[FRAME_BYTES_MAX] __attribute__((aligned(8)));
};

int tool_backup_open(const char *path, struct tool_backup **ret_backup)
{
	struct tool_backup *backup = mem_zalloc(sizeof(*backup));

	if (!backup)
		return -ENOMEM;
	backup->number = 1;
	backup->file = fopen(path, "wbx");
	if (!backup->file) {
		mem_free(backup);
		return -errno;
	}
	*ret_backup = backup;
	return 0;
}

static int write_frame(struct tool_backup *backup)
{
	struct frame frame = {
		.number = backup->number++,
		.bytes = backup->bytes,
		.records = backup->records,
	};
	size_t size = frame_size(frame.bytes);

	frame_seal(backup->frame, BACKUP_TAG, &frame);
	backup->bytes = 0;
	backup->records = 0;
	errno = 0;
	if (fwrite(backup->frame, 1, size, backup->file) != size)
		backup->err = errno ? -errno : -EIO;
	return backup->err;
}

static int add(struct tool_backup *backup, const struct logrec *rec)
{
	if (backup->bytes + logrec_size(rec->size) > RECORDS_MAX &&
	    write_frame(backup))
		return backup->err;
	logrec_encode(rec, backup->frame + sizeof(struct frame_head) +
				   backup->bytes);
	backup->bytes += (uint32_t)logrec_size(rec->size);
	backup->records++;
	return 0;
}

int tool_backup_add(void *ctx, uint64_t channel, uint8_t space,
		    const struct row *row)
{
	const struct logrec rec = {
		.channel = channel,
		.id = row->id,
		.data = row->data,
		.size = row->size,
		.type = RECORD_APPEND,
		.space = space,
	};

	return add(ctx, &rec);
}

int tool_backup_add_piece(void *ctx, uint64_t channel, uint64_t id,
			  const void *data, uint32_t size)
{
	const struct logrec rec = {
		.channel = channel,
		.id = id,
		.data = data,
		.size = size,
		.type = RECORD_EDIT,
	};

	return add(ctx, &rec);
}

int tool_backup_close(struct tool_backup *backup)
{
	int err = backup->err;

	if (!err && backup->records)
		err = write_frame(backup);
	if (!err)
		err = write_frame(backup);	/* the empty one: the end */
	if (!err && (fflush(backup->file) || fsync(fileno(backup->file))))
		err = -errno;
	if (fclose(backup->file) && !err)
		err = -errno;
	mem_free(backup);
	return err;
}

static int read_frame(FILE *file, uint8_t *buf, uint64_t number,
		      struct frame *ret_frame)
{
	struct frame_head head;
	uint64_t tag;
	size_t size;

	if (fread(buf, 1, FORMAT_SECTOR, file) != FORMAT_SECTOR)
		return -EBADMSG;
	memcpy(&head, buf, sizeof(head));
	if (le32toh(head.bytes) > RECORDS_MAX)
		return -EBADMSG;
	size = frame_size(le32toh(head.bytes)) - FORMAT_SECTOR;
	tag = le64toh(head.store_tag) == BACKUP_TAG_1 ? BACKUP_TAG_1 :
							BACKUP_TAG;
	if (fread(buf + FORMAT_SECTOR, 1, size, file) != size ||
	    frame_open(buf, FORMAT_SECTOR + size, tag, number, ret_frame))
		return -EBADMSG;
	return 0;
}

struct sinks {
	tool_row_fn row;
	void *row_ctx;
	tool_piece_fn piece;
	void *piece_ctx;
};

static int read_record(const struct logrec *rec, const struct sinks *to)
{
	const struct row row = { rec->id, rec->data, rec->size };

	if (rec->type == RECORD_APPEND)
		return to->row(to->row_ctx, rec->channel, rec->space, &row);
	if (rec->type == RECORD_EDIT)
		return to->piece(to->piece_ctx, rec->channel, rec->id,
				 rec->data, rec->size);
	return -EBADMSG;
}

static int read_records(const struct frame *frame, const struct sinks *to)
{
	const uint8_t *pos = frame->data, *end = pos + frame->bytes;
	struct logrec rec;
	int err;

	while (!(err = logrec_decode(&pos, end, &rec))) {
		err = read_record(&rec, to);
		if (err)
			return err;
	}
	return err == -ENODATA ? 0 : err;
}

int tool_backup_read(const char *path, tool_row_fn row, void *row_ctx,
		     tool_piece_fn piece, void *piece_ctx)
{
	const struct sinks to = { row, row_ctx, piece, piece_ctx };
	uint8_t *buf = mem_alloc(FRAME_BYTES_MAX);
	FILE *file = fopen(path, "rb");
	int err = file ? 0 : -errno;
	struct frame frame;

	if (!buf)
		err = -ENOMEM;
	for (uint64_t number = 1; !err; number++) {
		err = read_frame(file, buf, number, &frame);
		if (!err && !frame.records)
			break;
		if (!err)
			err = read_records(&frame, &to);
	}
	if (file)
		fclose(file);
	mem_free(buf);
	return err;
}
