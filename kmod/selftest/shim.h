/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel facilities that the pure core uses, for user space.  Tests
 * are single-threaded: locks only check that they are paired.
 */
#ifndef SD_SHIM_H
#define SD_SHIM_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shim is for little endian");
#define cpu_to_le16(v)	((__le16)(v))
#define cpu_to_le32(v)	((__le32)(v))
#define cpu_to_le64(v)	((__le64)(v))
#define le16_to_cpu(v)	((u16)(v))
#define le32_to_cpu(v)	((u32)(v))
#define le64_to_cpu(v)	((u64)(v))

#define __packed		__attribute__((packed))
#define __aligned(n)		__attribute__((aligned(n)))
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_mb__before_atomic()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_mb__after_atomic()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define lockdep_assert_held(l)	assert((l)->held)
#define WARN_ON_ONCE(c)		(assert(!(c)), false)

#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define min_t(t, a, b)		((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define max_t(t, a, b)		((t)(a) > (t)(b) ? (t)(a) : (t)(b))
#define DIV_ROUND_UP_ULL(a, b)	(((u64)(a) + (b) - 1) / (b))
#define round_up(a, b)		((((a) + (b) - 1) / (b)) * (b))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))
#undef static_assert
#define static_assert(c)	_Static_assert(c, #c)
#define fallthrough		__attribute__((__fallthrough__))

static inline u64 div_u64_rem(u64 a, u32 b, u32 *rem)
{
	*rem = (u32)(a % b);
	return a / b;
}

static inline u64 div_u64(u64 a, u32 b)
{
	return a / b;
}

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

static inline int ilog2(u64 n)
{
	return 63 - __builtin_clzll(n);
}

static inline unsigned int hweight64(u64 v)
{
	return (unsigned int)__builtin_popcountll(v);
}

static inline unsigned int __ffs64(u64 v)
{
	return (unsigned int)__builtin_ctzll(v);
}

/* As in the kernel: never more than 32 bits. */
static inline u32 hash_64(u64 v, unsigned int bits)
{
	return (v * 0x61C8864680B583EBull) >> (64 - bits);
}

typedef struct { bool held; } spinlock_t;
#define spin_lock_init(l)		((l)->held = false)
#define spin_lock(l)			(assert(!(l)->held), (void)((l)->held = true))
#define spin_unlock(l)			(assert((l)->held), (void)((l)->held = false))
#define spin_lock_irqsave(l, f)		((f) = 0, spin_lock(l))
#define spin_unlock_irqrestore(l, f)	((void)(f), spin_unlock(l))

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h;
	h->prev = h;
}

static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	n->prev = h->prev;
	n->next = h;
	h->prev->next = n;
	h->prev = n;
}

static inline void list_del(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = NULL;
	n->prev = NULL;
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

#define list_entry(p, t, m)	container_of(p, t, m)
#define list_for_each_entry(p, h, m)					\
	for (p = list_entry((h)->next, __typeof__(*p), m); &p->m != (h);	\
	     p = list_entry(p->m.next, __typeof__(*p), m))

#define BITS_PER_LONG		64
#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define BIT_ULL(n)		(1ull << (n))
#define BIT(n)			(1ul << (n))

static inline bool test_bit(unsigned long n, const unsigned long *map)
{
	return map[n / BITS_PER_LONG] >> (n % BITS_PER_LONG) & 1;
}

static inline void __set_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= 1ul << (n % BITS_PER_LONG);
}

static inline void __clear_bit(unsigned long n, unsigned long *map)
{
	map[n / BITS_PER_LONG] &= ~(1ul << (n % BITS_PER_LONG));
}

#define set_bit		__set_bit
#define clear_bit	__clear_bit

static inline bool test_and_clear_bit(unsigned long n, unsigned long *map)
{
	bool was = test_bit(n, map);

	__clear_bit(n, map);
	return was;
}

static inline unsigned long find_next_bit(const unsigned long *map,
					  unsigned long size, unsigned long n)
{
	while (n < size && !test_bit(n, map))
		n = map[n / BITS_PER_LONG] ? n + 1 :
			(n / BITS_PER_LONG + 1) * BITS_PER_LONG;
	return n < size ? n : size;
}

#define for_each_set_bit(n, map, size)					\
	for ((n) = find_next_bit(map, size, 0); (n) < (size);		\
	     (n) = find_next_bit(map, size, (n) + 1))

#define GFP_KERNEL		0
#define kvfree			free
#define vzalloc(s)		calloc(1, s)
#define cond_resched()		((void)0)

/* No more than the kernel's gives. */
static inline void *kvcalloc(size_t n, size_t size, int flags)
{
	(void)flags;
	return n * size > INT_MAX ? NULL : calloc(n, size);
}

/* Castagnoli, reflected; no final inversion, as in the kernel. */
static inline u32 crc32c(u32 crc, const void *data, unsigned int len)
{
	static u32 table[256];
	const u8 *p = data;
	unsigned int i, j;

	for (i = 0; !table[255] && i < 256; i++) {
		u32 c = i;

		for (j = 0; j < 8; j++)
			c = c >> 1 ^ (c & 1 ? 0x82F63B78u : 0);
		table[i] = c;
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return crc;
}

#endif
