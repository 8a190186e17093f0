// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bugs on purpose: insmod planted.ko bug=NAME commits that one, so that
 * planted_test.py sees the debug kernel notice.  Never stays loaded.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *bug = "";
module_param(bug, charp, 0);

static DEFINE_MUTEX(one);
static DEFINE_MUTEX(two);
static DEFINE_SPINLOCK(spin);

static void use_after_free(void)
{
	u8 *p = kmalloc(64, GFP_KERNEL);

	kfree(p);
	if (p)
		WRITE_ONCE(*p, 1);
}

static void lock_inversion(void)
{
	mutex_lock(&one);
	mutex_lock(&two);
	mutex_unlock(&two);
	mutex_unlock(&one);
	mutex_lock(&two);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&two);
}

/* Noinline: no register or stack slot of the caller may still point at it. */
static noinline void leak(void)
{
	u8 *p = kmalloc(4000, GFP_KERNEL);

	if (p)
		memset(p, 0x5a, 4000);
}

static void sleep_in_atomic(void)
{
	spin_lock(&spin);
	msleep(1);
	spin_unlock(&spin);
}

static const struct {
	const char *name;
	void (*commit)(void);
} bugs[] = {
	{ "use_after_free", use_after_free },
	{ "lock_inversion", lock_inversion },
	{ "leak", leak },
	{ "sleep_in_atomic", sleep_in_atomic },
};

static int __init planted_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bugs); i++) {
		if (strcmp(bugs[i].name, bug))
			continue;
		bugs[i].commit();
		return -ECANCELED;
	}
	return -EINVAL;
}

module_init(planted_init);

MODULE_DESCRIPTION("bugs on purpose");
MODULE_LICENSE("GPL");
