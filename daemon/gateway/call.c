// SPDX-License-Identifier: Apache-2.0
#include "gateway/call.h"

#include "base/blob.h"
#include "base/mem.h"

/* An id is generation:32 slot:32; a slot's generation is that of its last
 * call, so an id of an earlier one finds nothing. */
struct slot {
	struct call *call;
	uint32_t generation;
	uint32_t next_free;
};

struct calls {
	uint32_t free;		/* first free slot, CALLS_MAX: none */
	uint32_t used;		/* slots that were ever given out */
	size_t large;		/* bytes of all */
	size_t large_answers;	/* of these, of answers */
	struct slot slot[CALLS_MAX];
};

struct calls *calls_new(void)
{
	struct calls *calls = mem_zalloc(sizeof(*calls));

	if (calls)
		calls->free = CALLS_MAX;
	return calls;
}

void calls_free(struct calls *calls)
{
	uint32_t i;

	for (i = 0; i < calls->used; i++)
		if (calls->slot[i].call)
			call_free(calls, calls->slot[i].call);
	mem_free(calls);
}

static struct slot *slot_take(struct calls *calls)
{
	struct slot *slot;

	if (calls->free == CALLS_MAX)
		return calls->used < CALLS_MAX ? &calls->slot[calls->used++] :
						 NULL;
	slot = &calls->slot[calls->free];
	calls->free = slot->next_free;
	return slot;
}

static void slot_give(struct calls *calls, struct slot *slot)
{
	slot->call = NULL;
	slot->next_free = calls->free;
	calls->free = slot - calls->slot;
}

struct call *call_new(struct calls *calls, uint64_t now_ns)
{
	struct call *call = mem_zalloc(sizeof(*call));
	struct slot *slot = call ? slot_take(calls) : NULL;

	if (!slot) {
		mem_free(call);
		return NULL;
	}
	slot->call = call;
	slot->generation++;
	call->id = (uint64_t)slot->generation << 32 | (slot - calls->slot);
	call->deadline_ns = now_ns + CALL_DEADLINE_NS;
	call->body.limit = CALL_BODY_MAX;
	return call;
}

void call_free(struct calls *calls, struct call *call)
{
	slot_give(calls, &calls->slot[(uint32_t)call->id]);
	calls->large -= call->large;
	calls->large_answers -= call->large_answer;
	mem_free(call->path);
	mem_free(call->query);
	mem_free(call->reason);
	buf_fini(&call->body);
	buf_fini(&call->answer.headers);
	blob_put(call->answer.body);
	mem_free(call);
}

bool calls_have_room(const struct calls *calls, size_t bytes)
{
	return calls->large + bytes <= CALLS_LARGE_MAX;
}

bool call_enlarge(struct calls *calls, struct call *call, size_t bytes)
{
	if (!calls_have_room(calls, bytes))
		return false;
	calls->large += bytes;
	call->large += (uint32_t)bytes;
	return true;
}

bool call_enlarge_answer(struct calls *calls, struct call *call, size_t bytes)
{
	if (calls->large_answers + bytes > CALLS_ANSWERS_MAX ||
	    !call_enlarge(calls, call, bytes))
		return false;
	calls->large_answers += bytes;
	call->large_answer += (uint32_t)bytes;
	return true;
}

struct call *call_find(const struct calls *calls, uint64_t id)
{
	uint32_t index = id;

	if (index >= calls->used || calls->slot[index].generation != id >> 32)
		return NULL;
	return calls->slot[index].call;
}

struct call *call_overdue(struct calls *calls, uint64_t now_ns)
{
	struct call *call;
	uint32_t i;

	for (i = 0; i < calls->used; i++) {
		call = calls->slot[i].call;
		if (call && !call->answer.status && call->deadline_ns <= now_ns)
			return call;
	}
	return NULL;
}
