// SPDX-License-Identifier: Apache-2.0
/*
 * Pins.  One row for each (space STORE_SPACE_PIN, id: the message's; eight
 * bytes, little endian: when, in ms since 1970), and a bit in the message.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/mem.h"
#include "base/snowflake.h"
#include "guild/audit.h"
#include "guild/catalog.h"
#include "guild/message.h"
#include "guild/modify.h"
#include "proto/intent.h"

#define PINS_MAX 250

struct pin {
	uint64_t message_id;
	uint64_t ms;
};

struct pins {
	uint32_t count;
	struct pin pin[PINS_MAX];
};

/* Adds rows; returns the highest id, where the next page begins. */
static uint64_t add_rows(struct pins *p, const struct rows *rows)
{
	for (uint32_t i = 0; i < rows->count && p->count < PINS_MAX; i++) {
		const struct row *row = &rows->row[i];
		uint64_t ms = 0;

		if (row->size == sizeof(ms))
			memcpy(&ms, row->data, sizeof(ms));
		p->pin[p->count++] = (struct pin){ row->id, le64toh(ms) };
	}
	return rows->count ? rows->row[0].id : 0;
}

/* Asks for the page of pins behind `after`. */
static int ask_pins(struct guild *g, struct op *op, uint64_t channel_id,
		    uint64_t after)
{
	return op_page(g, op, channel_id, STORE_SPACE_PIN, STORE_AFTER, after,
		       DATA_PAGE_MAX);
}

/* --- pinning --- */

struct pinning {
	struct modify mod;
	struct pins pins;
	bool add;
	bool row_sent;
};

static struct blob *pin_row(uint64_t ms)
{
	ms = htole64(ms);
	return blob_new(&ms, sizeof(ms));
}

static void send_row(struct guild *g, struct pinning *p)
{
	struct op *op = &p->mod.op;
	int err;

	p->row_sent = true;
	if (p->add)
		err = op_append(g, op, p->mod.channel_id, STORE_SPACE_PIN,
				p->mod.message_id, pin_row(guild_now_ms(g)));
	else
		err = op_delete(g, op, p->mod.channel_id, STORE_SPACE_PIN,
				&p->mod.message_id, 1);
	if (err)
		modify_fail(g, &p->mod, guild_error_of(err));
}

static void row_written(struct guild *g, struct pinning *p, int err)
{
	struct message *m;

	/* There already: a crash came between the row and the message. */
	if (err && err != -EEXIST) {
		modify_fail(g, &p->mod, guild_error_of(err));
		return;
	}
	m = modify_message(g, &p->mod);
	m->pinned = p->add;
	modify_go_on(g, &p->mod, m, MODIFY_WRITE);
}

static void pins_read(struct guild *g, struct pinning *p,
		      const struct store_rows_msg *m)
{
	uint64_t last;

	if (m->status) {
		modify_fail(g, &p->mod, guild_error_of(m->status));
		return;
	}
	last = add_rows(&p->pins, m->rows);
	if (p->pins.count == PINS_MAX)
		modify_fail(g, &p->mod, ERROR_MAX_PINS);
	else if (m->rows->count < DATA_PAGE_MAX)
		send_row(g, p);
	else if (ask_pins(g, &p->mod.op, p->mod.channel_id, last))
		modify_fail(g, &p->mod, ERROR_OVERLOADED);
}

static void pin_more(struct guild *g, struct modify *mod,
		     struct actor_msg *answer)
{
	struct pinning *p = (struct pinning *)mod;

	if (p->row_sent)
		row_written(g, p, ((struct store_written_msg *)answer)->status);
	else
		pins_read(g, p, (struct store_rows_msg *)answer);
}

static enum error_code pin_apply(struct guild *g, struct modify *mod,
				 struct message *m, enum modify_what *what)
{
	struct pinning *p = (struct pinning *)mod;

	*what = MODIFY_NOTHING;
	if (m->pinned == p->add)
		return ERROR_NONE;
	if (m->type != MESSAGE_DEFAULT && m->type != MESSAGE_REPLY)
		return ERROR_SYSTEM_MESSAGE;
	*what = MODIFY_WAIT;
	if (!p->add)
		send_row(g, p);
	else if (ask_pins(g, &mod->op, mod->channel_id, 0))
		return ERROR_OVERLOADED;
	return ERROR_NONE;
}

static void tell_pins(struct guild *g, const struct state_channel *c)
{
	const struct relay_target to = event_to_channel(c, INTENT_GUILDS);
	struct event e;

	event_open(&e, "CHANNEL_PINS_UPDATE");
	jsonw_obj(&e.w);
	event_key_guild(&e.w, g);
	jsonw_key_id(&e.w, "channel_id", c->channel.id);
	if (c->channel.last_pin_ms)
		jsonw_key_time_ms(&e.w, "last_pin_timestamp",
				  c->channel.last_pin_ms);
	else
		jsonw_key_null(&e.w, "last_pin_timestamp");
	jsonw_end(&e.w);
	event_publish(g, &to, event_close(&e));
}

struct last_pin {
	uint64_t channel_id;
	uint64_t ms;
};

static int save_last_pin(struct catalog *c, void *arg)
{
	const struct last_pin *p = arg;

	return catalog_set_last_pin(c, p->channel_id, p->ms);
}

static void saved(struct guild *g, struct op *op, struct actor_msg *answer)
{
	(void)answer;
	op_free(g, op);
}

/* When a channel was last pinned in is only a hint: nobody waits for it. */
static void remember_pin(struct guild *g, struct state_channel *c)
{
	struct last_pin *p = mem_zalloc(sizeof(*p));
	struct op *op = op_new(g, sizeof(*op), NULL, saved, NULL);

	c->channel.last_pin_ms = guild_now_ms(g);
	guild_create_forget_channels(g);
	if (!op || !p) {
		if (op)
			op_free(g, op);
		mem_free(p);
		return;
	}
	*p = (struct last_pin){ c->channel.id, c->channel.last_pin_ms };
	if (op_catalog(g, op, save_last_pin, p, mem_free))
		op_free(g, op);
}

static void pin_done(struct guild *g, struct modify *mod, struct message *m)
{
	const struct pinning *p = (struct pinning *)mod;
	const struct message_view view = { 0 };
	struct state_channel *c = state_channel(&g->state, mod->channel_id);
	const struct member *by = state_member(&g->state, mod->call->actor_id);

	guild_reply(g, &mod->op.caller, 204, NULL);
	if (!p->row_sent || !c)
		return;
	if (p->add)
		remember_pin(g, c);
	tell_pins(g, c);
	if (!g->arg.direct)
		audit_message(g, mod->call, p->add ? AUDIT_MESSAGE_PIN :
							 AUDIT_MESSAGE_UNPIN,
			      m->author.id, mod->channel_id, m->id, 0);
	message_publish(g, "MESSAGE_UPDATE", c, m, &view);
	if (p->add && by)
		message_say_system(g, c, MESSAGE_PIN, by, m->id);
}

enum error_code pin_rest_change(struct guild *g, struct rest_msg *call)
{
	struct state_channel *c;
	enum error_code err;
	struct pinning *p;
	uint64_t perms;

	err = guild_call_channel(g, call, 0, &c, &perms);
	if (err)
		return err;
	/* PIN_MESSAGES was once a part of MANAGE_MESSAGES. */
	if (!(perms & (PERM_PIN_MESSAGES | PERM_MANAGE_MESSAGES)))
		return ERROR_MISSING_PERMISSION;
	p = modify_new(g, sizeof(*p), call);
	if (!p)
		return ERROR_OVERLOADED;
	p->add = call->kind == REST_PIN_ADD;
	p->mod.apply = pin_apply;
	p->mod.more = pin_more;
	p->mod.done = pin_done;
	modify_begin(g, &p->mod);
	return ERROR_NONE;
}

/* --- listing --- */

struct pin_list {
	struct op op;
	uint64_t channel_id;
	uint64_t before_ms;		/* 0: from the latest */
	uint32_t limit;
	bool old_form;
	bool more;			/* than the limit */
	bool failed;
	uint32_t waiting;
	struct pins pins;
	struct rows *rows[PINS_MAX];
};

struct pin_read {
	struct op op;
	struct pin_list *list;
	uint32_t index;
};

static void list_drop(struct op *op)
{
	struct pin_list *l = (struct pin_list *)op;

	for (uint32_t i = 0; i < l->pins.count; i++)
		rows_put(l->rows[i]);
}

static int latest_first(const void *a, const void *b)
{
	const struct pin *x = a, *y = b;

	if (x->ms != y->ms)
		return x->ms < y->ms ? 1 : -1;
	return x->message_id < y->message_id ? 1 : -1;
}

/* Keeps those asked for, the latest first. */
static void pick(struct pin_list *l)
{
	uint32_t n = 0;

	qsort(l->pins.pin, l->pins.count, sizeof(l->pins.pin[0]),
	      latest_first);
	for (uint32_t i = 0; i < l->pins.count; i++) {
		if (l->before_ms && l->pins.pin[i].ms >= l->before_ms)
			continue;
		if (n == l->limit) {
			l->more = true;
			break;
		}
		l->pins.pin[n++] = l->pins.pin[i];
	}
	l->pins.count = n;
}

static void json_pin(struct guild *g, const struct pin_list *l, uint32_t i,
		     struct jsonw *w)
{
	const struct message_view view = { 0 };
	struct message *m = &g->scratch[0];

	if (!l->rows[i] || !l->rows[i]->count ||
	    message_of_row(g, l->channel_id, &l->rows[i]->row[0], m))
		return;
	if (l->old_form) {
		json_message(w, m, &view);
		return;
	}
	jsonw_obj(w);
	jsonw_key_time_ms(w, "pinned_at", l->pins.pin[i].ms);
	jsonw_key(w, "message");
	json_message(w, m, &view);
	jsonw_end(w);
}

static void list_finish(struct guild *g, struct pin_list *l)
{
	struct answer a;
	struct jsonw *w = answer_open(&a);

	if (!l->old_form) {
		jsonw_obj(w);
		jsonw_key(w, "items");
	}
	jsonw_arr(w);
	for (uint32_t i = 0; i < l->pins.count; i++)
		json_pin(g, l, i, w);
	jsonw_end(w);
	if (!l->old_form) {
		jsonw_key_bool(w, "has_more", l->more);
		jsonw_end(w);
	}
	guild_reply_buf(g, &l->op.caller, &a.buf);
	op_free(g, &l->op);
}

static void list_read_over(struct guild *g, struct pin_list *l)
{
	if (--l->waiting)
		return;
	if (l->failed)
		op_fail(g, &l->op, ERROR_OVERLOADED);
	else
		list_finish(g, l);
}

static void message_read(struct guild *g, struct op *op,
			 struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct pin_read *r = (struct pin_read *)op;
	struct pin_list *l = r->list;

	if (!m->status)
		l->rows[r->index] = rows_get(m->rows);
	else if (m->status != -ENOENT)
		l->failed = true;
	op_free(g, op);
	list_read_over(g, l);
}

static void read_one(struct guild *g, struct pin_list *l, uint32_t i)
{
	struct pin_read *r = op_new(g, sizeof(*r), NULL, message_read, NULL);

	if (!r) {
		l->failed = true;
		return;
	}
	r->list = l;
	r->index = i;
	if (op_get(g, &r->op, l->channel_id, STORE_SPACE_MESSAGE,
		   l->pins.pin[i].message_id)) {
		l->failed = true;
		op_free(g, &r->op);
		return;
	}
	l->waiting++;
}

static void list_pins(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct store_rows_msg *m = (struct store_rows_msg *)answer;
	struct pin_list *l = (struct pin_list *)op;
	uint64_t last;

	if (m->status) {
		op_fail(g, op, guild_error_of(m->status));
		return;
	}
	last = add_rows(&l->pins, m->rows);
	if (m->rows->count == DATA_PAGE_MAX && l->pins.count < PINS_MAX) {
		if (ask_pins(g, op, l->channel_id, last))
			op_fail(g, op, ERROR_OVERLOADED);
		return;
	}
	pick(l);
	l->waiting = 1;
	for (uint32_t i = 0; i < l->pins.count; i++)
		read_one(g, l, i);
	list_read_over(g, l);
}

static enum error_code list(struct guild *g, struct rest_msg *call, bool old)
{
	const struct caller caller = guild_caller(call);
	struct state_channel *c;
	struct pin_list *l;
	enum error_code err;

	err = guild_call_channel(g, call, PERM_READ_HISTORY, &c, NULL);
	if (err)
		return err;
	l = op_new(g, sizeof(*l), &caller, list_pins, list_drop);
	if (!l)
		return ERROR_OVERLOADED;
	l->channel_id = c->channel.id;
	l->old_form = old;
	l->limit = old ? PINS_MAX : call->query.limit;
	if (call->query.before)
		l->before_ms = snowflake_unix_ms(call->query.before);
	if (ask_pins(g, &l->op, l->channel_id, 0))
		op_fail(g, &l->op, ERROR_OVERLOADED);
	return ERROR_NONE;
}

enum error_code pin_rest_list(struct guild *g, struct rest_msg *call)
{
	return list(g, call, false);
}

enum error_code pin_rest_list_old(struct guild *g, struct rest_msg *call)
{
	return list(g, call, true);
}
