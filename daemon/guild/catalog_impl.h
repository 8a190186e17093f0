/* SPDX-License-Identifier: Apache-2.0 */
/* What the catalog's files share. */
#ifndef GUILD_CATALOG_IMPL_H
#define GUILD_CATALOG_IMPL_H

#include "guild/catalog.h"
#include "guild/db.h"

struct catalog {
	struct db *db;
	struct secret secret;
};

#endif
