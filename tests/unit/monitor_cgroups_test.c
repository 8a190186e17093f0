// SPDX-License-Identifier: Apache-2.0
/* Paths of cgroups, over a tree of folders of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "monitor/cgroups.h"

static char root[] = "/tmp/superdisk-cgroups-XXXXXX";
static const char *const folders[] = {
	"system.slice", "system.slice/chatd.service", "user.slice",
};
#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

static uint64_t make_folder(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void remove_folder(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	rmdir(path);
}

static void ids_have_paths(void **state)
{
	struct cgroups *cgroups;
	uint64_t id[FOLDERS];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < FOLDERS; i++)
		id[i] = make_folder(folders[i]);
	assert_int_equal(cgroups_new(root, CGROUPS_SOCKETS, &cgroups), 0);
	for (size_t i = 0; i < FOLDERS; i++) {
		const char *path = cgroups_path(cgroups, id[i]);

		assert_int_equal(path[0], '/');
		assert_string_equal(path + 1, folders[i]);
	}
	assert_int_equal(stat(root, &st), 0);
	assert_string_equal(cgroups_path(cgroups, st.st_ino), "/");
	assert_string_equal(cgroups_path(cgroups, 0), "");
	assert_string_equal(cgroups_path(cgroups, 1), "");
	cgroups_free(cgroups);
	for (size_t i = FOLDERS; i-- > 0;)
		remove_folder(folders[i]);
	rmdir(root);
}

static void without_a_hierarchy_nothing_has_a_path(void **state)
{
	struct cgroups *cgroups;

	(void)state;
	assert_int_equal(cgroups_new("/nowhere", CGROUPS_BLOCK, &cgroups), 0);
	assert_string_equal(cgroups_path(cgroups, 4711), "");
	cgroups_free(cgroups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_have_paths),
		cmocka_unit_test(without_a_hierarchy_nothing_has_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
