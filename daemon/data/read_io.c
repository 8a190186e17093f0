// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "base/check.h"
#include "data/read_impl.h"

/* Of a file that answers short again and again. */
#define TRIES_MAX 16

struct waited {
	struct os_disk_op op;
	bool done;
	int result;
};

static void on_done(struct os_disk_op *op, int result)
{
	struct waited *w = container_of(op, struct waited, op);

	w->done = true;
	w->result = result;
}

static int start(struct waited *w, enum read_io what, struct os_file *file,
		 void *buf, size_t len, uint64_t offset)
{
	switch (what) {
	case READ_IO_READ:
		return os_disk_read(file, &w->op, buf, len, offset);
	case READ_IO_WRITE:
		return os_disk_write(file, &w->op, buf, len, offset);
	case READ_IO_SYNC:
		break;
	}
	return os_disk_sync(file, &w->op);
}

static int once(struct os_loop *loop, enum read_io what, struct os_file *file,
		void *buf, size_t len, uint64_t offset)
{
	struct waited w = { .op.done = on_done };
	int err = start(&w, what, file, buf, len, offset);

	if (err && err != -EAGAIN)
		return err;
	if (err)
		w.result = -EAGAIN;
	while (!err && !w.done)
		os_loop_run(loop, UINT64_MAX);
	if (err)
		os_loop_run(loop, 0);
	return w.result;
}

/* Whole again when short: the rest might not be aligned. */
int read_io_do(struct os_loop *loop, enum read_io what, struct os_file *file,
	       void *buf, size_t len, uint64_t offset)
{
	int result = 0;

	for (int i = 0; i < TRIES_MAX; i++) {
		result = once(loop, what, file, buf, len, offset);
		if (what == READ_IO_SYNC || result == (int)len)
			return result < 0 ? result : 0;
		if (result < 0 && result != -EAGAIN)
			return result;
	}
	return -EIO;
}
