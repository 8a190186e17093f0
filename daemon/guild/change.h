/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of what a guild is (not of its messages).  A call prepares a list of
 * rows from the state; when the catalog has them, all or none, they are
 * applied to the state, everybody is told, and the caller is answered.  One
 * change of a guild is under way at a time: the calls behind it wait, and see
 * its result.
 */
#ifndef GUILD_CHANGE_H
#define GUILD_CHANGE_H

#include "guild/guild_impl.h"
#include "guild/secret.h"
#include "proto/body.h"

enum change_kind {
	CHANGE_GUILD,
	CHANGE_PUT_CHANNEL,
	CHANGE_DEL_CHANNEL,
	CHANGE_PUT_ROLE,
	CHANGE_DEL_ROLE,
	CHANGE_PUT_MEMBER,
	CHANGE_DEL_MEMBER,
	CHANGE_ADD_BAN,
	CHANGE_DEL_BAN,
	CHANGE_PUT_INVITE,
	CHANGE_DEL_INVITE,
	CHANGE_PUT_WEBHOOK,
	CHANGE_DEL_WEBHOOK,
	CHANGE_KINDS,
};

struct change_row {
	enum change_kind kind;
	union {			/* owned */
		struct guild_info guild;
		struct channel channel;
		struct role role;
		struct member member;
		struct invite invite;
		struct webhook webhook;
		uint64_t id;	/* of DEL, and of bans */
		char *code;	/* of DEL_INVITE */
	};
};

struct change {
	struct rest_msg *call;
	/* Answers once all is applied; NULL: 204.  `change` is as below. */
	void (*answer)(struct guild *g, const struct caller *to,
		       const struct change *change);
	uint64_t id;		/* of what `answer` is about */
	uint8_t type;		/* of a channel that goes */
	bool by_token;		/* of a webhook */
	char code[CODE_SIZE];	/* of an invite */
	uint32_t delete_s;	/* of a ban: what was said so lately goes */
	uint32_t refused_count;	/* of a bulk ban */
	uint64_t refused[BODY_IDS_MAX];
	uint64_t guild_id;
	uint32_t count, room;
	bool failed;		/* memory was out */
	struct change_row *row;
	uint32_t audit_count;
	struct audit_entry *audit;	/* see guild/audit.h */
};

/* Returns an empty change for `call` (borrowed until change_send()). */
struct change *change_new(struct guild *g, struct rest_msg *call);

/* Each adds a row: puts copy what they are given.  Failures are kept. */
void change_put_guild(struct change *c, const struct guild_info *g);
void change_put_channel(struct change *c, const struct channel *ch);
void change_put_role(struct change *c, const struct role *r);
void change_put_member(struct change *c, const struct member *m);
void change_put_invite(struct change *c, const struct invite *i);
void change_put_webhook(struct change *c, const struct webhook *w);
void change_id(struct change *c, enum change_kind kind, uint64_t id);
void change_del_invite(struct change *c, const char *code);

/* A change that is not to be sent after all. */
void change_free(void *change);

/* Takes `c` and its call.  ERROR_OVERLOADED, or it will answer. */
enum error_code change_send(struct guild *g, struct change *c);

/* Applies one row, and tells those concerned (change_apply.c). */
void change_apply(struct guild *g, struct change_row *row);

/* Common answers: the JSON of what `id` names. */
void change_answer_channel(struct guild *g, const struct caller *to,
			   const struct change *c);
void change_answer_role(struct guild *g, const struct caller *to,
			const struct change *c);
void change_answer_member(struct guild *g, const struct caller *to,
			  const struct change *c);

#endif
