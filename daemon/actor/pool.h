/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to actor/: small blocks, freed by any thread.  Each thread keeps a
 * few per size; what it has too many of it hands, a chain at a time, to a
 * common depot, where threads that run short find it.
 */
#ifndef ACTOR_POOL_H
#define ACTOR_POOL_H

#include <stddef.h>

#define POOL_CLASSES 8

/* The class whose blocks hold `size` bytes; POOL_CLASSES: none is so big. */
unsigned int pool_class(size_t size);
size_t pool_class_size(unsigned int class);

/* Not zeroed, 16-aligned (64 if the class is a multiple of it). */
void *pool_alloc(unsigned int class, size_t size);
/* The first `size` bytes are zero. */
void *pool_zalloc(unsigned int class, size_t size);
void pool_free(void *block, unsigned int class);

/* Gives the calling thread's blocks to the depot; at its end. */
void pool_thread_exit(void);

#endif
