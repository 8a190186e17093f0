/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: the structures.  DESIGN.md has the invariants; the word
 * "owner" below means the scheduler that runs the actor now, of which there is
 * one at most: whoever turned its mailbox from IDLE to BUSY, and whom it
 * handed the actor to.
 */
#ifndef ACTOR_IMPL_H
#define ACTOR_IMPL_H

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>

#include "actor/actor.h"
#include "actor/system.h"
#include "actor/wheel.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/rng.h"
#include "os/env.h"
#include "os/loop.h"

/* Messages of the runtime that pass the backlog; never given to a handler. */
enum ctrl_type {
	CTRL_MONITOR = ACTOR_MSG_USER / 2,	/* from: who wants to know */
	CTRL_DEMONITOR,
	CTRL_FAILED,	/* child to parent: restart me and those after me */
	CTRL_HALT,	/* parent to child: end your state, wait */
	CTRL_HALTED,	/* child to parent: done */
	CTRL_RESUME,	/* parent to child: start again */
	CTRL_RESUMED,	/* child to parent: done */
	CTRL_ADOPT,	/* to root: a child made by another thread */
	CTRL_LINK,	/* from: who is linked from now on */
	CTRL_UNLINK,
};

/* What precedes every message in memory. */
struct envelope {
	uint64_t to;		/* the one reference it may be delivered to */
	uint32_t trace;		/* flight.h; 0: not followed */
	uint16_t pool;		/* class of the block */
	uint16_t unused;
	struct actor_msg msg;
};

_Static_assert(offsetof(struct envelope, msg) == 16, "messages stay aligned");

static inline struct envelope *envelope_of(const struct actor_msg *msg)
{
	return (struct envelope *)((char *)msg -
				   offsetof(struct envelope, msg));
}

enum phase {
	PHASE_FREE,	/* no such actor */
	PHASE_NEW,	/* its start has still to run */
	PHASE_RUNNING,
	PHASE_RESTARTING,	/* its state ends, then it starts anew */
	PHASE_HALTING,	/* its state ends, then it waits for CTRL_RESUME */
	PHASE_HALTED,
	PHASE_ENDING,	/* its state ends, then it is gone */
	PHASE_GONE,	/* its parent frees the slot */
};

enum {
	ACTOR_BOUND = 1 << 0,	/* runs on its core only */
	ACTOR_DROPS = 1 << 1,	/* ACTOR_FULL_DROP */
	ACTOR_STARTED = 1 << 2,	/* its state exists: `stop` is owed */
	ACTOR_RETRY = 1 << 3,	/* something failed for want of memory */
	ACTOR_NO_EXIT = 1 << 4,	/* its spawn fails: no EXIT to the parent */
};

/* In `urgent` of an actor that has ended. */
#define URGENT_CLOSED ((struct actor_msg *)16)

struct sched;
struct hog_watch;
struct actor_more;

struct actor {
	/* Written by senders, too. */
	_Alignas(128) _Atomic uint64_t top;	/* mailbox.h */
	_Atomic(struct actor_msg *) urgent;	/* stack of ctrl messages */
	_Atomic(struct actor *) waiters;	/* stack of those muted by us */
	_Atomic(struct actor *) gone;		/* stack of ended children */
	/* In the run queue, an inbox, waiters or gone: in one at a time. */
	struct actor *link;
	_Atomic uint32_t generation;		/* changes when the actor ends */
	_Atomic uint32_t limit;			/* of the mailbox */
	_Atomic uint32_t backlog;		/* in batch; by the owner */
	_Atomic uint16_t core;			/* by the owner */
	_Atomic uint8_t flags;			/* by the owner */
	_Atomic uint8_t phase;			/* enum phase; by the owner */
	int32_t reason;				/* by the owner */
	_Atomic uint32_t parent;		/* slot; of a free one: the next */

	/* The owner's. */
	struct sched *sched;			/* while it runs */
	struct actor_msg *batch;		/* taken from top, in order */
	_Atomic(const struct actor_class *) class;
	void *state;
	struct actor_more *more;		/* what few actors need; or NULL */
	_Atomic uint64_t handled;		/* messages */
	_Atomic uint64_t time_ns;		/* in handlers, by samples */
	/* The parent's owner's: slots; 0: none. */
	uint32_t prev_sibling;
	uint32_t next_sibling;
};

_Static_assert(sizeof(struct actor) == 128, "two cache lines");

struct actor_more {
	void *copied_arg;		/* arg, if it is a copy of ours */
	const void *arg;		/* for the next start */
	enum actor_restart restart;
	uint32_t max_restarts;
	uint64_t window_ns;
	uint64_t window_start_ns;
	uint32_t restarts;		/* within the window */
	uint32_t io_pending;		/* actor_io_new() not come back */
	uint32_t first_child;		/* slots; 0: none */
	uint32_t last_child;
	bool children_told;		/* to stop */
	bool failed;			/* HALTING because of a failure */
	bool named;			/* has been registered */
	uint64_t last_timer;		/* id */
	struct list timers;
	struct hmap watchers;		/* ref -> its struct actor_down_msg */
	struct hmap watching;		/* ref -> 1 */
	struct hmap links;		/* ref -> its struct actor_down_msg */
	struct rest *rest;		/* rest-for-one restarts under way */
	struct handover *handover;	/* NULL: never asked for */
};

/* What an actor is to go on as, after its handler; a handler that fails has
 * asked for nothing. */
struct handover {
	bool asked;			/* for any of the following */
	bool moves;			/* actor_move() */
	int next_core;
	const struct actor_class *next_class;	/* actor_become() */
	int (*adopt)(struct actor *self, void *state, void *old);
	actor_ref successor;		/* actor_hand_over() */
	actor_ref heir;			/* that successor, from then on */
};

/* Counters of one thread; the others read them. */
struct counters {
	_Atomic uint64_t sent;
	_Atomic uint64_t delivered;
	_Atomic uint64_t routed;	/* to another node */
	_Atomic uint64_t dropped_stale;	/* no such actor (any more) */
	_Atomic uint64_t dropped_full;	/* ACTOR_FULL_DROP */
	_Atomic uint64_t dropped_end;	/* queued when the actor ended */
	_Atomic uint64_t restarts;
	_Atomic uint64_t runs;
	_Atomic uint64_t steals;
	_Atomic uint64_t wakes;
	_Atomic uint64_t mutes;
};

static inline void count(_Atomic uint64_t *counter, uint64_t by)
{
	/* Relaxed, and no locked add: each counter has one writer. */
	atomic_store_explicit(counter,
			      atomic_load_explicit(counter,
						   memory_order_relaxed) + by,
			      memory_order_relaxed);
}

#define RING_SIZE 256u

/* Stealable actors that are ready: runq.h. */
struct runq {
	_Alignas(64) _Atomic uint32_t head;	/* by the owner and thieves */
	_Alignas(64) _Atomic uint32_t tail;	/* by the owner */
	_Atomic(struct actor *) ring[RING_SIZE];
	_Alignas(64) pthread_mutex_t lock;	/* guards the next two */
	struct actor *first, **last;
	_Atomic uint32_t more;			/* actors behind first */
};

struct outbox {
	struct actor *first, *last;
	uint32_t count;
};

struct sched {
	struct actor_system *sys;
	int index;
	struct os_loop *loop;
	pthread_t thread;
	bool running;			/* the thread was started */

	/* Bound actors that are ready. */
	struct actor *first, **last;
	_Atomic(struct actor *) current;	/* running; NULL between */
	struct actor_msg *msg;		/* being handled; NULL: was taken */
	uint32_t trace;			/* of msg */
	uint32_t trace_width;		/* sends that are still recorded */
	uint32_t turn;			/* whose it is, bound or not */
	uint32_t offers;		/* chances to offer_surplus() */
	jmp_buf *on_fail;		/* where a failed assertion goes */
	struct actor *mute_on;		/* current's send filled it */
	struct actor *ended;		/* in this turn: not ours any more */
	const void *arg;		/* of the spawn under way */
	int start_err;			/* of the last start that failed */
	uint32_t batch;			/* messages in a turn, at most */
	struct outbox *out;		/* per core: actors to hand over */
	bool out_pending;
	int fired;			/* timers, in this run of the wheel */
	struct wheel wheel;
	struct rng rng;
	uint32_t free_slots[64];
	uint32_t free_count;
	struct flight *flight;

	struct counters counters;
	struct runq runq;
	/* Written by other schedulers and threads: */
	_Alignas(64) _Atomic(struct actor *) inbox;
	_Alignas(64) _Atomic bool sleeping;
};

struct actor_system {
	struct os_env *env;
	struct sched *scheds;
	int cores;
	uint16_t node;
	bool simulated;
	bool started;
	struct actor *slots;		/* [max_actors] */
	uint32_t max_actors;
	struct actor *root;
	struct rng sim_rng;		/* the order of a simulation */
	_Atomic uint32_t trace_every;	/* of roots; 0: none is followed */
	_Atomic uint32_t trace_next;	/* for messages from outside */

	_Alignas(64) _Atomic bool stopping;
	_Atomic int sleepers;
	_Atomic uint32_t next_core;	/* for actor_system_spawn() */
	struct counters foreign;	/* by foreign_lock */

	pthread_mutex_t foreign_lock;	/* threads that are no scheduler */
	pthread_mutex_t slot_lock;	/* guards the next two */
	uint32_t free_slot;		/* list by actor.parent; 0: none */
	uint32_t fresh_slot;		/* from here on never used */

	pthread_mutex_t name_lock;	/* guards names */
	struct list names;

	int (*route)(void *ctx, actor_ref to, struct actor_msg *msg);
	void *route_ctx;

	void (*ended)(void *ctx, const char *class_name, int reason);
	void *ended_ctx;

	struct hog_watch *hogs;		/* NULL: in a simulation */

	pthread_mutex_t root_lock;	/* with root_done */
	pthread_cond_t root_done;
	bool root_gone;
};

/* The scheduler that this thread is, NULL for other threads. */
extern _Thread_local struct sched *sched_here;

#define CORES_MAX 1024
#define NODE_MAX 4095
#define TRACE_EVERY_DEFAULT 64
#define REF_GEN_BITS 20
#define REF_GEN_MAX ((1u << REF_GEN_BITS) - 1)

/* Relaxed: for others, the watch of hog.c, a hint. */
static inline struct actor *current_of(const struct sched *s)
{
	return atomic_load_explicit(&s->current, memory_order_relaxed);
}

static inline void set_current(struct sched *s, struct actor *actor)
{
	atomic_store_explicit(&s->current, actor, memory_order_relaxed);
}

static inline actor_ref ref_make(uint16_t node, uint32_t gen, uint32_t slot)
{
	return (actor_ref){ (uint64_t)node << 52 | (uint64_t)gen << 32 | slot };
}

static inline uint32_t ref_slot(actor_ref ref)
{
	return (uint32_t)ref.bits;
}

static inline uint32_t ref_generation(actor_ref ref)
{
	return (uint32_t)(ref.bits >> 32) & REF_GEN_MAX;
}

static inline uint16_t ref_node(actor_ref ref)
{
	return (uint16_t)(ref.bits >> 52);
}

static inline uint32_t slot_of(const struct actor_system *sys,
			       const struct actor *actor)
{
	return (uint32_t)(actor - sys->slots);
}

static inline uint32_t generation_of(const struct actor *actor)
{
	return atomic_load_explicit(&actor->generation, memory_order_relaxed);
}

/* The owner's. */
static inline actor_ref ref_of(const struct actor_system *sys,
			       const struct actor *actor)
{
	return ref_make(sys->node, generation_of(actor), slot_of(sys, actor));
}

/*
 * Relaxed for these: they are written by the owner, and owners hand an
 * actor over with acquire and release; others read them as hints.
 */
static inline enum phase phase_of(const struct actor *actor)
{
	return atomic_load_explicit(&actor->phase, memory_order_relaxed);
}

static inline void set_phase(struct actor *actor, enum phase phase)
{
	/* Release: what it is, to who looks at all there are.  Partner:
	 * is_live() in inspect.c. */
	atomic_store_explicit(&actor->phase, (uint8_t)phase,
			      memory_order_release);
}

static inline const struct actor_class *class_of(const struct actor *actor)
{
	return atomic_load_explicit(&actor->class, memory_order_relaxed);
}

static inline bool has_flag(const struct actor *actor, uint8_t flag)
{
	return atomic_load_explicit(&actor->flags, memory_order_relaxed) & flag;
}

static inline void set_flag(struct actor *actor, uint8_t flag, bool on)
{
	uint8_t old = atomic_load_explicit(&actor->flags, memory_order_relaxed);

	atomic_store_explicit(&actor->flags,
			      (uint8_t)(on ? old | flag : old & ~flag),
			      memory_order_relaxed);
}

#endif
