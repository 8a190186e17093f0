/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked list: a ring through a head.  No thread safety. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

struct list {
	struct list *next;
	struct list *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Puts `node` right before `at`: at the tail when `at` is the head. */
static inline void list_add_before(struct list *at, struct list *node)
{
	node->next = at;
	node->prev = at->prev;
	at->prev->next = node;
	at->prev = node;
}

static inline void list_push(struct list *head, struct list *node)
{
	list_add_before(head, node);
}

static inline void list_push_front(struct list *head, struct list *node)
{
	list_add_before(head->next, node);
}

/* Takes the node out; it may be removed again, and counts as empty. */
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* The first node, taken out; NULL when empty. */
static inline struct list *list_pop(struct list *head)
{
	struct list *node = head->next;

	if (node == head)
		return NULL;
	list_del(node);
	return node;
}

/* Moves all of `from` to the tail of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

#define list_for_each(pos, head) \
	for (struct list *pos = (head)->next; pos != (head); pos = pos->next)

/* The same where the body may remove `pos`. */
#define list_for_each_safe(pos, head)					\
	for (struct list *pos = (head)->next, *pos##_next = pos->next;	\
	     pos != (head); pos = pos##_next, pos##_next = pos->next)

#endif
