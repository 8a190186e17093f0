// SPDX-License-Identifier: Apache-2.0
/*
 * Opening a shard.
 *
 * A shard is made in this order: the log, full of zeroes; checkpoint 1, of an
 * empty table; each durable before the next.  So without a checkpoint that
 * counts there is nothing to lose, unless the log has a frame.
 *
 * The log ends where the next frame is not.  There is at most one in flight, so
 * a crash leaves none behind that; if the ring holds one, an acknowledged frame
 * has rotted, or the checkpoint has and an older one was all there is.
 *
 * What is found may be in a cache alone: of a process that ended between a write
 * and its sync.  It is synced before anything is overwritten that it replaces.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/read_impl.h"

#define WINDOW (2 * READ_FRAME_MAX)
#define LOG_BLOCKS_MIN 64u

/* --- checkpoints --- */

struct reader {
	struct read_store *s;
	struct os_file *file;
	uint64_t size;		/* of the file */
	uint64_t offset;	/* of the next unit */
	uint64_t seq;
	uint64_t id;
	uint8_t *data;		/* aligned, `room` bytes */
	size_t room;
};

static int reader_room(struct reader *r, size_t room)
{
	if (room <= r->room)
		return 0;
	mem_free(r->data);
	r->data = mem_aligned(OS_DISK_ALIGN, room);
	r->room = r->data ? room : 0;
	return r->data ? 0 : -ENOMEM;
}

static int read_bytes(struct reader *r, size_t len)
{
	int err = reader_room(r, len);

	return err ? err : read_io_do(r->s->loop, READ_IO_READ, r->file,
				      r->data, len, r->offset);
}

/* The next unit of the round r->id, into r->data; the first one sets that.
 * -EPROTO: none, or not whole. */
static int read_unit(struct reader *r, struct read_head *ret_head)
{
	struct read_head head;
	size_t len;
	int err;

	if (r->offset + READ_BLOCK > r->size)
		return -EPROTO;
	err = read_bytes(r, READ_BLOCK);
	if (err)
		return err;
	memcpy(&head, r->data, sizeof(head));
	len = (size_t)read_blocks(head.size) * READ_BLOCK;
	if (head.size < sizeof(head) || head.size > READ_UNIT_MAX ||
	    r->offset + len > r->size)
		return -EPROTO;
	err = len > READ_BLOCK ? read_bytes(r, len) : 0;
	if (!err)
		err = read_unseal(r->data, len, ret_head);
	if (err)
		return err;
	if (!r->seq)
		r->id = ret_head->place;
	if (ret_head->seq != r->seq || ret_head->place != r->id)
		return -EPROTO;
	r->offset += len;
	r->seq++;
	return 0;
}

static int open_reader(struct read_store *s, int file, struct reader *r)
{
	*r = (struct reader){ .s = s, .file = s->checkpoints[file] };
	return os_file_size(r->file, &r->size);
}

static int read_round_head(struct reader *r, struct read_round_head *found)
{
	struct read_head head;
	int err = read_unit(r, &head);

	if (err)
		return err;
	if (head.kind != READ_KIND_HEAD ||
	    head.size != sizeof(head) + sizeof(*found))
		return -EPROTO;
	memcpy(found, r->data + sizeof(head), sizeof(*found));
	return 0;
}

static int read_parts(struct reader *r, struct read_table *table)
{
	struct read_head head;
	int err;

	for (;;) {
		err = read_unit(r, &head);
		if (err || head.kind == READ_KIND_END)
			return err;
		if (head.kind != READ_KIND_PART)
			return -EPROTO;
		err = read_table_load(table, r->data + sizeof(head),
				      head.size - sizeof(head));
		if (err)
			return err;
	}
}

/* The head of the one in this file; -EPROTO: there is none. */
static int read_found(struct read_store *s, int file,
		      struct read_round_head *ret_found)
{
	struct reader r;
	int err = open_reader(s, file, &r);

	if (!err)
		err = read_round_head(&r, ret_found);
	mem_free(r.data);
	if (!err && ret_found->number % 2 != (uint64_t)file)
		err = -EPROTO;
	return err;
}

/* Loads it; -EPROTO, and the table is empty: it does not count. */
static int read_checkpoint(struct read_store *s, int file)
{
	struct read_round_head found;
	struct reader r;
	int err = open_reader(s, file, &r);

	if (!err)
		err = read_round_head(&r, &found);
	if (!err)
		err = read_parts(&r, &s->table);
	mem_free(r.data);
	if (err)
		read_table_fini(&s->table);
	return err;
}

/*
 * Loads the newest one that counts; *ret_file is -1 when none does.  Each is
 * read once: the newer one nearly always counts.
 */
static int load_newest(struct read_store *s, struct read_round_head *ret_found,
		       int *ret_file)
{
	struct read_round_head found[2];
	int err[2], first;

	*ret_file = -1;
	for (int i = 0; i < 2; i++) {
		err[i] = read_found(s, i, &found[i]);
		if (err[i] && err[i] != -EPROTO)
			return err[i];
	}
	first = err[0] || (!err[1] && found[1].number > found[0].number);
	for (int i = 0; i < 2; i++) {
		int file = first ^ i;

		if (!err[file])
			err[file] = read_checkpoint(s, file);
		if (err[file] == -EPROTO)
			continue;
		*ret_found = found[file];
		*ret_file = err[file] ? -1 : file;
		return err[file];
	}
	return 0;
}

/* --- the log --- */

struct window {
	uint8_t *data;
	uint64_t first;		/* block of the ring */
	uint64_t blocks;	/* 0: nothing read yet */
};

static size_t window_size(const struct read_store *s)
{
	uint64_t bytes = s->log_blocks * READ_BLOCK;

	return bytes < WINDOW ? (size_t)bytes : WINDOW;
}

/* Makes so many of the ring's blocks from `block` on readable, or as many as
 * there are up to its end. */
static int look(struct read_store *s, struct window *w, uint64_t block,
		uint64_t need, size_t *ret_room)
{
	uint64_t left = s->log_blocks - block;
	int err = 0;

	need = left < need ? left : need;
	if (block < w->first || block + need > w->first + w->blocks) {
		w->first = block;
		w->blocks = left < WINDOW / READ_BLOCK ? left :
			    WINDOW / READ_BLOCK;
		err = read_io_do(s->loop, READ_IO_READ, s->log, w->data,
				 w->blocks * READ_BLOCK, block * READ_BLOCK);
	}
	*ret_room = (w->first + w->blocks - block) * READ_BLOCK;
	return err;
}

static const uint8_t *at_block(const struct window *w, uint64_t block)
{
	return w->data + (block - w->first) * READ_BLOCK;
}

/* What stands at this block of the ring: is it a whole frame, not older than
 * number s->seq? */
static int look_frame(struct read_store *s, struct window *w, uint64_t block,
		      bool *ret_good, struct read_head *ret_head)
{
	size_t room = 0;
	int err = look(s, w, block, 1, &room);

	*ret_good = false;
	if (err)
		return err;
	memcpy(ret_head, at_block(w, block), sizeof(*ret_head));
	if (!read_is_head(ret_head) || ret_head->seq < s->seq ||
	    ret_head->size > READ_FRAME_MAX)
		return 0;
	err = look(s, w, block, read_blocks(ret_head->size), &room);
	if (err)
		return err;
	*ret_good = !read_unseal(at_block(w, block), room, ret_head) &&
		    ret_head->kind == READ_KIND_FRAME;
	return 0;
}

/* The frame that stands at `place`, if it is number s->seq. */
static int look_next(struct read_store *s, struct window *w, uint64_t place,
		     bool *ret_good, struct read_head *ret_head)
{
	int err = look_frame(s, w, place % s->log_blocks, ret_good, ret_head);

	*ret_good = *ret_good && ret_head->place == place &&
		    ret_head->seq == s->seq;
	return err;
}

static int replay_frame(struct read_store *s, const struct window *w,
			const struct read_head *head)
{
	const uint8_t *at = at_block(w, head->place % s->log_blocks) +
			    sizeof(*head);
	uint32_t count = (head->size - (uint32_t)sizeof(*head)) /
			 (uint32_t)sizeof(struct read_record);
	int err = 0;

	for (uint32_t i = 0; !err && i < count; i++) {
		struct read_record r;
		struct read_state state;

		memcpy(&r, at + i * sizeof(r), sizeof(r));
		state = (struct read_state){ r.channel, r.last, r.mentions };
		err = read_table_set(&s->table, r.user, &state);
	}
	s->head = head->place + read_blocks(head->size);
	s->seq++;
	return err;
}

/* The next frame: at the head, or at the ring's begin behind it. */
static int find_frame(struct read_store *s, struct window *w, bool *ret_good,
		      struct read_head *ret_head)
{
	uint64_t left = s->log_blocks - s->head % s->log_blocks;
	int err = look_next(s, w, s->head, ret_good, ret_head);

	if (err || *ret_good || left >= READ_FRAME_MAX / READ_BLOCK)
		return err;
	return look_next(s, w, s->head + left, ret_good, ret_head);
}

/* -EBADMSG when the ring holds a frame that should have been replayed. */
static int check_rest(struct read_store *s, struct window *w)
{
	struct read_head head;
	int err = 0;

	for (uint64_t block = 0; !err && block < s->log_blocks; block++) {
		bool good;

		err = look_frame(s, w, block, &good, &head);
		if (err || !good)
			continue;
		log_error("readstate", "log_damaged",
			  "shard=%u lost=%llu found=%llu", s->opts.shard,
			  (unsigned long long)s->seq,
			  (unsigned long long)head.seq);
		err = -EBADMSG;
	}
	return err;
}

static int replay(struct read_store *s, struct read_report *report)
{
	struct window w = { .data = mem_aligned(OS_DISK_ALIGN,
						window_size(s)) };
	struct read_head head;
	bool good = true;
	int err = w.data ? 0 : -ENOMEM;

	while (!err && good) {
		err = find_frame(s, &w, &good, &head);
		if (err || !good)
			break;
		err = replay_frame(s, &w, &head);
		report->frames++;
		report->records += (head.size - sizeof(head)) /
				   sizeof(struct read_record);
	}
	if (!err)
		err = check_rest(s, &w);
	mem_free(w.data);
	return err;
}

/* --- making one --- */

static int zero_log(struct read_store *s)
{
	size_t window = window_size(s);
	uint8_t *zeroes = mem_aligned(OS_DISK_ALIGN, window);
	uint64_t bytes = s->log_blocks * READ_BLOCK;
	int err = 0;

	if (!zeroes)
		return -ENOMEM;
	memset(zeroes, 0, window);
	for (uint64_t at = 0; !err && at < bytes; at += window) {
		uint64_t len = bytes - at < window ? bytes - at : window;

		err = read_io_do(s->loop, READ_IO_WRITE, s->log, zeroes, len,
				 at);
	}
	mem_free(zeroes);
	return err ? err : read_io_do(s->loop, READ_IO_SYNC, s->log, NULL, 0,
				      0);
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return !data[0] && !memcmp(data, data + 1, len - 1);
}

/* Has there never been a frame?  Then all of the log is zero, which it does not
 * become again; damage makes it look used, not unused. */
static int is_unused(struct read_store *s, bool *ret_unused)
{
	uint8_t *data = mem_aligned(OS_DISK_ALIGN, WINDOW);
	uint64_t size = 0;
	int err = data ? os_file_size(s->log, &size) : -ENOMEM;

	*ret_unused = !err;
	size -= size % READ_BLOCK;
	for (uint64_t at = 0; *ret_unused && at < size; at += WINDOW) {
		size_t len = size - at < WINDOW ? (size_t)(size - at) : WINDOW;

		err = read_io_do(s->loop, READ_IO_READ, s->log, data, len, at);
		*ret_unused = !err && is_zero(data, len);
	}
	mem_free(data);
	return err;
}

static int make(struct read_store *s)
{
	bool unused = false;
	int err = is_unused(s, &unused);

	if (err)
		return err;
	if (!unused)
		return -EBADMSG;
	s->log_blocks = s->opts.log_bytes / READ_BLOCK;
	s->head = s->tail = 0;
	s->seq = 1;
	s->checkpoint = 1;
	err = zero_log(s);
	if (!err)
		err = os_dir_sync(s->loop, s->dir);
	return err ? err : read_round_first(s, s->checkpoint);
}

/* --- all --- */

static int open_files(struct read_store *s)
{
	static const char *const names[] = { "checkpoint.0", "checkpoint.1" };
	const unsigned int flags = OS_FILE_CREATE | OS_FILE_DIRECT;
	char path[READ_PATH_MAX];
	int err = os_dir_make(s->loop, s->dir);

	if (!err)
		err = os_file_open(s->loop, read_path(s, "log", path), flags,
				   &s->log);
	for (int i = 0; !err && i < 2; i++)
		err = os_file_open(s->loop, read_path(s, names[i], path),
				   flags, &s->checkpoints[i]);
	return err ? err : os_dir_sync(s->loop, s->dir);
}

/* A head that a checksum vouches for may still be of other files. */
static int check_head(struct read_store *s,
		      const struct read_round_head *found)
{
	uint64_t size;
	int err = os_file_size(s->log, &size);

	if (err)
		return err;
	if (found->shard != s->opts.shard || found->shards != s->opts.shards)
		return -EXDEV;
	if (found->log_blocks < LOG_BLOCKS_MIN ||
	    found->log_blocks > size / READ_BLOCK ||
	    found->log_place > UINT64_MAX / 2)
		return -EBADMSG;
	return 0;
}

static int sync_found(struct read_store *s, int file)
{
	int err;

	if (s->opts.unsafe & READ_UNSAFE_START_SYNC)
		return 0;
	err = read_io_do(s->loop, READ_IO_SYNC, s->checkpoints[file], NULL, 0,
			 0);
	return err ? err : read_io_do(s->loop, READ_IO_SYNC, s->log, NULL, 0,
				      0);
}

/* The table is loaded, from this file. */
static int go_on(struct read_store *s, int file,
		 const struct read_round_head *found,
		 struct read_report *report)
{
	int err = check_head(s, found);

	if (err)
		return err;
	s->log_blocks = found->log_blocks;
	s->head = s->tail = found->log_place;
	s->seq = found->log_seq;
	s->checkpoint = found->number;
	err = replay(s, report);
	return err ? err : sync_found(s, file);
}

int read_recover(struct read_store *s, struct read_report *report)
{
	struct read_round_head found = { 0 };
	int file = -1, err;

	if (s->opts.log_bytes < LOG_BLOCKS_MIN * READ_BLOCK ||
	    s->opts.log_bytes % READ_BLOCK)
		return -EINVAL;
	err = open_files(s);
	if (!err)
		err = load_newest(s, &found, &file);
	if (err)
		return err;
	report->created = file < 0;
	err = file < 0 ? make(s) : go_on(s, file, &found, report);
	report->checkpoint = s->checkpoint;
	return err;
}
