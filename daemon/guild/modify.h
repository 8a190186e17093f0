/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of a message that exists: read, change, write, tell.  Changes of one
 * message wait for each other, so that none is lost; those of different
 * messages do not.
 */
#ifndef GUILD_MODIFY_H
#define GUILD_MODIFY_H

#include "guild/guild_impl.h"
#include "proto/rows.h"

enum modify_what {
	MODIFY_NOTHING,		/* `done` follows at once */
	MODIFY_WRITE,		/* the changed message */
	MODIFY_REMOVE,
	MODIFY_WAIT,		/* `apply` has asked for more, see below */
};

/* Embedded first by those that need more of their own. */
struct modify {
	struct op op;
	struct rest_msg *call;		/* taken; NULL: our own doing */
	uint64_t channel_id;
	uint64_t message_id;
	/*
	 * Checks and changes *m, which is as the store has it.  May ask the
	 * data service for something else on behalf of the op and return
	 * MODIFY_WAIT: the answer goes to `more`, which ends with
	 * modify_go_on() or modify_fail().
	 */
	enum error_code (*apply)(struct guild *g, struct modify *mod,
				 struct message *m, enum modify_what *what);
	void (*more)(struct guild *g, struct modify *mod,
		     struct actor_msg *answer);
	/* It is durable: answers and tells.  *m is as it is now. */
	void (*done)(struct guild *g, struct modify *mod, struct message *m);
	/* Nothing has changed, nor will; may be NULL. */
	void (*failed)(struct guild *g, struct modify *mod);
	void (*fini)(struct modify *mod);	/* may be NULL */

	struct modify *next;		/* waits behind us */
	struct rows *rows;		/* as read */
	struct blob *record;		/* as written */
	enum modify_what what;
};

/*
 * Returns a change of `size`, not yet begun, of the message that `call` (taken
 * unless NULL is returned) names.
 */
void *modify_new(struct guild *g, size_t size, struct rest_msg *call);
/* Begins, now or when those before are done. */
void modify_begin(struct guild *g, struct modify *mod);

/* From `more`: on with the change; *m is the message, changed. */
void modify_go_on(struct guild *g, struct modify *mod, struct message *m,
		  enum modify_what what);
/* The message as read, decoded again. */
struct message *modify_message(struct guild *g, struct modify *mod);
void modify_fail(struct guild *g, struct modify *mod, enum error_code code);
/* Ends a change that waits in `more` and has answered by itself. */
void modify_end(struct guild *g, struct modify *mod);

#endif
