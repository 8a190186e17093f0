/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a document that may lack them or have them of another type. */
#ifndef MONITOR_JSON_GET_H
#define MONITOR_JSON_GET_H

#include <stdint.h>

#include <jansson.h>

/* 0 when it is not there. */
static inline uint64_t json_get_number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

/* "" when it is not there.  *borrows* from @object. */
static inline const char *json_get_text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

#endif
