// SPDX-License-Identifier: Apache-2.0
/*
 * The caretaker against simulated SSDs in virtual time.  Latencies are drawn
 * from a seed; what it decides is carried out in the next tick.  Each scenario
 * states what must and what must never happen.
 *
 *	monitor_caretaker_sim [FIRST [COUNT]]	environment: SEEDS
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "monitor/caretaker.h"

#include "seeds.h"

#define SSDS 4
#define FAST_NS 80000.0
#define DISK_NS 1500000.0
#define MINUTE 60
#define DEVICE 42

struct world {
	uint64_t random;
	struct caretaker *caretaker;
	uint64_t tick;
	unsigned int ssds;
	uint32_t state[SSDS];
	double factor[SSDS];	/* how many times slower than it should be */
	bool dead[SSDS];	/* answers no probe */
	double disk_ns;
	uint64_t reads;		/* per SSD and tick */
	bool advice;		/* decisions are not carried out */
	unsigned int bypasses, restores, readds, ticks_out;
	uint64_t last_bypass;
	uint32_t last_leg;
};

static uint64_t next_random(struct world *w)
{
	uint64_t z = (w->random += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* A median under load: the true one, up to a third off, now and then twice. */
static uint64_t noisy(struct world *w, double ns)
{
	double share = (double)(next_random(w) >> 11) / (double)(1ULL << 53);
	double hiccup = next_random(w) % 50 ? 1 : 2;

	return (uint64_t)(ns * (0.67 + 0.66 * share) * hiccup);
}

static void world_init(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed;
	w->caretaker = caretaker_new();
	w->ssds = SSDS;
	w->reads = 500;
	w->disk_ns = DISK_NS;
	for (unsigned int i = 0; i < SSDS; i++) {
		w->state[i] = SUPERDISK_STATE_IN;
		w->factor[i] = 1;
	}
}

static void carry_out(struct world *w, const struct caretaker_decision *d)
{
	if (d->action == CARETAKER_BYPASS) {
		w->bypasses++;
		w->last_bypass = w->tick;
		w->last_leg = d->leg;
	} else if (d->action == CARETAKER_RESTORE) {
		w->restores++;
	} else {
		w->readds++;
	}
	if (w->advice)
		return;
	w->state[d->leg] = d->action == CARETAKER_BYPASS ?
			   SUPERDISK_STATE_BYPASS : SUPERDISK_STATE_IN;
}

static void step(struct world *w)
{
	struct caretaker_sample sample[SSDS];
	struct caretaker_decision decision[SSDS];
	size_t decisions;

	memset(sample, 0, sizeof(sample));
	for (unsigned int i = 0; i < w->ssds; i++) {
		struct caretaker_sample *s = &sample[i];

		s->dev = DEVICE;
		s->leg = i;
		s->state = w->state[i];
		s->disk_p50_ns = noisy(w, w->disk_ns);
		if (s->state == SUPERDISK_STATE_IN) {
			s->reads = w->reads;
			s->p50_ns = noisy(w, FAST_NS * w->factor[i]);
		}
		s->probed = caretaker_wants_probe(w->caretaker, DEVICE, i);
		if (s->probed && !w->dead[i])
			s->probe_ns = noisy(w, FAST_NS * w->factor[i]);
		w->ticks_out += s->state != SUPERDISK_STATE_IN;
	}
	w->tick++;
	decisions = caretaker_tick(w->caretaker, w->tick * CARETAKER_TICK_NS,
				   sample, w->ssds, decision);
	for (size_t i = 0; i < decisions; i++)
		carry_out(w, &decision[i]);
}

static void run(struct world *w, unsigned int ticks)
{
	while (ticks--)
		step(w);
}

static bool leaves_healthy_ssds_alone(struct world *w)
{
	run(w, 60 * MINUTE);
	return !w->bypasses;
}

static bool bypasses_one_that_turns_slow_within_seconds(struct world *w)
{
	run(w, MINUTE);
	w->factor[2] = 20;
	run(w, CARETAKER_WINDOW);
	return w->bypasses == 1 && w->last_leg == 2 &&
	       w->state[2] == SUPERDISK_STATE_BYPASS;
}

static bool keeps_it_out_while_it_is_slow(struct world *w)
{
	run(w, MINUTE);
	w->factor[1] = 20;
	run(w, 30 * MINUTE);
	return w->bypasses == 1 && !w->restores;
}

static bool takes_it_back_when_it_has_recovered(struct world *w)
{
	run(w, MINUTE);
	w->factor[1] = 20;
	run(w, MINUTE);
	w->factor[1] = 1;
	run(w, MINUTE);
	return w->bypasses == 1 && w->restores == 1 &&
	       w->state[1] == SUPERDISK_STATE_IN;
}

static bool does_not_flap_with_one_that_comes_and_goes(struct world *w)
{
	run(w, MINUTE);
	for (int i = 0; i < 120; i++) {
		w->factor[0] = 20;
		run(w, 10);
		w->factor[0] = 1;
		run(w, 20);
	}
	/* penalties of 10, 20, 40 ... fill an hour with few of them */
	return w->bypasses >= 1 && w->bypasses <= 9;
}

static bool ignores_a_slowness_that_all_share(struct world *w)
{
	run(w, MINUTE);
	for (unsigned int i = 0; i < SSDS; i++)
		w->factor[i] = 30;
	run(w, 10 * MINUTE);
	return !w->bypasses;
}

static bool ignores_short_hiccups(struct world *w)
{
	run(w, MINUTE);
	for (int i = 0; i < 200; i++) {
		w->factor[i % SSDS] = 50;
		run(w, CARETAKER_BAD - 1);
		w->factor[i % SSDS] = 1;
		run(w, CARETAKER_WINDOW);
	}
	return !w->bypasses;
}

static bool never_takes_more_than_half_out(struct world *w)
{
	run(w, MINUTE);
	for (unsigned int bad = 0; bad < SSDS; bad++) {
		unsigned int in = 0;

		w->factor[bad] = 20;
		run(w, MINUTE);
		for (unsigned int i = 0; i < SSDS; i++)
			in += w->state[i] == SUPERDISK_STATE_IN;
		if (in < SSDS / 2)
			return false;
	}
	return w->bypasses >= 1;
}

static bool keeps_one_that_still_beats_the_disk(struct world *w)
{
	w->disk_ns = 10e6;
	run(w, MINUTE);
	w->factor[3] = 20; /* 1.6 ms against 10 ms */
	run(w, 10 * MINUTE);
	return !w->bypasses;
}

static bool judges_a_single_ssd_by_its_past(struct world *w)
{
	w->ssds = 1;
	run(w, MINUTE);
	w->factor[0] = 40;
	run(w, CARETAKER_WINDOW);
	if (w->bypasses != 1)
		return false;
	w->factor[0] = 1;
	run(w, MINUTE);
	return w->restores == 1;
}

static bool says_nothing_about_idle_ssds(struct world *w)
{
	run(w, MINUTE);
	w->reads = CARETAKER_READS_MIN - 1;
	w->factor[0] = 50;
	run(w, 10 * MINUTE);
	return !w->bypasses;
}

static bool does_not_learn_a_slow_decline(struct world *w)
{
	run(w, MINUTE);
	for (int i = 0; i < 10 * MINUTE; i++) {
		w->factor[1] *= 1.008;
		step(w);
	}
	return w->bypasses >= 1 && w->last_leg == 1;
}

static bool takes_a_failed_one_in_again_when_it_answers(struct world *w)
{
	run(w, MINUTE);
	w->state[2] = SUPERDISK_STATE_FAILED;
	w->dead[2] = true;
	run(w, MINUTE);
	if (w->readds)
		return false;
	w->dead[2] = false;
	run(w, MINUTE);
	return w->readds == 1 && w->state[2] == SUPERDISK_STATE_IN;
}

/* Nothing to compare with: nobody reads, and it was never seen to be well. */
static bool takes_one_in_again_though_nobody_reads(struct world *w)
{
	w->reads = 0;
	w->factor[2] = 6;
	w->state[2] = SUPERDISK_STATE_FAILED;
	w->dead[2] = true;
	run(w, MINUTE);
	if (w->readds)
		return false;
	w->dead[2] = false;
	run(w, MINUTE);
	return w->readds == 1 && w->state[2] == SUPERDISK_STATE_IN;
}

static bool repeats_unheeded_advice_seldom(struct world *w)
{
	w->advice = true;
	run(w, MINUTE);
	w->factor[2] = 20;
	run(w, 30 * MINUTE);
	return w->bypasses >= 2 && w->bypasses <= 10;
}

/* The harness itself must be able to fail. */
static bool canary_sees_a_bypass(struct world *w)
{
	run(w, MINUTE);
	w->factor[2] = 20;
	run(w, MINUTE);
	return !w->bypasses;
}

static const struct {
	const char *name;
	bool (*run)(struct world *w);
	bool wanted;
} scenarios[] = {
#define SCENARIO(name) { #name, name, true }
	SCENARIO(leaves_healthy_ssds_alone),
	SCENARIO(bypasses_one_that_turns_slow_within_seconds),
	SCENARIO(keeps_it_out_while_it_is_slow),
	SCENARIO(takes_it_back_when_it_has_recovered),
	SCENARIO(does_not_flap_with_one_that_comes_and_goes),
	SCENARIO(ignores_a_slowness_that_all_share),
	SCENARIO(ignores_short_hiccups),
	SCENARIO(never_takes_more_than_half_out),
	SCENARIO(keeps_one_that_still_beats_the_disk),
	SCENARIO(judges_a_single_ssd_by_its_past),
	SCENARIO(says_nothing_about_idle_ssds),
	SCENARIO(does_not_learn_a_slow_decline),
	SCENARIO(takes_a_failed_one_in_again_when_it_answers),
	SCENARIO(takes_one_in_again_though_nobody_reads),
	SCENARIO(repeats_unheeded_advice_seldom),
	{ "canary_fails", canary_sees_a_bypass, false },
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static bool run_seeds(size_t scenario, uint64_t first, uint64_t seeds)
{
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		struct world w;
		bool good;

		world_init(&w, seed);
		good = scenarios[scenario].run(&w) ==
		       scenarios[scenario].wanted;
		caretaker_free(w.caretaker);
		if (good)
			continue;
		printf("# %s: seed %llu: %u bypasses %u restores %u readds\n",
		       scenarios[scenario].name, (unsigned long long)seed,
		       w.bypasses, w.restores, w.readds);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct seeds seeds = seeds_begin(argc, argv, 20, SCENARIOS);

	for (size_t i = 0; i < SCENARIOS; i++)
		tap(run_seeds(i, seeds.first, seeds.count), scenarios[i].name);
	return tap_failures != 0;
}
