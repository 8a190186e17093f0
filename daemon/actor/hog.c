// SPDX-License-Identifier: Apache-2.0
#include "actor/hog.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"

/* Between two looks: a turn is noticed that much later, or shorter. */
#define LOOK_NS 200000000l
#define BLOCKED_NS (10 * ACTOR_HOG_NS)
#define NS_PER_S 1000000000l
#define NS_PER_MS 1000000

/* What was seen of one scheduler. */
struct sight {
	uint64_t runs;		/* that had begun at the first look at this turn */
	uint64_t since_ns;	/* of that look */
	uint64_t cpu_ns;	/* of its thread, then */
	const char *class_name;	/* of the hog; NULL: there is none */
	/* Read by others, hints both: */
	_Atomic uint64_t hog;	/* its reference; 0: none */
	_Atomic uint64_t hog_since_ns;
};

struct hog_watch {
	struct actor_system *sys;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;	/* guards the next four */
	pthread_cond_t stop;
	bool stopping;
	int count;
	struct actor_hog sum[ACTOR_HOGS_MAX];
	struct sight sight[];	/* by core; the thread's */
};

static uint64_t load(const _Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

static void store(_Atomic uint64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_relaxed);
}

static struct actor_hog *__sum_of(struct hog_watch *w, const char *class_name)
{
	int i = 0;

	while (i < w->count && strcmp(w->sum[i].class_name, class_name))
		i++;
	if (i == ACTOR_HOGS_MAX)
		return NULL;
	if (i == w->count)
		w->sum[w->count++].class_name = class_name;
	return &w->sum[i];
}

static uint64_t cpu_ns_of(const struct sched *s)
{
	struct timespec ts;
	clockid_t clock;

	if (pthread_getcpuclockid(s->thread, &clock) ||
	    clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Not one that waits for its core with all others, but one that blocks. */
static bool is_hog(const struct sight *sight, const struct sched *s,
		   uint64_t now)
{
	uint64_t lasts = now - sight->since_ns;

	return lasts >= BLOCKED_NS ||
	       (lasts >= ACTOR_HOG_NS &&
		cpu_ns_of(s) - sight->cpu_ns >= ACTOR_HOG_NS);
}

/* Its turn is over, at last. */
static void add(struct hog_watch *w, struct sight *sight, uint64_t now)
{
	uint64_t ns = now - sight->since_ns;
	struct actor_hog *sum;

	pthread_mutex_lock(&w->lock);
	sum = __sum_of(w, sight->class_name);
	if (sum) {
		sum->turns++;
		sum->time_ns += ns;
		sum->longest_ns = ns > sum->longest_ns ? ns : sum->longest_ns;
	}
	pthread_mutex_unlock(&w->lock);
	sight->class_name = NULL;
	store(&sight->hog, 0);
}

static void name_it(struct hog_watch *w, struct sight *sight, int core,
		    struct actor *actor, uint64_t now)
{
	actor_ref ref = ref_of(w->sys, actor);

	sight->class_name = class_of(actor)->name;
	store(&sight->hog_since_ns, sight->since_ns);
	store(&sight->hog, ref.bits);
	log_warn("actor", "hog", "class=%s actor=%016" PRIx64
		 " core=%d ms=%" PRIu64, sight->class_name, ref.bits, core,
		 (now - sight->since_ns) / NS_PER_MS);
}

/*
 * Nothing here orders what is read: a turn that ends meanwhile has changed
 * `runs` by the next look, and a wrong name costs a line in a log.
 */
static void look_at(struct hog_watch *w, int core, uint64_t now)
{
	struct sched *s = &w->sys->scheds[core];
	struct sight *sight = &w->sight[core];
	uint64_t runs = load(&s->counters.runs);
	struct actor *actor = current_of(s);

	if (runs == sight->runs && actor) {
		if (!sight->class_name && is_hog(sight, s, now))
			name_it(w, sight, core, actor, now);
		return;
	}
	if (sight->class_name)
		add(w, sight, now);
	sight->runs = runs;
	sight->since_ns = now;
	sight->cpu_ns = cpu_ns_of(s);
}

/* False: it is to stop. */
static bool __pause(struct hog_watch *w)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_NS;
	until.tv_sec += until.tv_nsec / NS_PER_S;
	until.tv_nsec %= NS_PER_S;
	while (!w->stopping &&
	       !pthread_cond_timedwait(&w->stop, &w->lock, &until))
		;
	return !w->stopping;
}

static void *watch_main(void *arg)
{
	struct hog_watch *w = arg;

	pthread_mutex_lock(&w->lock);
	while (__pause(w)) {
		uint64_t now = os_now_ns(w->sys->env);

		pthread_mutex_unlock(&w->lock);
		for (int core = 0; core < w->sys->cores; core++)
			look_at(w, core, now);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static struct hog_watch *watch_new(struct actor_system *sys)
{
	struct hog_watch *w = mem_zalloc(sizeof(*w) + (size_t)sys->cores *
						      sizeof(w->sight[0]));
	pthread_condattr_t attr;

	if (!w)
		return NULL;
	w->sys = sys;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->stop, &attr);
	pthread_condattr_destroy(&attr);
	return w;
}

int hog_watch_start(struct actor_system *sys)
{
	int err;

	sys->hogs = watch_new(sys);
	if (!sys->hogs)
		return -ENOMEM;
	err = pthread_create(&sys->hogs->thread, NULL, watch_main, sys->hogs);
	sys->hogs->running = !err;
	return -err;
}

void hog_watch_stop(struct actor_system *sys)
{
	struct hog_watch *w = sys->hogs;

	if (!w || !w->running)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->stop);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->running = false;
}

void hog_watch_free(struct actor_system *sys)
{
	struct hog_watch *w = sys->hogs;

	if (!w)
		return;
	pthread_cond_destroy(&w->stop);
	pthread_mutex_destroy(&w->lock);
	mem_free(w);
}

uint64_t hog_running_ns(struct actor_system *sys, actor_ref who, int core)
{
	const struct sight *sight;

	if (!sys->hogs)
		return 0;
	sight = &sys->hogs->sight[core];
	if (load(&sight->hog) != who.bits)
		return 0;
	return os_now_ns(sys->env) - load(&sight->hog_since_ns);
}

int actor_system_hogs(struct actor_system *sys,
		      struct actor_hog ret_hogs[ACTOR_HOGS_MAX])
{
	struct hog_watch *w = sys->hogs;
	int count;

	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	count = w->count;
	memcpy(ret_hogs, w->sum, (size_t)count * sizeof(w->sum[0]));
	pthread_mutex_unlock(&w->lock);
	return count;
}
