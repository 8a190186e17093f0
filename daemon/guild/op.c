// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/mem.h"
#include "guild/guild_impl.h"

struct caller guild_caller(const struct rest_msg *call)
{
	return (struct caller){ call->head.from, call->head.tag };
}

static void send_reply(struct guild *g, const struct caller *to,
		       struct rest_reply_msg *reply)
{
	/* Out of memory: the caller's own deadline answers for us. */
	if (!reply)
		return;
	reply->head.tag = to->tag;
	actor_send(g->self, to->ref, &reply->head);
}

void guild_reply(struct guild *g, const struct caller *to, unsigned int status,
		 struct blob *body)
{
	send_reply(g, to, rest_reply_new(status, body));
}

void guild_reply_error(struct guild *g, const struct caller *to,
		       enum error_code code)
{
	if (g->arg.direct && code == ERROR_MISSING_PERMISSION)
		code = ERROR_DIRECT;
	send_reply(g, to, rest_reply_error(code));
}

void guild_reply_later(struct guild *g, const struct caller *to,
		       enum error_code code, uint64_t wait_ms)
{
	struct rest_reply_msg *reply = rest_reply_error(code);

	if (reply)
		reply->retry_after_s = (uint16_t)((wait_ms + 999) / 1000);
	send_reply(g, to, reply);
}

void guild_reply_buf(struct guild *g, const struct caller *to, struct buf *buf)
{
	struct blob *body = blob_from_buf(buf);

	buf_fini(buf);
	if (body)
		guild_reply(g, to, 200, body);
	else
		guild_reply_error(g, to, ERROR_OVERLOADED);
}

struct jsonw *answer_open(struct answer *a)
{
	a->buf = BUF_INIT;
	jsonw_init(&a->w, &a->buf);
	return &a->w;
}

enum error_code answer_send(struct guild *g, const struct rest_msg *call,
			    struct answer *a)
{
	struct caller caller = guild_caller(call);

	guild_reply_buf(g, &caller, &a->buf);
	return ERROR_NONE;
}

enum error_code guild_error_of(int err)
{
	switch (err) {
	case -EOVERFLOW:
	case -EAGAIN:
	case -ENOSPC:
	case -ENOMEM:
	case -ESRCH:
		return ERROR_OVERLOADED;
	case -ENOENT:
		return ERROR_UNKNOWN_MESSAGE;
	default:
		return ERROR_INTERNAL;
	}
}

void *op_new(struct guild *g, size_t size, const struct caller *caller,
	     void (*done)(struct guild *g, struct op *op,
			  struct actor_msg *answer),
	     void (*drop)(struct op *op))
{
	struct op *op;

	if (g->ops.count >= GUILD_OPS_MAX)
		return NULL;
	op = mem_zalloc(size);
	if (!op)
		return NULL;
	op->tag = ++g->last_tag;
	op->done = done;
	op->drop = drop;
	if (caller)
		op->caller = *caller;
	if (hmap_set(&g->ops, op->tag, (uintptr_t)op)) {
		mem_free(op);
		return NULL;
	}
	return op;
}

void op_free(struct guild *g, struct op *op)
{
	hmap_del(&g->ops, op->tag);
	if (op->drop)
		op->drop(op);
	mem_free(op);
}

void op_fail(struct guild *g, struct op *op, enum error_code code)
{
	guild_reply_error(g, &op->caller, code);
	op_free(g, op);
}

void op_answer(struct guild *g, struct actor_msg *msg)
{
	struct op *op = hmap_get_ptr(&g->ops, msg->tag);

	if (op)
		op->done(g, op, msg);
}

static int send_data(struct guild *g, const struct op *op, uint64_t channel_id,
		     struct actor_msg *msg)
{
	actor_ref to = data_route(actor_system_of(g->self), channel_id);

	msg->tag = op->tag;
	return actor_send(g->self, to, msg);
}

static int put(struct guild *g, struct op *op, uint32_t type,
	       uint64_t channel_id, enum store_space space, uint64_t id,
	       struct blob *row)
{
	struct store_put_msg *m;

	if (!row)
		return -ENOMEM;
	m = ACTOR_MSG_NEW(struct store_put_msg, type);
	if (!m) {
		blob_put(row);
		return -ENOMEM;
	}
	m->channel = channel_id;
	m->space = space;
	m->id = id;
	m->row = row;
	return send_data(g, op, channel_id, &m->head);
}

int op_append(struct guild *g, struct op *op, uint64_t channel_id,
	      enum store_space space, uint64_t id, struct blob *row)
{
	return put(g, op, DATA_APPEND, channel_id, space, id, row);
}

int op_edit(struct guild *g, struct op *op, uint64_t channel_id,
	    enum store_space space, uint64_t id, struct blob *row)
{
	return put(g, op, DATA_EDIT, channel_id, space, id, row);
}

int op_delete(struct guild *g, struct op *op, uint64_t channel_id,
	      enum store_space space, const uint64_t *id, uint32_t count)
{
	struct store_delete_msg *m = store_delete_new(DATA_DELETE, count);

	if (!m)
		return -ENOMEM;
	m->channel = channel_id;
	m->space = space;
	memcpy(m->id, id, count * sizeof(*id));
	return send_data(g, op, channel_id, &m->head);
}

static int read_rows(struct guild *g, struct op *op, uint32_t type,
		     const struct store_read_msg *what)
{
	struct store_read_msg *m = ACTOR_MSG_NEW(struct store_read_msg, type);

	if (!m)
		return -ENOMEM;
	m->channel = what->channel;
	m->space = what->space;
	m->dir = what->dir;
	m->id = what->id;
	m->limit = what->limit;
	return send_data(g, op, m->channel, &m->head);
}

int op_get(struct guild *g, struct op *op, uint64_t channel_id,
	   enum store_space space, uint64_t id)
{
	const struct store_read_msg m = {
		.channel = channel_id, .space = space, .id = id, .limit = 1,
	};

	return read_rows(g, op, DATA_GET, &m);
}

int op_page(struct guild *g, struct op *op, uint64_t channel_id,
	    enum store_space space, enum store_dir dir, uint64_t id,
	    uint32_t limit)
{
	const struct store_read_msg m = {
		.channel = channel_id, .space = space, .dir = dir, .id = id,
		.limit = (uint16_t)limit,
	};

	return read_rows(g, op, DATA_PAGE, &m);
}

int op_catalog(struct guild *g, struct op *op,
	       int (*run)(struct catalog *c, void *arg), void *arg,
	       void (*drop)(void *arg))
{
	return catalog_submit(g->self, g->arg.catalog, op->tag, run, arg,
			      drop);
}

uint64_t guild_now_ms(const struct guild *g)
{
	return actor_wall_ms(g->self);
}
