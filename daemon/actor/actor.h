/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Actors: private state, a mailbox, one message at a time.
 *
 * A handler runs to completion on the scheduler thread of its actor and never
 * blocks.  All contact is by messages.  An actor is named by an actor_ref: a
 * value, valid in every thread and on every node, which goes stale when the
 * actor stops (its slot's generation moves on), so that a message to a dead
 * actor is noticed and dropped, never delivered to the wrong one.
 *
 * Ownership: actor_send() takes the message.  A handler borrows it: the
 * runtime frees it after the handler returns, unless the handler has taken it
 * with actor_msg_take() or passed it on with actor_forward().
 *
 * Context: unless stated otherwise a function taking a `struct actor *self`
 * may only be called from that actor's own handlers; one taking a
 * `struct actor_system *` from any thread.
 */
#ifndef ACTOR_ACTOR_H
#define ACTOR_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/disk.h"

struct actor;
struct actor_system;

/* node:12 generation:20 slot:32; zero is nobody. */
typedef struct {
	uint64_t bits;
} actor_ref;

#define ACTOR_NOBODY ((actor_ref){ 0 })

static inline bool actor_ref_eq(actor_ref a, actor_ref b)
{
	return a.bits == b.bits;
}

static inline bool actor_ref_is_nobody(actor_ref a)
{
	return a.bits == 0;
}

/*
 * The head of every message; a message type embeds it as its first member.
 * `type` indexes the table given to actor_types_register(); types below
 * ACTOR_MSG_USER belong to the runtime.
 */
struct actor_msg {
	struct actor_msg *next;		/* the mailbox's, atomic there */
	actor_ref from;			/* set by actor_send() */
	uint32_t type;
	uint32_t size;			/* bytes, this head included */
	uint64_t tag;			/* the sender's; replies carry it back */
};

enum actor_msg_type {
	ACTOR_MSG_NONE = 0,
	ACTOR_MSG_TIMER,	/* struct actor_timer_msg */
	ACTOR_MSG_DOWN,		/* struct actor_down_msg: a monitored one ended */
	ACTOR_MSG_EXIT,		/* struct actor_down_msg: a child ended for
				 * good, reason 0: in good order */
	ACTOR_MSG_STOP,		/* drain, then return ACTOR_STOP: a handler
				 * that does not is not ended */
	ACTOR_MSG_IO,		/* struct actor_io_msg: completion of os work */
	ACTOR_MSG_LINK,		/* never given to a handler: actor_link() */
	ACTOR_MSG_USER = 64,
};

/* What the runtime must know of a message type. */
struct actor_type {
	const char *name;		/* for traces */
	size_t size;			/* at least; 0: no such type */
	void (*fini)(struct actor_msg *msg);	/* may be NULL: drops references */
};

/*
 * Registers the types first .. first+count-1.  Called before the system is
 * started; borrows `types` for ever.  -EEXIST on overlap, -ERANGE.
 */
int actor_types_register(uint32_t first, const struct actor_type *types,
			 size_t count);

/*
 * Returns a zeroed message of `size` bytes in all, from the calling thread's
 * pool; NULL when memory is out.  Any thread.
 */
void *actor_msg_new(uint32_t type, size_t size);

#define ACTOR_MSG_NEW(type, id) ((type *)actor_msg_new((id), sizeof(type)))

/* Frees a message that was never sent, or was taken.  Any thread. */
void actor_msg_free(struct actor_msg *msg);

enum actor_full {
	ACTOR_FULL_MUTE,	/* the sender is not run again until there is room */
	ACTOR_FULL_DROP,	/* the message is dropped, counted, and the
				 * sender told: -ENOBUFS */
};

/* What a parent does when a child's handler fails.  A restart keeps reference,
 * names and mailbox; timers, monitors, links and children go with the state. */
enum actor_restart {
	ACTOR_RESTART_NEVER,	/* ACTOR_MSG_EXIT to the parent */
	ACTOR_RESTART_ON_ERROR,	/* one for one; EXIT after too many */
	ACTOR_RESTART_REST,	/* it and the children started after it, but for
				 * those of ACTOR_RESTART_NEVER */
};

/*
 * A kind of actor.  `start` makes the private state (state_size zeroed bytes
 * given) from `arg`, again after each restart; `handle` runs one message and
 * returns 0, or a negative errno, which ends the actor as failed; `stop` (may
 * be NULL) drops what the state holds.  ACTOR_STOP from handle ends it in
 * good order.
 */
#define ACTOR_STOP 1

struct actor_class {
	const char *name;
	size_t state_size;
	int (*start)(struct actor *self, void *state, const void *arg);
	int (*handle)(struct actor *self, void *state, struct actor_msg *msg);
	void (*stop)(struct actor *self, void *state, int reason);
	uint32_t mailbox_limit;		/* messages; 0: ACTOR_MAILBOX_DEFAULT */
	enum actor_full when_full;
};

#define ACTOR_MAILBOX_DEFAULT 4096

/* Where a new actor runs. */
#define ACTOR_CORE_ANY  (-1)	/* stealable */
#define ACTOR_CORE_SELF (-2)	/* bound to the caller's core */

struct actor_spawn_opts {
	int core;			/* a core's index, or one of the above */
	enum actor_restart restart;
	uint32_t max_restarts;		/* in restart_window_ms; 0: 3 */
	uint32_t restart_window_ms;	/* 0: 5000 */
	size_t arg_size;		/* the runtime copies arg; 0: it keeps
					 * the pointer, which must stay good for
					 * starts on another core and restarts */
};

/*
 * Starts a child of `self` and runs its `start` before returning when it is
 * on this core, else asynchronously (failure then arrives as EXIT).
 * `opts` may be NULL: same core, never restarted.  -ENOMEM, -EAGAIN (slots).
 */
int actor_spawn(struct actor *self, const struct actor_class *class,
		const void *arg, const struct actor_spawn_opts *opts,
		actor_ref *ret_ref);

/* The same from outside of any actor: the child of the system's root. */
int actor_system_spawn(struct actor_system *sys,
		       const struct actor_class *class, const void *arg,
		       const struct actor_spawn_opts *opts, actor_ref *ret_ref);

/* Takes `msg`, always; a stale or unknown `to` drops it and returns -ESRCH, a
 * full one of ACTOR_FULL_DROP -ENOBUFS. */
int actor_send(struct actor *self, actor_ref to, struct actor_msg *msg);

/* From a thread that is no actor.  Takes `msg`, always; never mutes: a full
 * mailbox drops it and returns -EAGAIN.  -ESRCH. */
int actor_system_send(struct actor_system *sys, actor_ref to,
		      struct actor_msg *msg);

/* Sends `reply` to msg->from with msg's tag.  Takes `reply`. */
int actor_reply(struct actor *self, const struct actor_msg *msg,
		struct actor_msg *reply);

/* Passes the message being handled on; `from` and `tag` stay.  Takes it. */
int actor_forward(struct actor *self, actor_ref to, struct actor_msg *msg);

/* The handler keeps the message it was given; it must free or send it. */
void actor_msg_take(struct actor *self, struct actor_msg *msg);

/*
 * An assertion of an actor's own logic.  In an actor that is spawned with a
 * restart it fails the actor with -ENOTRECOVERABLE, whatever its handler or
 * start was in the middle of: the message is dropped, `stop` runs on the state
 * as it is, and what only the abandoned stack knew is leaked.  In any other it
 * ends the process.  Not for use while a lock is held.
 */
#define actor_check(self, cond) \
	(__builtin_expect(!!(cond), 1) ? (void)0 : \
	 actor_failed(self, #cond, __FILE__, __LINE__))

_Noreturn void actor_failed(struct actor *self, const char *cond,
			    const char *file, int line);

actor_ref actor_self(const struct actor *self);
int actor_core(const struct actor *self);
struct actor_system *actor_system_of(const struct actor *self);
/* The loop of the core this actor runs on: bound actors only. */
struct os_loop *actor_loop(const struct actor *self);

/* Monotonic nanoseconds (virtual in a simulation). */
uint64_t actor_now_ns(const struct actor *self);
/* Milliseconds since 1970 (virtual in a simulation). */
uint64_t actor_wall_ms(const struct actor *self);
/* 64 random bits (from the seed in a simulation); not for secrets. */
uint64_t actor_random(struct actor *self);

/* A down or exit notice: who, and 0 or the negative errno it ended with. */
struct actor_down_msg {
	struct actor_msg head;
	actor_ref who;
	int reason;
	const char *class_name;	/* of a child; NULL in a DOWN */
};

/* One DOWN arrives when `who` ends, at once when it already has. */
int actor_monitor(struct actor *self, actor_ref who);
void actor_demonitor(struct actor *self, actor_ref who);

/*
 * Ties two fates: when one of the two fails, so does the other, with the same
 * errno (-ESRCH when `who` has ended already), behind what was sent before;
 * each is restarted, or not, as its own spawn said.  An end in good order
 * merely ends the link, and so does a restart: `start` may link anew.  Asked
 * for twice it is one link.  -ENOMEM.
 */
int actor_link(struct actor *self, actor_ref who);
void actor_unlink(struct actor *self, actor_ref who);

/* Asks `who` to drain and stop: it gets ACTOR_MSG_STOP after its backlog. */
int actor_stop(struct actor *self, actor_ref who);
int actor_system_stop(struct actor_system *sys, actor_ref who);

/*
 * An operation of os/ whose completion arrives as a message.  Give the os
 * function `&io->op` (or, for os_work(), actor_io_finish and the message);
 * where that returns an error, actor_msg_free() the message.  An actor that
 * ends with operations in flight lingers, deaf, until they are back: only then
 * its `stop` runs and its state goes, so buffers in the state are safe.
 * Bound actors only.
 */
struct actor_io_msg {
	struct actor_msg head;
	struct os_disk_op op;
	void *ctx;		/* the caller's */
	int result;		/* as op.done had it */
	struct actor *owner;	/* the runtime's */
};

/* Its tag and ctx are the caller's.  NULL when memory is out. */
struct actor_io_msg *actor_io_new(struct actor *self, void *ctx);
/* For os_work(): its `done`, with the actor_io_msg as `arg`. */
void actor_io_finish(void *io, int result);

struct actor_timer_msg {
	struct actor_msg head;
	uint64_t id;		/* as returned by actor_timer_start */
	uint64_t cookie;	/* the caller's */
};

/*
 * One ACTOR_MSG_TIMER after delay_ns.  Returns its id, 0 when memory is out.
 * A cancelled timer never arrives.
 */
uint64_t actor_timer_start(struct actor *self, uint64_t delay_ns,
			   uint64_t cookie);
/*
 * The timer whose message is being handled, once more, with the same cookie:
 * what is to happen for ever needs no memory for it.  Takes `msg`, which stays
 * readable for this turn.  Returns its new id.
 */
uint64_t actor_timer_again(struct actor *self, struct actor_msg *msg,
			   uint64_t delay_ns);
void actor_timer_cancel(struct actor *self, uint64_t id);

/* Names for well-known actors.  -EEXIST; an actor's end frees its name. */
int actor_register(struct actor *self, const char *name);
actor_ref actor_lookup(struct actor_system *sys, const char *name);

/*
 * Hand-over of a live actor.  Each takes effect after the handler that asks
 * has returned 0.  -ENOMEM.
 *
 * actor_become: it goes on as `class`, under the same reference, with its
 * mailbox, timers, monitors and children.  `adopt` moves what the old state
 * holds to the new, zeroed one; the old class's `stop` is not called.  If
 * adopt fails, the actor goes on as it was.  -EBUSY with I/O in flight.
 */
int actor_become(struct actor *self, const struct actor_class *class,
		 int (*adopt)(struct actor *self, void *state, void *old));
/*
 * It goes on on another core, bound to it, or with ACTOR_CORE_ANY stealable.
 * It must have left its loop: polls stopped, files closed.  -EINVAL; -EBUSY
 * with I/O in flight.
 */
int actor_move(struct actor *self, int core);
/*
 * It ends; what waits in its mailbox, and its names, go to `successor` (which
 * it has started with what it needs to know, here or on another node).  From
 * then on its reference is stale.
 */
int actor_hand_over(struct actor *self, actor_ref successor);

#endif
