/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog behind an actor: jobs of other actors run on a thread that may
 * block, in the order sent.  What has gathered while one batch was being
 * written becomes the next: one transaction, one fsync.
 */
#ifndef GUILD_CATALOG_ACTOR_H
#define GUILD_CATALOG_ACTOR_H

#include "actor/actor.h"
#include "guild/catalog.h"
#include "guild/idgen.h"
#include "proto/types.h"

enum catalog_msg_type {
	CATALOG_RUN = PROTO_CATALOG,	/* struct catalog_job_msg */
	CATALOG_DONE,			/* the same one, back */
};

/*
 * `run` gets the catalog and `arg`, on another thread: arg must be all its
 * own.  DONE comes with its result, or with the failure of the commit, and
 * the tag.  `drop` frees arg when the message goes.
 */
struct catalog_job_msg {
	struct actor_msg head;
	int (*run)(struct catalog *c, void *arg);
	void *arg;
	void (*drop)(void *arg);	/* may be NULL */
	int error;
	struct catalog_job_msg *next;	/* the actor's */
};

struct catalog_actor_arg {
	struct catalog *catalog;	/* closed when the actor stops */
	struct idgen *ids;		/* whose mark is kept; borrowed */
};

extern const struct actor_class catalog_actor_class;

/* The lane of os_work() that owns the catalog. */
#define CATALOG_LANE 0

/* Sends a job; drops arg when that fails.  -ENOMEM, -ESRCH. */
int catalog_submit(struct actor *self, actor_ref catalog, uint64_t tag,
		   int (*run)(struct catalog *c, void *arg), void *arg,
		   void (*drop)(void *arg));

#endif
