// SPDX-License-Identifier: Apache-2.0
#include "gateway/admission.h"

#include "base/check.h"
#include "base/mem.h"

struct admission {
	struct admission_stats *stats;
	void (*admit)(void *ctx, struct admission_place *place);
	void *ctx;
	struct list inside;	/* those longest inside first */
	struct list waiting;	/* those who came first, first */
	uint32_t count;		/* of those inside */
	uint32_t queue;		/* of those waiting */
};

/* Figures of several threads, none of which decides by them. */
static void count(atomic_uint_least64_t *figure, int change)
{
	atomic_fetch_add_explicit(figure, (uint64_t)(int64_t)change,
				  memory_order_relaxed);
}

/* Two cores that do so at once may lose the smaller one's. */
static void raise_to(atomic_uint_least64_t *most, uint64_t now)
{
	if (atomic_load_explicit(most, memory_order_relaxed) < now)
		atomic_store_explicit(most, now, memory_order_relaxed);
}

struct admission *admission_new(struct admission_stats *stats,
				void (*admit)(void *ctx,
					      struct admission_place *place),
				void *ctx)
{
	struct admission *admission = mem_zalloc(sizeof(*admission));

	if (!admission)
		return NULL;
	admission->stats = stats;
	admission->admit = admit;
	admission->ctx = ctx;
	list_init(&admission->inside);
	list_init(&admission->waiting);
	return admission;
}

void admission_free(struct admission *admission)
{
	check(!admission || (list_empty(&admission->inside) &&
			     list_empty(&admission->waiting)));
	mem_free(admission);
}

static void go_inside(struct admission *admission,
		      struct admission_place *place, uint64_t now_ns)
{
	place->state = ADMISSION_INSIDE;
	place->since_ns = now_ns;
	list_push(&admission->inside, &place->link);
	raise_to(&admission->stats->inside_most, ++admission->count);
	count(&admission->stats->inside, 1);
	count(&admission->stats->admitted, 1);
}

static void go_out(struct admission *admission, struct admission_place *place)
{
	if (place->state == ADMISSION_INSIDE)
		admission->count--;
	else
		admission->queue--;
	count(place->state == ADMISSION_INSIDE ? &admission->stats->inside :
						 &admission->stats->waiting, -1);
	list_del(&place->link);
	place->state = ADMISSION_OUT;
}

static void fill_up(struct admission *admission, uint64_t now_ns)
{
	struct list *node;

	while (admission->count < ADMISSION_PLACES &&
	       (node = list_pop(&admission->waiting))) {
		struct admission_place *place =
			list_entry(node, struct admission_place, link);

		admission->queue--;
		count(&admission->stats->waiting, -1);
		go_inside(admission, place, now_ns);
		admission->admit(admission->ctx, place);
	}
}

bool admission_enter(struct admission *admission,
		     struct admission_place *place, uint64_t now_ns)
{
	check(place->state == ADMISSION_OUT);
	if (admission->count < ADMISSION_PLACES) {
		go_inside(admission, place, now_ns);
		return true;
	}
	place->state = ADMISSION_WAITING;
	list_push(&admission->waiting, &place->link);
	raise_to(&admission->stats->waiting_most, ++admission->queue);
	count(&admission->stats->waiting, 1);
	return false;
}

void admission_leave(struct admission *admission,
		     struct admission_place *place, uint64_t now_ns)
{
	if (place->state == ADMISSION_OUT)
		return;
	go_out(admission, place);
	fill_up(admission, now_ns);
}

void admission_tick(struct admission *admission, uint64_t now_ns)
{
	while (!list_empty(&admission->inside)) {
		struct admission_place *place = list_entry(
			admission->inside.next, struct admission_place, link);

		if (now_ns - place->since_ns < ADMISSION_NS)
			break;
		count(&admission->stats->overdue, 1);
		go_out(admission, place);
	}
	fill_up(admission, now_ns);
}
