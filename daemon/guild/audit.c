// SPDX-License-Identifier: Apache-2.0
/* Entries on their way: written beside what they are about, told, listed. */
#include "guild/audit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/snowflake.h"
#include "guild/guild_impl.h"
#include "proto/intent.h"
#include "proto/json.h"

/* --- telling --- */

static void json_entry(struct jsonw *w, const struct audit_entry *e,
		       uint64_t guild_id)
{
	jsonw_obj(w);
	jsonw_key_id(w, "id", e->id);
	jsonw_key_id(w, "user_id", e->user_id);
	jsonw_key_id(w, "target_id", e->target_id);
	jsonw_key_u64(w, "action_type", e->action);
	if (e->changes) {
		jsonw_key(w, "changes");
		jsonw_raw(w, e->changes, strlen(e->changes));
	}
	if (e->options) {
		jsonw_key(w, "options");
		jsonw_raw(w, e->options, strlen(e->options));
	}
	if (e->reason)
		jsonw_key_str(w, "reason", e->reason);
	if (guild_id)
		jsonw_key_id(w, "guild_id", guild_id);
	jsonw_end(w);
}

void audit_tell(struct guild *g, const struct audit_entry *e, uint32_t count)
{
	struct relay_target to = event_to_all;
	struct event event;

	to.intents = INTENT_GUILD_MODERATION;
	to.perms = PERM_VIEW_AUDIT_LOG;
	for (uint32_t i = 0; i < count; i++) {
		event_open(&event, "GUILD_AUDIT_LOG_ENTRY_CREATE");
		json_entry(&event.w, &e[i], g->arg.guild_id);
		event_publish(g, &to, event_close(&event));
	}
}

/* --- of messages --- */

struct noting {
	uint64_t guild_id;
	struct audit_entry entry;
};

static void noting_drop(void *arg)
{
	audit_entry_fini(&((struct noting *)arg)->entry);
	mem_free(arg);
}

static int run_note(struct catalog *c, void *arg)
{
	const struct noting *n = arg;

	return catalog_add_audit(c, n->guild_id, &n->entry);
}

static void noted(struct guild *g, struct op *op, struct actor_msg *answer)
{
	const struct catalog_job_msg *job = (struct catalog_job_msg *)answer;

	if (!job->error)
		audit_tell(g, &((struct noting *)job->arg)->entry, 1);
	op_free(g, op);
}

static char *message_options(uint64_t channel_id, uint64_t message_id,
			     uint32_t count)
{
	struct buf buf = BUF_INIT;
	char number[16], *text;
	struct jsonw w;

	snprintf(number, sizeof(number), "%u", count);
	jsonw_init(&w, &buf);
	jsonw_obj(&w);
	jsonw_key_id(&w, "channel_id", channel_id);
	if (message_id)
		jsonw_key_id(&w, "message_id", message_id);
	else
		jsonw_key_str(&w, "count", number);
	jsonw_end(&w);
	text = buf_steal(&buf, NULL);
	buf_fini(&buf);
	return text;
}

void audit_message(struct guild *g, const struct rest_msg *call,
		   enum audit_action action, uint64_t target_id,
		   uint64_t channel_id, uint64_t message_id, uint32_t count)
{
	struct noting *n = mem_zalloc(sizeof(*n));
	struct op *op = n ? op_new(g, sizeof(*op), NULL, noted, NULL) : NULL;

	if (!op || idgen_next(g->arg.ids, guild_now_ms(g), &n->entry.id)) {
		if (op)
			op_free(g, op);
		mem_free(n);
		return;
	}
	n->guild_id = g->arg.guild_id;
	n->entry.user_id = call->actor_id;
	n->entry.target_id = target_id;
	n->entry.action = (uint8_t)action;
	n->entry.reason = call->reason ? mem_strdup(call->reason) : NULL;
	n->entry.options = message_options(channel_id, message_id, count);
	if (op_catalog(g, op, run_note, n, noting_drop))
		op_free(g, op);
}

/* --- GET /guilds/{guild}/audit-logs --- */

struct listing {
	uint64_t guild_id;
	struct audit_filter filter;
	struct buf json;		/* of the entries, without brackets */
	struct jsonw w;
	struct hmap users;		/* who is named by them */
};

static void listing_drop(void *arg)
{
	struct listing *l = arg;

	buf_fini(&l->json);
	hmap_fini(&l->users);
	mem_free(l);
}

static int add_entry(void *ctx, const struct audit_entry *e)
{
	struct listing *l = ctx;

	json_entry(&l->w, e, 0);
	if (hmap_set(&l->users, e->user_id, 0))
		return -ENOMEM;
	return e->target_id ? hmap_set(&l->users, e->target_id, 0) : 0;
}

static int run_list(struct catalog *c, void *arg)
{
	struct listing *l = arg;

	jsonw_init(&l->w, &l->json);
	jsonw_arr(&l->w);
	return catalog_list_audit(c, l->guild_id, &l->filter, add_entry, l);
}

static void json_users(struct guild *g, struct jsonw *w,
		       const struct listing *l)
{
	uint64_t id;
	size_t iter = 0;

	jsonw_key_arr(w, "users");
	while (hmap_next(&l->users, &iter, &id, NULL)) {
		const struct member *m = state_member(&g->state, id);
		const struct user *u = m ? &m->user : state_ban(&g->state, id);

		if (u)
			json_user(w, u);
	}
	jsonw_end(w);
}

static void listed(struct guild *g, struct op *op, struct actor_msg *answer)
{
	static const char *const none[] = {
		"webhooks", "integrations", "threads", "application_commands",
		"guild_scheduled_events", "auto_moderation_rules",
	};
	const struct catalog_job_msg *job = (struct catalog_job_msg *)answer;
	struct listing *l = job->arg;
	struct answer a;
	struct jsonw *w;

	if (job->error) {
		op_fail(g, op, guild_error_of(job->error));
		return;
	}
	jsonw_end(&l->w);
	w = answer_open(&a);
	jsonw_obj(w);
	jsonw_key(w, "audit_log_entries");
	jsonw_raw(w, buf_str(&l->json), l->json.len);
	json_users(g, w, l);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		jsonw_key_arr(w, none[i]);
		jsonw_end(w);
	}
	jsonw_end(w);
	guild_reply_buf(g, &op->caller, &a.buf);
	op_free(g, op);
}

enum error_code audit_rest_list(struct guild *g, struct rest_msg *call)
{
	const struct caller caller = guild_caller(call);
	enum error_code err = guild_call_perms(g, call, PERM_VIEW_AUDIT_LOG);
	struct listing *l;
	struct op *op;

	if (err)
		return err;
	l = mem_zalloc(sizeof(*l));
	op = l ? op_new(g, sizeof(*op), &caller, listed, NULL) : NULL;
	if (!op) {
		mem_free(l);
		return ERROR_OVERLOADED;
	}
	l->guild_id = g->arg.guild_id;
	l->filter = (struct audit_filter){
		.before = call->query.before, .after = call->query.after,
		.user_id = call->query.user_id,
		.action = call->query.action_type,
		.limit = call->query.limit,
	};
	if (op_catalog(g, op, run_list, l, listing_drop))
		op_fail(g, op, ERROR_OVERLOADED);
	return ERROR_NONE;
}
