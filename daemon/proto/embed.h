/* SPDX-License-Identifier: Apache-2.0 */
/* Embeds: checked against Discord's limits and brought into their form. */
#ifndef PROTO_EMBED_H
#define PROTO_EMBED_H

#include <jansson.h>

struct form;

/*
 * Returns through ret_json the array as text (mem_free), NULL when it is
 * empty.  What is wrong goes into the form.  -ENOMEM.
 */
int embeds_normalise(const json_t *list, char **ret_json, struct form *form);

#endif
