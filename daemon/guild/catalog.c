// SPDX-License-Identifier: Apache-2.0
#include "guild/catalog.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "guild/catalog_impl.h"

static const char schema_1[] =
	"CREATE TABLE meta ("
	" key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE user ("
	" id INTEGER PRIMARY KEY, name TEXT NOT NULL, global_name TEXT,"
	" avatar TEXT, discriminator INTEGER NOT NULL, bot INTEGER NOT NULL,"
	" password TEXT);"
	"CREATE UNIQUE INDEX user_name ON user (name) WHERE bot = 0;"
	"CREATE TABLE token ("
	" hash BLOB PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES user,"
	" created_ms INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE guild ("
	" id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL, name TEXT NOT NULL,"
	" icon TEXT, description TEXT, locale TEXT,"
	" afk_channel_id INTEGER NOT NULL, afk_timeout_s INTEGER NOT NULL,"
	" system_channel_id INTEGER NOT NULL,"
	" system_channel_flags INTEGER NOT NULL,"
	" rules_channel_id INTEGER NOT NULL,"
	" public_updates_channel_id INTEGER NOT NULL,"
	" verification_level INTEGER NOT NULL,"
	" default_notifications INTEGER NOT NULL,"
	" content_filter INTEGER NOT NULL);"
	"CREATE TABLE role ("
	" id INTEGER PRIMARY KEY, guild_id INTEGER NOT NULL REFERENCES guild,"
	" name TEXT NOT NULL, permissions INTEGER NOT NULL,"
	" color INTEGER NOT NULL, position INTEGER NOT NULL,"
	" flags INTEGER NOT NULL, hoist INTEGER NOT NULL,"
	" mentionable INTEGER NOT NULL, managed INTEGER NOT NULL);"
	"CREATE INDEX role_guild ON role (guild_id);"
	"CREATE TABLE channel ("
	" id INTEGER PRIMARY KEY, guild_id INTEGER NOT NULL REFERENCES guild,"
	" type INTEGER NOT NULL, name TEXT NOT NULL, topic TEXT,"
	" parent_id INTEGER NOT NULL, position INTEGER NOT NULL,"
	" flags INTEGER NOT NULL, bitrate INTEGER NOT NULL,"
	" user_limit INTEGER NOT NULL, rate_limit_s INTEGER NOT NULL,"
	" nsfw INTEGER NOT NULL, last_pin_ms INTEGER NOT NULL);"
	"CREATE INDEX channel_guild ON channel (guild_id);"
	"CREATE TABLE overwrite ("
	" channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,"
	" target_id INTEGER NOT NULL, target INTEGER NOT NULL,"
	" allow INTEGER NOT NULL, deny INTEGER NOT NULL,"
	" PRIMARY KEY (channel_id, target_id)) WITHOUT ROWID;"
	"CREATE INDEX overwrite_target ON overwrite (target_id);"
	"CREATE TABLE member ("
	" guild_id INTEGER NOT NULL REFERENCES guild,"
	" user_id INTEGER NOT NULL REFERENCES user, nick TEXT,"
	" joined_ms INTEGER NOT NULL, timeout_until_ms INTEGER NOT NULL,"
	" flags INTEGER NOT NULL, deaf INTEGER NOT NULL,"
	" mute INTEGER NOT NULL, pending INTEGER NOT NULL,"
	" PRIMARY KEY (guild_id, user_id)) WITHOUT ROWID;"
	"CREATE TABLE member_role ("
	" guild_id INTEGER NOT NULL, user_id INTEGER NOT NULL,"
	" role_id INTEGER NOT NULL REFERENCES role ON DELETE CASCADE,"
	" PRIMARY KEY (guild_id, user_id, role_id),"
	" FOREIGN KEY (guild_id, user_id) REFERENCES member ON DELETE CASCADE"
	") WITHOUT ROWID;"
	"CREATE INDEX member_role_role ON member_role (role_id);"
	"CREATE TABLE ban ("
	" guild_id INTEGER NOT NULL REFERENCES guild,"
	" user_id INTEGER NOT NULL, PRIMARY KEY (guild_id, user_id)"
	") WITHOUT ROWID;"
	"CREATE TABLE invite ("
	" code TEXT PRIMARY KEY, guild_id INTEGER NOT NULL REFERENCES guild,"
	" channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,"
	" inviter_id INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
	" max_age_s INTEGER NOT NULL, max_uses INTEGER NOT NULL,"
	" uses INTEGER NOT NULL, temporary INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX invite_channel ON invite (channel_id);"
	"CREATE TABLE webhook ("
	" id INTEGER PRIMARY KEY, guild_id INTEGER NOT NULL REFERENCES guild,"
	" channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,"
	" user_id INTEGER NOT NULL, name TEXT NOT NULL, avatar TEXT);"
	"CREATE INDEX webhook_channel ON webhook (channel_id);";

/* Direct messages. */
static const char schema_2[] =
	"CREATE TABLE direct ("
	" id INTEGER PRIMARY KEY,"
	" low_id INTEGER NOT NULL REFERENCES user,"
	" high_id INTEGER NOT NULL REFERENCES user,"
	" low_open INTEGER NOT NULL, high_open INTEGER NOT NULL,"
	" last_pin_ms INTEGER NOT NULL, UNIQUE (low_id, high_id));";

static const char schema_3[] =
	"CREATE TABLE audit ("
	" id INTEGER PRIMARY KEY,"
	" guild_id INTEGER NOT NULL REFERENCES guild,"
	" user_id INTEGER NOT NULL, target_id INTEGER NOT NULL,"
	" action INTEGER NOT NULL, changes TEXT, options TEXT, reason TEXT);"
	"CREATE INDEX audit_guild ON audit (guild_id, id);";

/* Channels whose messages, files and whatever else are to be deleted. */
static const char schema_4[] =
	"CREATE TABLE gone ("
	" channel_id INTEGER PRIMARY KEY, guild_id INTEGER NOT NULL);";

/* scripts[n] leads from version n to n + 1; 0 is an empty file. */
static const char *const scripts[CATALOG_VERSION] = {
	schema_1, schema_2, schema_3, schema_4,
};

static int read_number(void *ctx, struct db_row *row)
{
	*(uint64_t *)ctx = db_u64(row, 0);
	return 0;
}

static int run_scripts(struct catalog *c, uint64_t version)
{
	char stamp[48];
	int err;

	err = db_script(c->db, "BEGIN");
	for (; version < CATALOG_VERSION && !err; version++)
		err = db_script(c->db, scripts[version]);
	snprintf(stamp, sizeof(stamp), "PRAGMA user_version = %d; COMMIT",
		 CATALOG_VERSION);
	return err ? err : db_script(c->db, stamp);
}

/* Brings the schema from the version on disk to ours, in one transaction. */
static int migrate(struct catalog *c)
{
	uint64_t version = 0;
	int err;

	err = db_query(c->db, "PRAGMA user_version", read_number, &version,
		       "");
	if (err || version == CATALOG_VERSION)
		return err;
	return version > CATALOG_VERSION ? -ENOTSUP : run_scripts(c, version);
}

static int open_files(struct catalog *c, const char *dir)
{
	char path[PATH_MAX];
	int err;

	if (!dir) {
		if (sodium_init() < 0)
			return -EIO;
		randombytes_buf(c->secret.key, sizeof(c->secret.key));
		return db_open(":memory:", &c->db);
	}
	snprintf(path, sizeof(path), "%s/secret", dir);
	err = secret_load(path, &c->secret);
	snprintf(path, sizeof(path), "%s/catalog.db", dir);
	return err ? err : db_open(path, &c->db);
}

int catalog_open(const char *dir, struct catalog **ret_catalog)
{
	struct catalog *c = mem_zalloc(sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	err = open_files(c, dir);
	if (!err)
		err = migrate(c);
	if (err)
		catalog_close(c);
	else
		*ret_catalog = c;
	return err;
}

void catalog_close(struct catalog *c)
{
	if (!c)
		return;
	db_close(c->db);
	sodium_memzero(&c->secret, sizeof(c->secret));
	mem_free(c);
}

const struct secret *catalog_secret(const struct catalog *c)
{
	return &c->secret;
}

int catalog_begin(struct catalog *c)
{
	return db_run(c->db, "BEGIN IMMEDIATE", "");
}

void catalog_rollback(struct catalog *c)
{
	/* SQLite may have done so by itself. */
	if (db_in_transaction(c->db))
		db_run(c->db, "ROLLBACK", "");
}

int catalog_commit(struct catalog *c)
{
	int err = db_run(c->db, "COMMIT", "");

	if (err)
		catalog_rollback(c);
	return err;
}

bool catalog_is_begun(const struct catalog *c)
{
	return db_in_transaction(c->db);
}

int catalog_part_begin(struct catalog *c)
{
	return db_run(c->db, "SAVEPOINT part", "");
}

int catalog_part_end(struct catalog *c, bool keep)
{
	int err = 0;

	/* It went with the whole. */
	if (!keep && !db_in_transaction(c->db))
		return 0;
	if (!keep)
		err = db_run(c->db, "ROLLBACK TO part", "");
	return err ? err : db_run(c->db, "RELEASE part", "");
}

int catalog_id_mark(struct catalog *c, uint64_t *ret_mark)
{
	*ret_mark = 0;
	return db_query(c->db, "SELECT value FROM meta WHERE key = 'id_mark'",
			read_number, ret_mark, "");
}

int catalog_set_id_mark(struct catalog *c, uint64_t mark)
{
	return db_run(c->db,
		      "INSERT INTO meta VALUES ('id_mark', ?1) ON CONFLICT"
		      " DO UPDATE SET value = max(value, ?1)", "i", mark);
}

int catalog_add_user(struct catalog *c, const struct user *u,
		     const char *password)
{
	return db_run(c->db, "INSERT INTO user VALUES (?, ?, ?, ?, ?, ?, ?)",
		      "isssiis", u->id, u->name, u->global_name, u->avatar,
		      (uint64_t)u->discriminator, (uint64_t)u->bot, password);
}

int catalog_set_user(struct catalog *c, const struct user *u)
{
	return db_run(c->db,
		      "UPDATE user SET name = ?2, global_name = ?3,"
		      " avatar = ?4 WHERE id = ?1", "isss", u->id, u->name,
		      u->global_name, u->avatar);
}

int catalog_add_token(struct catalog *c, const uint8_t hash[TOKEN_HASH_SIZE],
		      uint64_t user_id, uint64_t now_ms)
{
	return db_run(c->db, "INSERT INTO token VALUES (?, ?, ?)", "bii",
		      hash, (size_t)TOKEN_HASH_SIZE, user_id, now_ms);
}

int catalog_reset_user(struct catalog *c, uint64_t user_id,
		       const char *password)
{
	int err = db_run(c->db, "DELETE FROM token WHERE user_id = ?", "i",
			 user_id);

	return err ? err : db_run(c->db,
				  "UPDATE user SET password = ?2 WHERE id = ?1",
				  "is", user_id, password);
}

int catalog_del_token(struct catalog *c, const uint8_t hash[TOKEN_HASH_SIZE])
{
	return db_run(c->db, "DELETE FROM token WHERE hash = ?", "b", hash,
		      (size_t)TOKEN_HASH_SIZE);
}
