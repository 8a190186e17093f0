// SPDX-License-Identifier: Apache-2.0
#include "guild/perm.h"

static bool is_almighty(const struct perm_member *m)
{
	return m->is_owner || (m->held & PERM_ADMINISTRATOR);
}

static uint64_t without_timeout(const struct perm_member *m, uint64_t perms)
{
	return m->is_timed_out ? perms & PERM_TIMED_OUT : perms;
}

uint64_t perm_in_guild(const struct perm_member *m)
{
	if (is_almighty(m))
		return PERM_ALL;
	return without_timeout(m, m->held);
}

static bool has_role(const struct perm_member *m, uint64_t id)
{
	for (size_t i = 0; i < m->role_count; i++)
		if (m->role[i] == id)
			return true;
	return false;
}

/* What one level of overwrites takes and gives: giving wins. */
struct change {
	uint64_t deny;
	uint64_t allow;
};

static void add(struct change *c, const struct perm_overwrite *o)
{
	c->deny |= o->deny;
	c->allow |= o->allow;
}

static uint64_t apply(uint64_t perms, const struct change *c)
{
	return (perms & ~c->deny) | c->allow;
}

static uint64_t without_implied(uint64_t perms)
{
	if (!(perms & PERM_VIEW_CHANNEL))
		return 0;
	if (!(perms & PERM_SEND_MESSAGES))
		perms &= ~PERM_NEED_SEND;
	if (!(perms & PERM_CONNECT))
		perms &= ~PERM_NEED_CONNECT;
	return perms;
}

uint64_t perm_in_channel(const struct perm_member *m,
			 const struct perm_overwrite *overwrite, size_t count)
{
	struct change everyone = { 0 }, roles = { 0 }, member = { 0 };
	uint64_t perms = m->held;

	if (is_almighty(m))
		return PERM_ALL;
	for (size_t i = 0; i < count; i++) {
		const struct perm_overwrite *o = &overwrite[i];

		if (o->target == PERM_TARGET_MEMBER) {
			if (o->id == m->user_id)
				add(&member, o);
		} else if (o->id == m->guild_id) {
			add(&everyone, o);
		} else if (has_role(m, o->id)) {
			add(&roles, o);
		}
	}
	perms = apply(perms, &everyone);
	perms = apply(perms, &roles);
	perms = apply(perms, &member);
	return without_implied(without_timeout(m, perms));
}
