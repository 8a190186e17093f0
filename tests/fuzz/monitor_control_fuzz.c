// SPDX-License-Identifier: Apache-2.0
/*
 * The control socket: any line gets exactly one line of JSON back; and any
 * JSON may come as an answer to the command, which takes it or refuses it.
 */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "monitor/control.h"
#include "monitor/hist.h"
#include "monitor/latency.h"
#include "monitor/socket_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct socket_names *names;

static json_t *answer_echo(void *ctx, const json_t *request)
{
	(void)ctx;
	return json_pack("{sO}", "asked", request);
}

static json_t *answer_name(void *ctx, const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	uint64_t cookie = (uint64_t)json_integer_value(
		json_object_get(request, "cookie"));

	(void)ctx;
	if (name && !socket_names_set(names, cookie, name))
		check(!strcmp(socket_names_get(names, cookie), name));
	return json_object();
}

static const struct control_command commands[] = {
	{ "echo", answer_echo },
	{ "name", answer_name },
	{ NULL, NULL },
};

static void as_request(const uint8_t *data, size_t size)
{
	struct buf out = BUF_INIT;
	json_t *answer;

	control_answer(commands, NULL, (const char *)data, size, &out);
	check(out.len && memchr(out.data, '\n', out.len) ==
	      out.data + out.len - 1);
	answer = json_loadb(out.data, out.len, 0, NULL);
	check(json_is_object(answer));
	json_decref(answer);
	buf_fini(&out);
}

static void as_answer(const uint8_t *data, size_t size)
{
	json_t *document = json_loadb((const char *)data, size, 0, NULL);
	struct latency *latency = latency_new();

	check(latency);
	if (document && !latency_from_json(document, latency)) {
		check(latency->count <= BLOCK_SERIES_MAX);
		latency_merge_parents(latency);
	}
	mem_free(latency);
	json_decref(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!names)
		check(!socket_names_new(&names));
	as_request(data, size);
	as_answer(data, size);
	return 0;
}
