// SPDX-License-Identifier: Apache-2.0
#include "monitor/caretaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The past moves by 1/32 of the difference in each tick with reads. */
#define PAST_SHIFT 5
/* Ticks until the past is believed. */
#define PAST_TICKS 10

struct patient {
	uint32_t dev, leg;
	uint32_t state;
	uint64_t past_ns;	/* what its median is when it is well */
	uint32_t past_ticks;	/* that made it */
	uint32_t history;	/* bit per tick with reads, newest lowest: suspect */
	uint32_t good_probes;	/* in a row */
	uint64_t out_ns;	/* when it was last decided to bypass, 0: never */
	uint64_t penalty_ns;	/* time out of service since then */
	uint64_t silent_ns;	/* no decision before this */
};

struct caretaker {
	size_t count;
	struct patient patient[CARETAKER_LEGS_MAX];
};

static const char *const action_names[] = {
	[CARETAKER_BYPASS] = "bypass",
	[CARETAKER_RESTORE] = "restore",
	[CARETAKER_READD] = "readd",
};

const char *caretaker_action_name(enum caretaker_action action)
{
	return action_names[action];
}

struct caretaker *caretaker_new(void)
{
	return mem_zalloc(sizeof(struct caretaker));
}

void caretaker_free(struct caretaker *caretaker)
{
	mem_free(caretaker);
}

static const struct patient *find(const struct caretaker *caretaker,
				  uint32_t dev, uint32_t leg)
{
	for (size_t i = 0; i < caretaker->count; i++)
		if (caretaker->patient[i].dev == dev &&
		    caretaker->patient[i].leg == leg)
			return &caretaker->patient[i];
	return NULL;
}

static struct patient *admit(struct caretaker *caretaker, uint32_t dev,
			     uint32_t leg)
{
	struct patient *p = (struct patient *)(uintptr_t)find(caretaker, dev,
							      leg);

	if (p || caretaker->count == CARETAKER_LEGS_MAX)
		return p;
	p = &caretaker->patient[caretaker->count++];
	*p = (struct patient) { .dev = dev, .leg = leg };
	return p;
}

bool caretaker_wants_probe(const struct caretaker *caretaker, uint32_t dev,
			   uint32_t leg)
{
	const struct patient *p = find(caretaker, dev, leg);

	return p && (p->state == SUPERDISK_STATE_BYPASS ||
		     p->state == SUPERDISK_STATE_FAILED);
}

static bool believed(const struct caretaker_sample *s)
{
	return s->state == SUPERDISK_STATE_IN &&
	       s->reads >= CARETAKER_READS_MIN;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x == *y ? 0 : *x < *y ? -1 : 1;
}

/* The median of the medians of @self's peers in this tick, 0: none has one. */
static uint64_t peers_ns(const struct caretaker_sample *samples, size_t count,
			 const struct caretaker_sample *self)
{
	uint64_t each[CARETAKER_LEGS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < count && n < CARETAKER_LEGS_MAX; i++)
		if (&samples[i] != self && samples[i].dev == self->dev &&
		    believed(&samples[i]))
			each[n++] = samples[i].p50_ns;
	if (!n)
		return 0;
	qsort(each, n, sizeof(each[0]), compare);
	return each[(n - 1) / 2];
}

/* Slower than everything it can be compared with, and with something. */
static bool is_suspect(const struct patient *p,
		       const struct caretaker_sample *s, uint64_t peers)
{
	uint64_t past = p->past_ticks >= PAST_TICKS ? p->past_ns : 0;

	if (s->p50_ns < CARETAKER_FLOOR_NS || (!peers && !past))
		return false;
	if (s->p50_ns < peers * CARETAKER_SLOW_FACTOR ||
	    s->p50_ns < past * CARETAKER_SLOW_FACTOR)
		return false;
	return s->p50_ns * 2 > s->disk_p50_ns;
}

/* Only what is well makes the past: a slow decline must not teach it. */
static void learn(struct patient *p, const struct caretaker_sample *s,
		  uint64_t peers)
{
	int64_t off = (int64_t)s->p50_ns - (int64_t)p->past_ns;

	if (peers && s->p50_ns > peers * CARETAKER_WELL_FACTOR)
		return;
	if (!p->past_ticks)
		p->past_ns = s->p50_ns;
	else if (p->past_ticks < PAST_TICKS ||
		 s->p50_ns < p->past_ns * CARETAKER_WELL_FACTOR)
		p->past_ns += (uint64_t)(off / (1 << PAST_SHIFT));
	if (p->past_ticks < PAST_TICKS)
		p->past_ticks++;
}

static unsigned int suspect_ticks(const struct patient *p)
{
	return (unsigned int)__builtin_popcount(p->history &
						((1U << CARETAKER_WINDOW) - 1));
}

/* Whether another SSD of the device may go. */
static bool may_lose_one(const struct caretaker_sample *samples, size_t count,
			 uint32_t dev)
{
	size_t all = 0, out = 0;

	for (size_t i = 0; i < count; i++) {
		if (samples[i].dev != dev ||
		    samples[i].state == SUPERDISK_STATE_VACANT)
			continue;
		all++;
		out += samples[i].state != SUPERDISK_STATE_IN;
	}
	return out == 0 || out + 1 <= all / 2;
}

static uint64_t next_penalty(const struct patient *p, uint64_t now_ns)
{
	if (!p->out_ns || now_ns - p->out_ns > CARETAKER_FORGIVE_NS)
		return CARETAKER_PENALTY_MIN_NS;
	if (p->penalty_ns * 2 > CARETAKER_PENALTY_MAX_NS)
		return CARETAKER_PENALTY_MAX_NS;
	return p->penalty_ns * 2;
}

static unsigned long long us(uint64_t ns)
{
	return ns / 1000;
}

static void decide(struct caretaker_decision *d, enum caretaker_action action,
		   const struct patient *p)
{
	d->action = action;
	d->dev = p->dev;
	d->leg = p->leg;
}

static bool examine_in(struct patient *p, uint64_t now_ns,
		       const struct caretaker_sample *samples, size_t count,
		       const struct caretaker_sample *s,
		       struct caretaker_decision *d)
{
	uint64_t peers = peers_ns(samples, count, s);
	bool suspect;

	if (!believed(s))
		return false;
	suspect = is_suspect(p, s, peers);
	p->history = p->history << 1 | suspect;
	if (!suspect)
		learn(p, s, peers);
	if (!suspect || suspect_ticks(p) < CARETAKER_BAD ||
	    now_ns < p->silent_ns || !may_lose_one(samples, count, s->dev))
		return false;
	decide(d, CARETAKER_BYPASS, p);
	snprintf(d->evidence, sizeof(d->evidence),
		 "p50_us=%llu peers_us=%llu past_us=%llu disk_us=%llu "
		 "reads=%llu suspect=%u/%u", us(s->p50_ns), us(peers),
		 us(p->past_ns), us(s->disk_p50_ns),
		 (unsigned long long)s->reads, suspect_ticks(p),
		 CARETAKER_WINDOW);
	p->penalty_ns = next_penalty(p, now_ns);
	p->out_ns = now_ns;
	p->silent_ns = now_ns + p->penalty_ns;
	p->history = 0;
	p->good_probes = 0;
	return true;
}

static bool probe_is_good(const struct patient *p,
			  const struct caretaker_sample *s, uint64_t peers)
{
	uint64_t reference = p->past_ticks >= PAST_TICKS ? p->past_ns : peers;

	if (!s->probe_ns)
		return false;
	if (s->probe_ns < CARETAKER_FLOOR_NS)
		return true;
	if (reference)
		return s->probe_ns < reference * CARETAKER_WELL_FACTOR;
	/* nothing known: it is of use if it is no slower than the disk */
	return !s->disk_p50_ns || s->probe_ns < s->disk_p50_ns;
}

static bool examine_out(struct patient *p, uint64_t now_ns,
			const struct caretaker_sample *s, uint64_t peers,
			struct caretaker_decision *d)
{
	bool failed = s->state == SUPERDISK_STATE_FAILED;

	if (!s->probed)
		return false;
	p->good_probes = probe_is_good(p, s, peers) ? p->good_probes + 1 : 0;
	if (p->good_probes < CARETAKER_GOOD || now_ns < p->silent_ns)
		return false;
	decide(d, failed ? CARETAKER_READD : CARETAKER_RESTORE, p);
	snprintf(d->evidence, sizeof(d->evidence),
		 "probe_us=%llu past_us=%llu good_probes=%u out_s=%llu",
		 us(s->probe_ns), us(p->past_ns), p->good_probes,
		 p->out_ns ? (unsigned long long)((now_ns - p->out_ns) /
						  CARETAKER_TICK_NS) : 0);
	/* a failure is an incident, too: the next one waits longer */
	if (failed) {
		p->penalty_ns = next_penalty(p, now_ns);
		p->out_ns = now_ns;
	}
	p->silent_ns = now_ns + CARETAKER_PENALTY_MIN_NS;
	p->good_probes = 0;
	p->history = 0;
	return true;
}

size_t caretaker_tick(struct caretaker *caretaker, uint64_t now_ns,
		      const struct caretaker_sample *samples, size_t count,
		      struct caretaker_decision *ret_decisions)
{
	size_t decisions = 0;

	for (size_t i = 0; i < count; i++) {
		const struct caretaker_sample *s = &samples[i];
		struct patient *p = admit(caretaker, s->dev, s->leg);
		bool decided = false;

		if (!p)
			continue;
		p->state = s->state;
		if (s->state == SUPERDISK_STATE_IN)
			decided = examine_in(p, now_ns, samples, count, s,
					     &ret_decisions[decisions]);
		else if (s->state != SUPERDISK_STATE_VACANT)
			decided = examine_out(p, now_ns, s,
					      peers_ns(samples, count, s),
					      &ret_decisions[decisions]);
		decisions += decided;
	}
	return decisions;
}
