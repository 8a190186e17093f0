// SPDX-License-Identifier: Apache-2.0
#include "guild/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "guild/overview.h"
#include "guild/perm.h"

#define PASSWORD_SIZE 17	/* generated ones; NUL included */
#define AFK_TIMEOUT_S 300
#define NAME_MIN 2
#define NAME_MAX 32

const char admin_usage[] =
	"create-user NAME [GUILD]   a person: prints a login\n"
	"create-bot NAME [GUILD]    a bot: prints its token\n"
	"create-token USER          another token for a user or bot\n"
	"reset USER                 ends all logins and tokens: prints a new one\n"
	"create-guild NAME OWNER    a guild with #general; OWNER is a user's id\n"
	"list                       guilds, users and bots with their ids\n";

static int next_id(const struct admin *a, uint64_t *ret_id)
{
	return idgen_next(a->ids, a->now_ms, ret_id);
}

static int say_bad(const struct admin *a, const char *what)
{
	buf_printf(a->out, "chatd: %s\n", what);
	return -EINVAL;
}

static int add_user(const struct admin *a, const char *name, bool bot,
		    const char *password, struct user *ret_user)
{
	char hash[PASSWORD_HASH_SIZE];
	struct user u = { .name = (char *)name, .bot = bot };
	size_t n = utf8_count(name, strlen(name));
	int err;

	if (n < NAME_MIN || n > NAME_MAX || strpbrk(name, "@#:`"))
		return say_bad(a, "a name has 2 to 32 characters, none of @#:`");
	err = next_id(a, &u.id);
	if (!err && password)
		err = password_hash(password, hash);
	if (!err)
		err = catalog_add_user(a->catalog, &u, password ? hash : NULL);
	if (err == -EEXIST)
		return say_bad(a, "this name is taken");
	if (!err)
		err = a->added->user(a->added->ctx, &u,
				     password ? hash : NULL);
	if (!err)
		*ret_user = u;
	return err;
}

static int add_token(const struct admin *a, uint64_t user_id,
		     char ret_token[TOKEN_SIZE])
{
	uint8_t hash[TOKEN_HASH_SIZE];
	int err;

	token_make(user_id, a->now_ms, ret_token);
	token_hash(catalog_secret(a->catalog), ret_token, hash);
	err = catalog_add_token(a->catalog, hash, user_id, a->now_ms);
	return err ? err : a->added->token(a->added->ctx, hash, user_id);
}

static int add_member(const struct admin *a, uint64_t guild_id,
		      const struct user *u)
{
	const struct member m = { .user = *u, .joined_ms = a->now_ms };
	int err;

	err = catalog_put_member(a->catalog, guild_id, &m);
	return err ? err : a->added->member(a->added->ctx, guild_id, u->id);
}

static int add_channel(const struct admin *a, uint64_t guild_id,
		       const char *name)
{
	struct channel c = { .guild_id = guild_id, .name = (char *)name };
	int err;

	err = next_id(a, &c.id);
	if (!err)
		err = catalog_put_channel(a->catalog, &c);
	if (!err)
		err = a->added->channel(a->added->ctx, c.id, guild_id);
	return err;
}

static int add_guild(const struct admin *a, const char *name,
		     const struct user *owner, uint64_t *ret_id)
{
	struct guild_info g = { .name = (char *)name, .owner_id = owner->id,
				.afk_timeout_s = AFK_TIMEOUT_S };
	struct role everyone = { .name = "@everyone",
				 .permissions = PERM_DEFAULT };
	int err;

	err = next_id(a, &g.id);
	if (!err)
		err = catalog_put_guild(a->catalog, &g);
	everyone.id = g.id;
	if (!err)
		err = catalog_put_role(a->catalog, g.id, &everyone);
	if (!err)
		err = a->added->guild(a->added->ctx, g.id, name);
	if (!err)
		err = add_channel(a, g.id, "general");
	if (!err)
		err = add_member(a, g.id, owner);
	if (!err)
		*ret_id = g.id;
	return err;
}

/* The guild that an argument names, or the first one without an argument. */
static int pick_guild(const struct admin *a, const char *arg, uint64_t *ret_id)
{
	struct catalog_visitor v;
	struct overview o;
	int err;

	overview_init(&o);
	v = overview_visitor(&o);
	err = catalog_visit(a->catalog, &v);
	*ret_id = 0;
	for (size_t i = 0; i < o.guilds.count && !*ret_id; i++)
		if (!arg || strtoull(arg, NULL, 10) == o.guilds.at[i].id)
			*ret_id = o.guilds.at[i].id;
	overview_fini(&o);
	if (!err && !*ret_id)
		err = say_bad(a, "there is no such guild");
	return err;
}

static int find_user(const struct admin *a, const char *arg,
		     struct user *ret_user)
{
	struct catalog_visitor v;
	struct overview o;
	int err;

	overview_init(&o);
	v = overview_visitor(&o);
	err = catalog_visit(a->catalog, &v);
	*ret_user = (struct user){ 0 };
	for (size_t i = 0; i < o.users.count; i++)
		if (strtoull(arg, NULL, 10) == o.users.at[i].user.id ||
		    !strcmp(arg, o.users.at[i].user.name))
			*ret_user = (struct user){
				.id = o.users.at[i].user.id,
				.bot = o.users.at[i].user.bot,
			};
	overview_fini(&o);
	if (!err && !ret_user->id)
		err = say_bad(a, "there is no such user");
	return err;
}

static int print_login(const struct admin *a, const struct user *u,
		       const char *password)
{
	return buf_printf(a->out, "login     %s\npassword  %s\n", u->name,
			  password);
}

static int create_user(const struct admin *a, int argc,
		       const char *const *argv)
{
	char password[PASSWORD_SIZE];
	struct user u;
	uint64_t guild;
	int err;

	err = pick_guild(a, argc > 2 ? argv[2] : NULL, &guild);
	if (err)
		return err;
	code_make(password, sizeof(password));
	err = add_user(a, argv[1], false, password, &u);
	if (!err)
		err = add_member(a, guild, &u);
	return err ? err : print_login(a, &u, password);
}

static int create_bot(const struct admin *a, int argc, const char *const *argv)
{
	char token[TOKEN_SIZE];
	struct user u;
	uint64_t guild;
	int err;

	err = pick_guild(a, argc > 2 ? argv[2] : NULL, &guild);
	if (!err)
		err = add_user(a, argv[1], true, NULL, &u);
	if (!err)
		err = add_member(a, guild, &u);
	if (!err)
		err = add_token(a, u.id, token);
	return err ? err : buf_printf(a->out, "%s\n", token);
}

static int create_token(const struct admin *a, int argc,
			const char *const *argv)
{
	char token[TOKEN_SIZE];
	struct user u;
	int err;

	(void)argc;
	err = find_user(a, argv[1], &u);
	if (!err)
		err = add_token(a, u.id, token);
	return err ? err : buf_printf(a->out, "%s\n", token);
}

static int reset_to(const struct admin *a, uint64_t user_id,
		    const char *password)
{
	int err = catalog_reset_user(a->catalog, user_id, password);

	return err ? err : a->added->reset(a->added->ctx, user_id, password);
}

static int reset_bot(const struct admin *a, uint64_t user_id)
{
	char token[TOKEN_SIZE];
	int err = reset_to(a, user_id, NULL);

	if (!err)
		err = add_token(a, user_id, token);
	return err ? err : buf_printf(a->out, "%s\n", token);
}

static int reset_person(const struct admin *a, uint64_t user_id)
{
	char password[PASSWORD_SIZE], hash[PASSWORD_HASH_SIZE];
	int err;

	code_make(password, sizeof(password));
	err = password_hash(password, hash);
	if (!err)
		err = reset_to(a, user_id, hash);
	return err ? err : buf_printf(a->out, "password  %s\n", password);
}

static int reset(const struct admin *a, int argc, const char *const *argv)
{
	struct user u;
	int err;

	(void)argc;
	err = find_user(a, argv[1], &u);
	if (err)
		return err;
	return u.bot ? reset_bot(a, u.id) : reset_person(a, u.id);
}

static int create_guild(const struct admin *a, int argc,
			const char *const *argv)
{
	struct user owner = { 0 };
	uint64_t id;
	int err;

	(void)argc;
	err = find_user(a, argv[2], &owner);
	if (!err)
		err = add_guild(a, argv[1], &owner, &id);
	return err ? err : buf_printf(a->out, "%llu\n",
				      (unsigned long long)id);
}

static int list(const struct admin *a, int argc, const char *const *argv)
{
	struct catalog_visitor v;
	struct overview o;
	int err;

	(void)argc;
	(void)argv;
	overview_init(&o);
	v = overview_visitor(&o);
	err = catalog_visit(a->catalog, &v);
	for (size_t i = 0; i < o.guilds.count; i++)
		buf_printf(a->out, "guild  %llu  %s\n",
			   (unsigned long long)o.guilds.at[i].id,
			   o.guilds.at[i].name);
	for (size_t i = 0; i < o.users.count; i++)
		buf_printf(a->out, "%s   %llu  %s\n",
			   o.users.at[i].user.bot ? "bot " : "user",
			   (unsigned long long)o.users.at[i].user.id,
			   o.users.at[i].user.name);
	overview_fini(&o);
	return err ? err : a->out->err;
}

static const struct {
	const char *name;
	int args;		/* at least, name included */
	int (*run)(const struct admin *a, int argc, const char *const *argv);
} commands[] = {
	{ "create-user", 2, create_user },
	{ "create-bot", 2, create_bot },
	{ "create-token", 2, create_token },
	{ "reset", 2, reset },
	{ "create-guild", 3, create_guild },
	{ "list", 1, list },
};

int admin_run(const struct admin *a, int argc, const char *const *argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc >= commands[i].args &&
		    !strcmp(argv[0], commands[i].name))
			return commands[i].run(a, argc, argv);
	buf_puts(a->out, admin_usage);
	return -EINVAL;
}

static int first_bot(const struct admin *a, const char *name, uint64_t guild)
{
	char token[TOKEN_SIZE];
	struct user u;
	int err;

	err = add_user(a, name, true, NULL, &u);
	if (!err)
		err = add_member(a, guild, &u);
	if (!err)
		err = add_token(a, u.id, token);
	return err ? err : buf_printf(a->out, "bot %-5s %s\n", name, token);
}

int admin_first_start(const struct admin *a)
{
	char password[PASSWORD_SIZE];
	struct user owner;
	uint64_t guild;
	int err;

	code_make(password, sizeof(password));
	err = add_user(a, "admin", false, password, &owner);
	if (!err)
		err = add_guild(a, "Superdisk", &owner, &guild);
	if (!err)
		err = print_login(a, &owner, password);
	if (!err)
		err = first_bot(a, "ping", guild);
	if (!err)
		err = first_bot(a, "pong", guild);
	return err;
}
