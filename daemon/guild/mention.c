// SPDX-License-Identifier: Apache-2.0
#include "guild/mention.h"

#include <ctype.h>
#include <string.h>

static bool listed(const uint64_t *id, uint32_t count, uint64_t wanted)
{
	for (uint32_t i = 0; i < count; i++)
		if (id[i] == wanted)
			return true;
	return false;
}

static void add_user(struct message *m, const struct user *u)
{
	for (uint32_t i = 0; i < m->mention_count; i++)
		if (m->mention[i].id == u->id)
			return;
	if (m->mention_count < MESSAGE_MENTIONS_MAX)
		m->mention[m->mention_count++] = *u;
}

static void add_role(struct message *m, uint64_t id)
{
	if (!listed(m->mention_role, m->mention_role_count, id) &&
	    m->mention_role_count < MESSAGE_MENTIONS_MAX)
		m->mention_role[m->mention_role_count++] = id;
}

struct scan {
	const struct state *state;
	const struct body_mentions *allowed;
	uint64_t perms;
	struct message *m;
};

static void found_user(const struct scan *s, uint64_t id)
{
	const struct member *member = state_member(s->state, id);

	if (member && (s->allowed->users ||
		       listed(s->allowed->user, s->allowed->user_count, id)))
		add_user(s->m, &member->user);
}

static void found_role(const struct scan *s, uint64_t id)
{
	const struct role *r = state_role(s->state, id);

	if (!r || id == s->state->info.id)
		return;
	if (!r->mentionable && !(s->perms & PERM_MENTION_EVERYONE))
		return;
	if (s->allowed->roles ||
	    listed(s->allowed->role, s->allowed->role_count, id))
		add_role(s->m, id);
}

/* Reads digits and '>'; returns what follows, NULL when it is no id. */
static const char *read_id(const char *text, uint64_t *ret_id)
{
	uint64_t id = 0;
	int digits = 0;

	for (; isdigit((unsigned char)*text) && digits < 20; digits++)
		id = id * 10 + (uint64_t)(*text++ - '0');
	*ret_id = id;
	return digits && *text == '>' ? text + 1 : NULL;
}

/* <@id>, <@!id>, <@&id>; returns where to go on. */
static const char *bracket(const struct scan *s, const char *at)
{
	const char *end, *text = at + 2;
	bool role = *text == '&';
	uint64_t id;

	if (role || *text == '!')
		text++;
	end = read_id(text, &id);
	if (!end)
		return at + 1;
	if (role)
		found_role(s, id);
	else
		found_user(s, id);
	return end;
}

static bool starts_with(const char *text, const char *word)
{
	return !strncmp(text, word, strlen(word));
}

static void everyone(const struct scan *s, const char *at)
{
	if (s->allowed->everyone && (s->perms & PERM_MENTION_EVERYONE) &&
	    (starts_with(at, "@everyone") || starts_with(at, "@here")))
		s->m->mention_everyone = true;
}

void mention_resolve(const struct state *s, const struct body_mentions *allowed,
		     uint64_t perms, const struct user *replied_to,
		     struct message *m)
{
	const struct scan scan = { s, allowed, perms, m };
	const char *at = m->content;

	m->mention_count = 0;
	m->mention_role_count = 0;
	m->mention_everyone = false;
	while ((at = strpbrk(at, "<@"))) {
		if (*at == '<' && at[1] == '@') {
			at = bracket(&scan, at);
			continue;
		}
		everyone(&scan, at);
		at++;
	}
	if (replied_to && allowed->replied_user)
		add_user(m, replied_to);
}
