// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/snowflake.h"
#include "guild/admin.h"
#include "guild/db.h"
#include "guild/folder.h"
#include "guild/overview.h"
#include "guild/state.h"

#define NOW 1800000000000ull
#define GUILD 1000

static char dir[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/guild_catalog_XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "lock", "secret", "catalog.db",
					     "catalog.db-wal",
					     "catalog.db-shm" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static struct catalog *open_it(void)
{
	struct catalog *c;

	assert_int_equal(catalog_open(dir, &c), 0);
	return c;
}

static void put_users(struct catalog *c)
{
	const struct user ann = { .id = 1, .name = "ann", .global_name = "A" };
	const struct user bob = { .id = 2, .name = "bob", .bot = true };

	assert_int_equal(catalog_add_user(c, &ann, "hash"), 0);
	assert_int_equal(catalog_add_user(c, &bob, NULL), 0);
}

static void put_guild(struct catalog *c)
{
	const struct guild_info g = { .id = GUILD, .name = "g", .owner_id = 1,
				      .description = "d", .afk_timeout_s = 60 };
	const struct role everyone = { .id = GUILD, .name = "@everyone",
				       .permissions = PERM_DEFAULT };
	const struct role mod = { .id = 1001, .name = "mod", .position = 1 };
	struct perm_overwrite o = { .id = 1001, .allow = 1, .deny = 2 };
	const struct channel ch = { .id = 1002, .guild_id = GUILD,
				    .name = "general", .overwrite = &o,
				    .overwrite_count = 1 };
	uint64_t roles[] = { 1001 };
	const struct member m = { .user = { .id = 1 }, .nick = "nick",
				  .joined_ms = 5, .role = roles,
				  .role_count = 1 };
	const struct invite i = { .code = "abc", .channel_id = 1002,
				  .inviter_id = 1, .max_uses = 3 };
	const struct webhook w = { .id = 1003, .channel_id = 1002,
				   .user_id = 1, .name = "hook" };

	assert_int_equal(catalog_put_guild(c, &g), 0);
	assert_int_equal(catalog_put_role(c, GUILD, &everyone), 0);
	assert_int_equal(catalog_put_role(c, GUILD, &mod), 0);
	assert_int_equal(catalog_put_channel(c, &ch), 0);
	assert_int_equal(catalog_put_member(c, GUILD, &m), 0);
	assert_int_equal(catalog_add_ban(c, GUILD, 77), 0);
	assert_int_equal(catalog_add_ban(c, GUILD, 2), 0);
	assert_int_equal(catalog_put_invite(c, GUILD, &i), 0);
	assert_int_equal(catalog_put_webhook(c, GUILD, &w), 0);
}

static void a_guild_survives_a_restart(void **unused)
{
	struct catalog *c = open_it();
	const struct member *m;
	struct state s;

	(void)unused;
	put_users(c);
	put_guild(c);
	catalog_close(c);
	c = open_it();
	state_init(&s);
	assert_int_equal(catalog_load_guild(c, GUILD, &s), 0);
	assert_string_equal(s.info.name, "g");
	assert_string_equal(s.info.description, "d");
	assert_string_equal(state_role(&s, 1001)->name, "mod");
	assert_int_equal(state_channel(&s, 1002)->channel.overwrite_count, 1);
	assert_int_equal(state_channel(&s, 1002)->channel.overwrite[0].deny,
			 2);
	m = state_member(&s, 1);
	assert_string_equal(m->user.global_name, "A");
	assert_string_equal(m->nick, "nick");
	assert_int_equal(m->role_count, 1);
	assert_non_null(state_ban(&s, 77));
	assert_string_equal(state_ban(&s, 2)->name, "bob");
	assert_int_equal(state_invite(&s, "abc")->max_uses, 3);
	assert_non_null(state_webhook(&s, 1003)->token);
	state_fini(&s);
	catalog_close(c);
}

static void an_unknown_guild_is_not_found(void **unused)
{
	struct catalog *c = open_it();
	struct state s;

	(void)unused;
	state_init(&s);
	assert_int_equal(catalog_load_guild(c, 5, &s), -ENOENT);
	state_fini(&s);
	catalog_close(c);
}

static void what_goes_takes_its_own_along(void **unused)
{
	struct catalog *c = open_it();
	struct state s;

	(void)unused;
	put_users(c);
	put_guild(c);
	assert_int_equal(catalog_del_role(c, 1001), 0);
	assert_int_equal(catalog_del_channel(c, 1002), 0);
	state_init(&s);
	assert_int_equal(catalog_load_guild(c, GUILD, &s), 0);
	assert_int_equal(s.channels.count, 0);
	assert_int_equal(s.invites.count, 0);
	assert_int_equal(s.webhooks.count, 0);
	assert_int_equal(state_member(&s, 1)->role_count, 0);
	state_fini(&s);
	catalog_close(c);
}

/* An update must not delete and insert again, which would cascade. */
static void an_update_keeps_what_hangs_on_it(void **unused)
{
	const struct role mod = { .id = 1001, .name = "renamed" };
	const struct channel ch = { .id = 1002, .guild_id = GUILD,
				    .name = "renamed" };
	struct catalog *c = open_it();
	struct state s;

	(void)unused;
	put_users(c);
	put_guild(c);
	assert_int_equal(catalog_put_role(c, GUILD, &mod), 0);
	assert_int_equal(catalog_put_channel(c, &ch), 0);
	state_init(&s);
	assert_int_equal(catalog_load_guild(c, GUILD, &s), 0);
	assert_int_equal(state_member(&s, 1)->role_count, 1);
	assert_int_equal(s.invites.count, 1);
	assert_int_equal(s.webhooks.count, 1);
	assert_int_equal(state_channel(&s, 1002)->channel.overwrite_count, 0);
	state_fini(&s);
	catalog_close(c);
}

static void a_login_name_is_taken_once(void **unused)
{
	const struct user person = { .id = 8, .name = "ann" };
	const struct user bot = { .id = 9, .name = "ann", .bot = true };
	struct catalog *c = open_it();

	(void)unused;
	put_users(c);
	assert_int_equal(catalog_add_user(c, &person, "x"), -EEXIST);
	assert_int_equal(catalog_add_user(c, &bot, NULL), 0);
	catalog_close(c);
}

static void a_failed_part_leaves_the_rest(void **unused)
{
	const struct user ann = { .id = 1, .name = "ann" };
	const struct user eve = { .id = 3, .name = "eve" };
	struct catalog_visitor v;
	struct catalog *c = open_it();
	struct overview o;

	(void)unused;
	assert_int_equal(catalog_begin(c), 0);
	assert_int_equal(catalog_part_begin(c), 0);
	assert_int_equal(catalog_add_user(c, &ann, NULL), 0);
	assert_int_equal(catalog_part_end(c, true), 0);
	assert_int_equal(catalog_part_begin(c), 0);
	assert_int_equal(catalog_add_user(c, &eve, NULL), 0);
	assert_int_equal(catalog_part_end(c, false), 0);
	assert_int_equal(catalog_commit(c), 0);
	overview_init(&o);
	v = overview_visitor(&o);
	assert_int_equal(catalog_visit(c, &v), 0);
	assert_int_equal(o.users.count, 1);
	assert_string_equal(o.users.at[0].user.name, "ann");
	overview_fini(&o);
	catalog_close(c);
}

static void the_id_mark_only_grows(void **unused)
{
	struct catalog *c = open_it();
	uint64_t mark;

	(void)unused;
	assert_int_equal(catalog_id_mark(c, &mark), 0);
	assert_int_equal(mark, 0);
	catalog_set_id_mark(c, 50);
	catalog_set_id_mark(c, 40);
	catalog_id_mark(c, &mark);
	assert_int_equal(mark, 50);
	catalog_close(c);
}

static void a_folder_has_one_owner(void **unused)
{
	struct folder first, second;

	(void)unused;
	assert_int_equal(folder_open(dir, 0, &first), 0);
	assert_int_equal(folder_open(dir, 0, &second), -EWOULDBLOCK);
	folder_close(&first);
	assert_int_equal(folder_open(dir, 0, &second), 0);
	folder_close(&second);
}

static void a_first_start_happens_once(void **unused)
{
	struct buf out = BUF_INIT;
	struct folder f;
	uint64_t mark;

	(void)unused;
	assert_int_equal(folder_open(dir, 0, &f), 0);
	assert_int_equal(folder_first_start(&f, NOW, &out), 0);
	assert_non_null(strstr(buf_str(&out), "password"));
	assert_non_null(strstr(buf_str(&out), "bot pong"));
	assert_int_equal(catalog_id_mark(f.catalog, &mark), 0);
	assert_int_equal(mark, idgen_last(f.ids));
	buf_reset(&out);
	assert_int_equal(folder_first_start(&f, NOW, &out), 0);
	assert_int_equal(out.len, 0);
	buf_fini(&out);
	folder_close(&f);
}

/* The whole file is searched for what was printed. */
static bool file_holds(const char *name, const char *text)
{
	static char content[1 << 20];
	char path[128];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	if (!file)
		return false;
	n = fread(content, 1, sizeof(content), file);
	fclose(file);
	return memmem(content, n, text, strlen(text));
}

static void no_token_lies_in_clear(void **unused)
{
	const char *const argv[] = { "create-bot", "robot" };
	struct buf out = BUF_INIT;
	struct folder f;
	char token[TOKEN_SIZE];

	(void)unused;
	assert_int_equal(folder_open(dir, 0, &f), 0);
	assert_int_equal(folder_first_start(&f, NOW, &out), 0);
	buf_reset(&out);
	assert_int_equal(folder_admin(&f, NOW, 2, argv, &out), 0);
	snprintf(token, sizeof(token), "%.*s",
		 (int)strcspn(buf_str(&out), "\n"), buf_str(&out));
	assert_true(strlen(token) > 60);
	assert_true(file_holds("catalog.db-wal", "robot"));
	assert_false(file_holds("catalog.db-wal", token));
	buf_fini(&out);
	folder_close(&f);
	assert_true(file_holds("catalog.db", "robot"));
	assert_false(file_holds("catalog.db", token));
}

static void the_key_is_for_its_owner_alone(void **unused)
{
	struct catalog *c = open_it();
	char path[128];
	struct stat st;

	(void)unused;
	snprintf(path, sizeof(path), "%s/secret", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, SECRET_KEY_SIZE);
	catalog_close(c);
}

static void bad_commands_change_nothing(void **unused)
{
	const char *const bogus[] = { "bogus" };
	const char *const short_name[] = { "create-user", "x" };
	const char *const no_guild[] = { "create-bot", "robot", "5" };
	const char *const no_owner[] = { "create-guild", "name", "5" };
	struct buf out = BUF_INIT;
	struct folder f;

	(void)unused;
	assert_int_equal(folder_open(dir, 0, &f), 0);
	assert_int_equal(folder_first_start(&f, NOW, &out), 0);
	assert_int_equal(folder_admin(&f, NOW, 1, bogus, &out), -EINVAL);
	assert_int_equal(folder_admin(&f, NOW, 2, short_name, &out), -EINVAL);
	assert_int_equal(folder_admin(&f, NOW, 3, no_guild, &out), -EINVAL);
	assert_int_equal(folder_admin(&f, NOW, 3, no_owner, &out), -EINVAL);
	buf_fini(&out);
	folder_close(&f);
}

static void reads_back_direct_channels_and_has_one_for_two(void **state)
{
	const struct direct one = { .id = 50, .user_id = { 1, 2 },
				    .open_from = { 0, 1 } };
	const struct direct again = { .id = 51, .user_id = { 1, 2 } };
	struct catalog_visitor v;
	struct overview seen;
	struct catalog *c = open_it();
	struct state s;

	(void)state;
	put_users(c);
	assert_int_equal(catalog_add_direct(c, &one), 0);
	assert_int_equal(catalog_add_direct(c, &again), -EEXIST);
	assert_int_equal(catalog_set_direct(c, 50, 2, 77), 0);
	assert_int_equal(catalog_set_last_pin(c, 50, 99), 0);
	catalog_close(c);
	c = open_it();
	overview_init(&seen);
	v = overview_visitor(&seen);
	assert_int_equal(catalog_visit(c, &v), 0);
	assert_int_equal(seen.directs.count, 1);
	assert_int_equal(seen.directs.at[0].open_from[0], 0);
	assert_int_equal(seen.directs.at[0].open_from[1], 77);
	overview_fini(&seen);
	state_init(&s);
	assert_int_equal(catalog_load_direct(c, 50, &s), 0);
	assert_int_equal(state_channel(&s, 50)->channel.last_pin_ms, 99);
	assert_string_equal(state_member(&s, 2)->user.name, "bob");
	assert_int_equal(s.members.count, 2);
	state_fini(&s);
	state_init(&s);
	assert_int_equal(catalog_load_direct(c, 51, &s), -ENOENT);
	state_fini(&s);
	catalog_close(c);
}

struct listed {
	uint32_t count;
	uint64_t id[8];
};

static int list_entry(void *ctx, const struct audit_entry *e)
{
	struct listed *l = ctx;

	l->id[l->count++] = e->id;
	return 0;
}

static void expect_audit(struct catalog *c, const struct audit_filter *f,
			 uint64_t first, uint64_t second)
{
	struct listed l = { 0 };

	assert_int_equal(catalog_list_audit(c, GUILD, f, list_entry, &l), 0);
	assert_int_equal(l.count, !!first + !!second);
	assert_int_equal(l.id[0], first);
	assert_int_equal(l.id[1], second);
}

static void lists_the_audit_log_and_forgets_what_is_old(void **state)
{
	const uint64_t old = snowflake_floor(NOW), day = 86400000;
	const uint64_t id[] = { old, snowflake_floor(NOW + 10 * day),
				snowflake_floor(NOW + 44 * day),
				snowflake_floor(NOW + 50 * day) };
	struct catalog *c = open_it();
	struct audit_entry e = { .user_id = 1, .action = 10 };

	(void)state;
	put_users(c);
	put_guild(c);
	for (int i = 0; i < 3; i++) {
		e.id = id[i];
		assert_int_equal(catalog_add_audit(c, GUILD, &e), 0);
	}
	e.id = id[3];
	e.user_id = 2;
	e.action = 72;
	assert_int_equal(catalog_add_audit(c, GUILD, &e), 0);
	expect_audit(c, &(struct audit_filter){ .limit = 2 }, id[3], id[2]);
	expect_audit(c, &(struct audit_filter){ .limit = 2, .after = old },
		     id[1], id[2]);
	expect_audit(c, &(struct audit_filter){ .limit = 2, .before = id[2] },
		     id[1], 0);
	expect_audit(c, &(struct audit_filter){ .limit = 9, .user_id = 2 },
		     id[3], 0);
	expect_audit(c, &(struct audit_filter){ .limit = 9, .action = 10 },
		     id[2], id[1]);
	catalog_close(c);
}

static void brings_an_older_file_up_to_date(void **state)
{
	const struct direct one = { .id = 50, .user_id = { 1, 2 } };
	struct catalog *c = open_it();
	char path[128];
	struct db *db;

	(void)state;
	put_users(c);
	catalog_close(c);
	snprintf(path, sizeof(path), "%s/catalog.db", dir);
	assert_int_equal(db_open(path, &db), 0);
	assert_int_equal(db_script(db, "DROP TABLE direct; DROP TABLE audit;"
				       "DROP TABLE gone;"
				       "PRAGMA user_version = 1"), 0);
	db_close(db);
	c = open_it();
	assert_int_equal(catalog_add_direct(c, &one), 0);
	catalog_close(c);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_guild_survives_a_restart),
		CASE(an_unknown_guild_is_not_found),
		CASE(what_goes_takes_its_own_along),
		CASE(an_update_keeps_what_hangs_on_it),
		CASE(a_login_name_is_taken_once),
		CASE(a_failed_part_leaves_the_rest),
		CASE(the_id_mark_only_grows),
		CASE(a_folder_has_one_owner),
		CASE(a_first_start_happens_once),
		CASE(no_token_lies_in_clear),
		CASE(the_key_is_for_its_owner_alone),
		CASE(bad_commands_change_nothing),
		CASE(reads_back_direct_channels_and_has_one_for_two),
		CASE(lists_the_audit_log_and_forgets_what_is_old),
		CASE(brings_an_older_file_up_to_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
