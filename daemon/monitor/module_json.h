/* SPDX-License-Identifier: Apache-2.0 */
/* The module's state and events as documents.  Any thread. */
#ifndef MONITOR_MODULE_JSON_H
#define MONITOR_MODULE_JSON_H

#include <jansson.h>

#include "monitor/module.h"

/* *returns* an array of devices with their SSDs, or NULL without memory. */
json_t *module_to_json(const struct module_state *state,
		       struct devices *devices);
json_t *module_event_to_json(const struct module_event *event);

#endif
