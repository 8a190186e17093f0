// SPDX-License-Identifier: Apache-2.0
#include "guild/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blob.h"
#include "base/log.h"
#include "base/mem.h"
#include "os/loop.h"
#include "proto/files.h"

#define FILES_LANE 2		/* of os_work() */
#define JOBS_MAX 256		/* on their way; beyond: shed */
#define DIR_MODE 0700
#define FILE_MODE 0600
#define NAME_SIZE 24		/* an id in text */
#define CLEAR_MAX 256		/* files of one job: others wait behind it */

struct files {
	struct actor *self;
	struct files_arg arg;
	int dir_fd;
	uint32_t jobs;
	bool stopping;
};

/* A request on the thread that may block. */
struct job {
	struct actor_msg *request;	/* taken */
	int dir_fd;
	struct blob *data;		/* of a GET */
	bool more;			/* of a CLEAR */
};

static void name_of(uint64_t id, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%" PRIu64, id);
}

/* --- on the other thread --- */

static int write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

static int write_file(int dir_fd, const struct files_file *f)
{
	char name[NAME_SIZE];
	int fd, err;

	name_of(f->id, name);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    FILE_MODE);
	if (fd < 0)
		return -errno;
	err = write_all(fd, f->data, f->size);
	close(fd);
	if (err)
		unlinkat(dir_fd, name, 0);
	return err;
}

/* The channel's folder; made, and durable, if `make`. */
static int open_channel(int dir_fd, uint64_t channel_id, bool make)
{
	char name[NAME_SIZE];
	int fd;

	name_of(channel_id, name);
	if (make && !mkdirat(dir_fd, name, DIR_MODE) && fsync(dir_fd))
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void unlink_all(int fd, const struct files_put_msg *m, uint32_t count)
{
	char name[NAME_SIZE];

	for (uint32_t i = 0; i < count; i++) {
		name_of(m->file[i].id, name);
		unlinkat(fd, name, 0);
	}
}

static int run_put(struct job *job)
{
	const struct files_put_msg *m = (struct files_put_msg *)job->request;
	int fd = open_channel(job->dir_fd, m->channel_id, true), err = 0;
	uint32_t i;

	if (fd < 0)
		return fd;
	for (i = 0; i < m->count && !err; i++)
		err = write_file(fd, &m->file[i]);
	if (!err && fsync(fd))
		err = -errno;
	if (err)
		unlink_all(fd, m, i);
	close(fd);
	return err;
}

static int read_file(int fd, struct blob **ret_data)
{
	struct blob *data;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size > FILE_SIZE_MAX)
		return -EIO;
	data = blob_new(NULL, (size_t)st.st_size);
	if (!data)
		return -ENOMEM;
	if (pread(fd, data->data, data->len, 0) != (ssize_t)data->len) {
		blob_put(data);
		return -EIO;
	}
	*ret_data = data;
	return 0;
}

static int run_get(struct job *job)
{
	const struct files_get_msg *m = (struct files_get_msg *)job->request;
	char path[2 * NAME_SIZE];
	int fd, err;

	snprintf(path, sizeof(path), "%" PRIu64 "/%" PRIu64, m->channel_id,
		 m->id);
	fd = openat(job->dir_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_file(fd, &job->data);
	close(fd);
	return err;
}

static int run_drop(struct job *job)
{
	const struct files_drop_msg *m = (struct files_drop_msg *)job->request;
	int fd = open_channel(job->dir_fd, m->channel_id, false), err = 0;
	char name[NAME_SIZE];

	if (fd < 0)
		return fd;
	for (uint32_t i = 0; i < m->count; i++) {
		name_of(m->id[i], name);
		if (unlinkat(fd, name, 0))
			err = -errno;
	}
	close(fd);
	return err;
}

/* Takes the descriptor. */
static int clear_folder(int fd, bool *ret_more)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int err = 0, n = 0;

	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	while (!err && n < CLEAR_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (unlinkat(fd, entry->d_name, 0))
			err = -errno;
		n++;
	}
	*ret_more = n == CLEAR_MAX;
	closedir(dir);
	return err;
}

static int run_clear(struct job *job)
{
	const struct files_clear_msg *m =
		(struct files_clear_msg *)job->request;
	int fd = open_channel(job->dir_fd, m->channel_id, false), err;
	char name[NAME_SIZE];

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = clear_folder(fd, &job->more);
	if (err || job->more)
		return err;
	name_of(m->channel_id, name);
	if (unlinkat(job->dir_fd, name, AT_REMOVEDIR) && errno != ENOENT)
		return -errno;
	return fsync(job->dir_fd) ? -errno : 0;
}

static int run(void *io)
{
	struct job *job = ((struct actor_io_msg *)io)->ctx;

	switch (job->request->type) {
	case FILES_PUT:
		return run_put(job);
	case FILES_GET:
		return run_get(job);
	case FILES_CLEAR:
		return run_clear(job);
	default:
		return run_drop(job);
	}
}

/* --- answers --- */

/* A file's: a keyed hash of its name. */
static void mark_of(const struct files *f, uint64_t channel_id, uint64_t id,
		    char mark[FILE_MARK_SIZE])
{
	uint8_t hash[FILE_MARK_SIZE / 2];
	char text[64];

	snprintf(text, sizeof(text), "file %" PRIu64 " %" PRIu64, channel_id,
		 id);
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)text,
			   strlen(text), f->arg.secret.key,
			   sizeof(f->arg.secret.key));
	sodium_bin2hex(mark, FILE_MARK_SIZE, hash, sizeof(hash));
}

static void answer_put(struct files *f, const struct files_put_msg *m,
		       int status)
{
	struct files_written_msg *a = ACTOR_MSG_NEW(struct files_written_msg,
						    FILES_WRITTEN);

	if (!a)
		return;
	a->status = status;
	for (uint32_t i = 0; i < m->count; i++)
		mark_of(f, m->channel_id, m->file[i].id, a->mark[i]);
	actor_reply(f->self, &m->head, &a->head);
}

static void answer_get(struct files *f, const struct actor_msg *request,
		       int status, struct blob *data)
{
	struct files_data_msg *a = ACTOR_MSG_NEW(struct files_data_msg,
						 FILES_DATA);

	if (!a) {
		blob_put(data);
		return;
	}
	a->status = status;
	a->data = data;
	actor_reply(f->self, request, &a->head);
}

static void answer_clear(struct files *f, const struct actor_msg *request,
			 int status, bool more)
{
	struct files_cleared_msg *a = ACTOR_MSG_NEW(struct files_cleared_msg,
						    FILES_CLEARED);

	if (!a)
		return;
	a->status = status;
	a->more = more;
	actor_reply(f->self, request, &a->head);
}

/* `job`: what has come of it, or NULL; its data are taken. */
static void answer(struct files *f, const struct actor_msg *request,
		   int status, const struct job *job)
{
	if (status && status != -ENOENT)
		log_error("files", "failed", "type=%u error=%d", request->type,
			  status);
	if (request->type == FILES_PUT)
		answer_put(f, (const struct files_put_msg *)request, status);
	else if (request->type == FILES_GET)
		answer_get(f, request, status, job ? job->data : NULL);
	else if (request->type == FILES_CLEAR)
		answer_clear(f, request, status, job && job->more);
}

/* --- the actor --- */

static bool is_marked(const struct files *f, const struct files_get_msg *m)
{
	char mark[FILE_MARK_SIZE];

	mark_of(f, m->channel_id, m->id, mark);
	return !sodium_memcmp(mark, m->mark, sizeof(mark));
}

static int start_job(struct files *f, struct actor_msg *msg)
{
	struct job *job = mem_zalloc(sizeof(*job));
	struct actor_io_msg *io = job ? actor_io_new(f->self, job) : NULL;

	if (!io) {
		mem_free(job);
		return -ENOMEM;
	}
	job->request = msg;
	job->dir_fd = f->dir_fd;
	if (os_work(actor_loop(f->self), FILES_LANE, run, actor_io_finish,
		    io)) {
		actor_msg_free(&io->head);
		mem_free(job);
		return -EAGAIN;
	}
	actor_msg_take(f->self, msg);
	f->jobs++;
	return 0;
}

static void request(struct files *f, struct actor_msg *msg)
{
	int err = 0;

	if (msg->type == FILES_GET &&
	    !is_marked(f, (struct files_get_msg *)msg))
		err = -ENOENT;
	else if (f->jobs >= JOBS_MAX || f->stopping)
		err = -EOVERFLOW;
	else
		err = start_job(f, msg);
	if (err)
		answer(f, msg, err, NULL);
}

static void job_done(struct files *f, struct actor_io_msg *io)
{
	struct job *job = io->ctx;

	f->jobs--;
	answer(f, job->request, io->result, job);
	actor_msg_free(job->request);
	mem_free(job);
}

static int handle(struct actor *self, void *state, struct actor_msg *msg)
{
	struct files *f = state;

	f->self = self;
	switch (msg->type) {
	case FILES_PUT:
	case FILES_GET:
	case FILES_DROP:
	case FILES_CLEAR:
		request(f, msg);
		break;
	case ACTOR_MSG_IO:
		job_done(f, (struct actor_io_msg *)msg);
		break;
	case ACTOR_MSG_STOP:
		f->stopping = true;
		break;
	}
	return f->stopping && !f->jobs ? ACTOR_STOP : 0;
}

static int start(struct actor *self, void *state, const void *arg)
{
	struct files *f = state;

	f->self = self;
	f->arg = *(const struct files_arg *)arg;
	f->dir_fd = -1;
	if (mkdir(f->arg.dir, DIR_MODE) && errno != EEXIST)
		return -errno;
	f->dir_fd = open(f->arg.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->dir_fd < 0 ? -errno : actor_register(self, FILES_NAME);
}

static void stop(struct actor *self, void *state, int reason)
{
	struct files *f = state;

	(void)self;
	(void)reason;
	if (f->dir_fd >= 0)
		close(f->dir_fd);
	sodium_memzero(&f->arg.secret, sizeof(f->arg.secret));
}

const struct actor_class files_actor_class = {
	.name = "files",
	.state_size = sizeof(struct files),
	.start = start,
	.handle = handle,
	.stop = stop,
	.mailbox_limit = 4096,
};
