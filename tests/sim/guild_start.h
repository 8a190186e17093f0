/* SPDX-License-Identifier: Apache-2.0 */
/* What simulations of guilds begin with: a data service of the caller's, a
 * catalog and the directory. */
#ifndef TESTS_GUILD_START_H
#define TESTS_GUILD_START_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "actor/system.h"
#include "base/check.h"
#include "guild/catalog_actor.h"
#include "guild/directory.h"
#include "os/env.h"
#include "proto/directory.h"
#include "proto/rest.h"

static inline actor_ref spawn(struct actor_system *sys,
			      const struct actor_class *class, const void *arg,
			      size_t arg_size, int core)
{
	const struct actor_spawn_opts opts = { .core = core,
					       .arg_size = arg_size };
	actor_ref ref;

	check(!actor_system_spawn(sys, class, arg, &opts, &ref));
	return ref;
}

static inline void settle(struct actor_system *sys, struct os_env *env,
			  uint64_t ns)
{
	actor_system_run(sys, os_now_ns(env) + ns, UINT64_MAX);
}

/* As the gateway does. */
static inline void send_call(struct actor *self, struct rest_msg *m,
			     const char *body)
{
	check(!rest_parse(m, "", 0, body, strlen(body)));
	actor_send(self, actor_lookup(actor_system_of(self), DIRECTORY_NAME),
		   &m->head);
}

/* `data` is told the number of its core.  Takes the catalog. */
static inline void start_guilds(struct actor_system *sys, struct os_env *env,
				int cores, struct idgen *ids,
				const struct actor_class *data,
				struct catalog *made)
{
	const struct catalog_actor_arg catalog = { made, ids };
	struct directory_arg dir = { .ids = ids,
				     .secret = *catalog_secret(made) };

	for (int core = 0; core < cores; core++)
		spawn(sys, data, &core, sizeof(core), core);
	dir.catalog = spawn(sys, &catalog_actor_class, &catalog,
			    sizeof(catalog), 0);
	spawn(sys, &directory_actor_class, &dir, sizeof(dir), 0);
	settle(sys, env, 1000000000);
}

#endif
