// SPDX-License-Identifier: Apache-2.0
#include "actor/names.h"

#include <errno.h>
#include <string.h>

#include "actor/life.h"
#include "actor/slots.h"
#include "base/mem.h"

struct name {
	struct list link;	/* in the system's names */
	actor_ref ref;
	char text[];
};

/* Called with name_lock held. */
static struct name *__find(struct actor_system *sys, const char *text)
{
	list_for_each(link, &sys->names) {
		struct name *name = list_entry(link, struct name, link);

		if (!strcmp(name->text, text))
			return name;
	}
	return NULL;
}

/* An heir does not know what names it has got: they are free with its end. */
static bool __is_free(struct actor_system *sys, const struct name *name)
{
	return ref_node(name->ref) == sys->node && !slots_live(sys, name->ref);
}

static int __add(struct actor_system *sys, actor_ref ref, const char *text)
{
	struct name *name = __find(sys, text);

	if (name && __is_free(sys, name))
		name->ref = ref;
	if (name)
		return actor_ref_eq(name->ref, ref) ? 0 : -EEXIST;
	name = mem_alloc(sizeof(*name) + strlen(text) + 1);
	if (!name)
		return -ENOMEM;
	name->ref = ref;
	strcpy(name->text, text);
	list_push(&sys->names, &name->link);
	return 0;
}

int actor_register(struct actor *self, const char *name)
{
	struct actor_system *sys = self->sched->sys;
	struct actor_more *more = life_more(self);
	int err;

	if (!more)
		return -ENOMEM;
	pthread_mutex_lock(&sys->name_lock);
	err = __add(sys, ref_of(sys, self), name);
	pthread_mutex_unlock(&sys->name_lock);
	more->named |= !err;
	return err;
}

actor_ref actor_lookup(struct actor_system *sys, const char *text)
{
	actor_ref ref = ACTOR_NOBODY;
	struct name *name;

	pthread_mutex_lock(&sys->name_lock);
	name = __find(sys, text);
	if (name && !__is_free(sys, name))
		ref = name->ref;
	pthread_mutex_unlock(&sys->name_lock);
	return ref;
}

void names_fini(struct actor_system *sys)
{
	while (!list_empty(&sys->names))
		mem_free(list_entry(list_pop(&sys->names), struct name, link));
}

void names_pass(struct actor_system *sys, actor_ref from, actor_ref to)
{
	pthread_mutex_lock(&sys->name_lock);
	list_for_each_safe(link, &sys->names) {
		struct name *name = list_entry(link, struct name, link);

		if (!actor_ref_eq(name->ref, from))
			continue;
		name->ref = to;
		if (actor_ref_is_nobody(to)) {
			list_del(link);
			mem_free(name);
		}
	}
	pthread_mutex_unlock(&sys->name_lock);
}
