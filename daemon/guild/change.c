// SPDX-License-Identifier: Apache-2.0
#include "guild/change.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "guild/audit.h"
#include "proto/json.h"

static void row_fini(struct change_row *row)
{
	switch (row->kind) {
	case CHANGE_GUILD:
		model_guild_fini(&row->guild);
		break;
	case CHANGE_PUT_CHANNEL:
		model_channel_fini(&row->channel);
		break;
	case CHANGE_PUT_ROLE:
		model_role_fini(&row->role);
		break;
	case CHANGE_PUT_MEMBER:
		model_member_fini(&row->member);
		break;
	case CHANGE_PUT_INVITE:
		model_invite_fini(&row->invite);
		break;
	case CHANGE_PUT_WEBHOOK:
		model_webhook_fini(&row->webhook);
		break;
	case CHANGE_DEL_INVITE:
		mem_free(row->code);
		break;
	default:
		break;
	}
}

void change_free(void *arg)
{
	struct change *c = arg;

	for (uint32_t i = 0; i < c->count; i++)
		row_fini(&c->row[i]);
	for (uint32_t i = 0; i < c->audit_count; i++)
		audit_entry_fini(&c->audit[i]);
	mem_free(c->audit);
	mem_free(c->row);
	mem_free(c);
}

struct change *change_new(struct guild *g, struct rest_msg *call)
{
	struct change *c = mem_zalloc(sizeof(*c));

	if (!c)
		return NULL;
	c->call = call;
	c->guild_id = g->arg.guild_id;
	return c;
}

/* A zeroed row at the end; NULL: out of memory. */
static struct change_row *add(struct change *c, enum change_kind kind)
{
	uint32_t room = c->room ? c->room * 2 : 4;
	struct change_row *more;

	if (c->count == c->room) {
		more = mem_realloc(c->row, room * sizeof(*more));
		if (!more) {
			c->failed = true;
			return NULL;
		}
		c->row = more;
		c->room = room;
	}
	more = &c->row[c->count++];
	memset(more, 0, sizeof(*more));
	more->kind = kind;
	return more;
}

void change_put_guild(struct change *c, const struct guild_info *g)
{
	struct change_row *row = add(c, CHANGE_GUILD);

	c->failed |= row && model_guild_copy(&row->guild, g);
}

void change_put_channel(struct change *c, const struct channel *ch)
{
	struct change_row *row = add(c, CHANGE_PUT_CHANNEL);

	c->failed |= row && model_channel_copy(&row->channel, ch);
}

void change_put_role(struct change *c, const struct role *r)
{
	struct change_row *row = add(c, CHANGE_PUT_ROLE);

	c->failed |= row && model_role_copy(&row->role, r);
}

void change_put_member(struct change *c, const struct member *m)
{
	struct change_row *row = add(c, CHANGE_PUT_MEMBER);

	c->failed |= row && model_member_copy(&row->member, m);
}

void change_put_invite(struct change *c, const struct invite *i)
{
	struct change_row *row = add(c, CHANGE_PUT_INVITE);

	c->failed |= row && model_invite_copy(&row->invite, i);
}

void change_put_webhook(struct change *c, const struct webhook *w)
{
	struct change_row *row = add(c, CHANGE_PUT_WEBHOOK);

	c->failed |= row && model_webhook_copy(&row->webhook, w);
}

void change_id(struct change *c, enum change_kind kind, uint64_t id)
{
	struct change_row *row = add(c, kind);

	if (row)
		row->id = id;
}

void change_del_invite(struct change *c, const char *code)
{
	struct change_row *row = add(c, CHANGE_DEL_INVITE);

	c->failed |= row && model_string_set(&row->code, code);
}

/* --- on the catalog's thread --- */

static int save_row(struct catalog *cat, uint64_t guild_id,
		    const struct change_row *row)
{
	switch (row->kind) {
	case CHANGE_GUILD:
		return catalog_put_guild(cat, &row->guild);
	case CHANGE_PUT_CHANNEL:
		return catalog_put_channel(cat, &row->channel);
	case CHANGE_DEL_CHANNEL:
		return catalog_del_channel(cat, row->id);
	case CHANGE_PUT_ROLE:
		return catalog_put_role(cat, guild_id, &row->role);
	case CHANGE_DEL_ROLE:
		return catalog_del_role(cat, row->id);
	case CHANGE_PUT_MEMBER:
		return catalog_put_member(cat, guild_id, &row->member);
	case CHANGE_DEL_MEMBER:
		return catalog_del_member(cat, guild_id, row->id);
	case CHANGE_ADD_BAN:
		return catalog_add_ban(cat, guild_id, row->id);
	case CHANGE_DEL_BAN:
		return catalog_del_ban(cat, guild_id, row->id);
	case CHANGE_PUT_INVITE:
		return catalog_put_invite(cat, guild_id, &row->invite);
	case CHANGE_DEL_INVITE:
		return catalog_del_invite(cat, row->code);
	case CHANGE_PUT_WEBHOOK:
		return catalog_put_webhook(cat, guild_id, &row->webhook);
	case CHANGE_DEL_WEBHOOK:
		return catalog_del_webhook(cat, row->id);
	default:
		return -EINVAL;
	}
}

/* A webhook's token follows from its id and the catalog's key. */
static int give_token(struct catalog *cat, struct change_row *row)
{
	char token[TOKEN_SIZE];

	if (row->kind != CHANGE_PUT_WEBHOOK || row->webhook.token)
		return 0;
	token_of_webhook(catalog_secret(cat), row->webhook.id, token);
	return model_string_set(&row->webhook.token, token);
}

static int save(struct catalog *cat, void *arg)
{
	struct change *c = arg;
	int err = 0;

	for (uint32_t i = 0; i < c->count && !err; i++) {
		err = give_token(cat, &c->row[i]);
		if (!err)
			err = save_row(cat, c->guild_id, &c->row[i]);
	}
	for (uint32_t i = 0; i < c->audit_count && !err; i++)
		err = catalog_add_audit(cat, c->guild_id, &c->audit[i]);
	return err;
}

/* --- when it is durable --- */

static void saved(struct guild *g, struct op *op, struct actor_msg *answer)
{
	struct catalog_job_msg *job = (struct catalog_job_msg *)answer;
	struct change *c = job->arg;

	if (job->error) {
		guild_reply_error(g, &op->caller, guild_error_of(job->error));
	} else {
		for (uint32_t i = 0; i < c->count; i++)
			change_apply(g, &c->row[i]);
		audit_tell(g, c->audit, c->audit_count);
		if (c->answer)
			c->answer(g, &op->caller, c);
		else
			guild_reply(g, &op->caller, 204, NULL);
	}
	op_free(g, op);
	g->changing = false;
	guild_next_change(g);
}

enum error_code change_send(struct guild *g, struct change *c)
{
	const struct caller caller = guild_caller(c->call);
	struct op *op = NULL;

	audit_change(g, c);
	if (!c->failed)
		op = op_new(g, sizeof(*op), &caller, saved, NULL);
	if (!op) {
		change_free(c);
		return ERROR_OVERLOADED;
	}
	c->call = NULL;
	if (op_catalog(g, op, save, c, change_free)) {
		op_free(g, op);
		return ERROR_OVERLOADED;
	}
	g->changing = true;
	return ERROR_NONE;
}

void change_answer_channel(struct guild *g, const struct caller *to,
			   const struct change *c)
{
	const struct state_channel *ch = state_channel(&g->state, c->id);
	struct answer a;

	json_channel(answer_open(&a), &ch->channel);
	guild_reply_buf(g, to, &a.buf);
}

void change_answer_role(struct guild *g, const struct caller *to,
			const struct change *c)
{
	struct answer a;

	json_role(answer_open(&a), state_role(&g->state, c->id));
	guild_reply_buf(g, to, &a.buf);
}

void change_answer_member(struct guild *g, const struct caller *to,
			  const struct change *c)
{
	struct answer a;

	json_member(answer_open(&a), state_member(&g->state, c->id), true);
	guild_reply_buf(g, to, &a.buf);
}
