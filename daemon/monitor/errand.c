// SPDX-License-Identifier: Apache-2.0
#include "monitor/errand.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

#define RUNNING 1

struct errand {
	atomic_int refs;	/* the caller's and the thread's */
	/*
	 * RUNNING, then 0 or -errno.  Stored with release after the thread has
	 * written arg, loaded with acquire by errand_result().
	 */
	atomic_int result;
	errand_fn *fn;
	_Alignas(max_align_t) char arg[];
};

static void *run(void *ctx)
{
	struct errand *errand = ctx;

	atomic_store_explicit(&errand->result, errand->fn(errand->arg),
			      memory_order_release);
	errand_put(errand);
	return NULL;
}

int errand_start(errand_fn *fn, const void *arg, size_t size,
		 struct errand **ret_errand)
{
	struct errand *errand = mem_zalloc(sizeof(*errand) + size);
	pthread_attr_t attributes;
	pthread_t thread;
	int err;

	if (!errand)
		return -ENOMEM;
	atomic_init(&errand->refs, 2);
	atomic_init(&errand->result, RUNNING);
	errand->fn = fn;
	memcpy(errand->arg, arg, size);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attributes, run, errand);
	pthread_attr_destroy(&attributes);
	if (err) {
		mem_free(errand);
		return -err;
	}
	*ret_errand = errand;
	return 0;
}

int errand_result(const struct errand *errand)
{
	int result = atomic_load_explicit(&errand->result,
					  memory_order_acquire);

	return result == RUNNING ? -EAGAIN : result;
}

const void *errand_arg(const struct errand *errand)
{
	return errand->arg;
}

void errand_put(struct errand *errand)
{
	if (errand && atomic_fetch_sub_explicit(&errand->refs, 1,
						memory_order_acq_rel) == 1)
		mem_free(errand);
}
