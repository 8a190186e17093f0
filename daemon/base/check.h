/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertions: on in every build, free of side effects, for what only a bug of
 * ours can break.  An operating error (memory, disk, peer) is never asserted.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

#define check(cond) \
	(__builtin_expect(!!(cond), 1) ? (void)0 : \
	 check_failed(#cond, __FILE__, __LINE__))

/* Says where on stderr, then aborts. */
_Noreturn void check_failed(const char *cond, const char *file, int line);

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#endif
