// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "proto/files.h"
#include "proto/multipart.h"

static void reads_the_boundary(void **state)
{
	char boundary[MULTIPART_BOUNDARY_MAX];

	(void)state;
	assert_true(multipart_boundary("multipart/form-data; boundary=abc",
				       boundary));
	assert_string_equal(boundary, "abc");
	assert_true(multipart_boundary("Multipart/Form-Data; a=\"; boundary=x\";"
				       " Boundary=\"a b\"; c=d", boundary));
	assert_string_equal(boundary, "a b");
	assert_false(multipart_boundary("application/json", boundary));
	assert_false(multipart_boundary("multipart/form-data", boundary));
}

static const char form[] =
	"--B\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n"
	"Content-Type: application/json\r\n\r\n{}\r\n"
	"--B\r\ncontent-disposition: form-data; name=\"files[0]\";"
	" filename=\"a \\\"b\\\".png\"\r\n\r\n\r\n--Bx\r\n"
	"--B\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--B--\r\n";

static void reads_the_parts(void **state)
{
	struct multipart_part part;
	struct multipart m;

	(void)state;
	multipart_init(&m, "B", form, sizeof(form) - 1);
	assert_int_equal(multipart_next(&m, &part), 1);
	assert_string_equal(part.name, "payload_json");
	assert_string_equal(part.filename, "");
	assert_int_equal(part.size, 2);
	assert_memory_equal(part.data, "{}", 2);
	/* A mark that goes on is still a mark: nobody may send such a body. */
	assert_int_equal(multipart_next(&m, &part), 1);
	assert_string_equal(part.name, "files[0]");
	assert_string_equal(part.filename, "a \"b\".png");
	assert_int_equal(part.size, 0);
	assert_int_equal(multipart_next(&m, &part), -EINVAL);
}

static void cut_anywhere_it_is_no_form(void **state)
{
	static const char whole[] =
		"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nxy\r\n"
		"--B--";

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		struct multipart_part part;
		struct multipart m;
		int more;

		multipart_init(&m, "B", whole, len);
		while ((more = multipart_next(&m, &part)) > 0)
			;
		assert_int_equal(more, -EINVAL);
	}
}

static void names_become_such_that_a_url_may_have(void **state)
{
	char name[FILE_NAME_MAX];

	(void)state;
	files_name_clean(name, "../a b\"<é>?.PNG");
	assert_string_equal(name, "..a_b.PNG");
	assert_string_equal(files_type_of(name), "image/png");
	files_name_clean(name, "..");
	assert_string_equal(name, "file");
	assert_string_equal(files_type_of("x.html"),
			    "application/octet-stream");
}

static void paths_are_read_back(void **state)
{
	static const char *const bad[] = {
		"/attachments/1/2/", "/attachments/1/2", "/attachments/x/2/n",
		"/attachments/1/-2/n", "/attachments/1/2/n/m", "/x/1/2/n",
	};
	char path[FILE_PATH_MAX];
	uint64_t channel, id;
	const char *name;

	(void)state;
	files_path(path, 12, 34, "n.txt", "abc");
	assert_string_equal(path, "/attachments/12/34/n.txt?hm=abc");
	*strchr(path, '?') = 0;
	assert_true(files_path_parse(path, &channel, &id, &name));
	assert_int_equal(channel, 12);
	assert_int_equal(id, 34);
	assert_string_equal(name, "n.txt");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(files_path_parse(bad[i], &channel, &id, &name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_boundary),
		cmocka_unit_test(reads_the_parts),
		cmocka_unit_test(cut_anywhere_it_is_no_form),
		cmocka_unit_test(names_become_such_that_a_url_may_have),
		cmocka_unit_test(paths_are_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
