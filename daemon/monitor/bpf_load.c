// SPDX-License-Identifier: Apache-2.0
#include "monitor/bpf_load.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

/*
 * The end of what libbpf said: the verifier's verdict comes last, but for
 * sentences that only say that it failed.
 */
static char said[512];

static __attribute__((format(printf, 2, 0))) int
keep(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[sizeof(said)];
	size_t size;

	if (level > LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	size = strcspn(line, "\n");
	if (size && !strstr(line, "failed to load BPF skeleton") &&
	    !strstr(line, "failed to load object"))
		snprintf(said, sizeof(said), "%.*s", (int)size, line);
	return 0;
}

void bpf_load_begin(void)
{
	said[0] = 0;
	libbpf_set_print(keep);
}

static const char *advice(int err)
{
	if (err == -EPERM)
		return "CAP_BPF and CAP_PERFMON are needed (run as root)";
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return "this kernel carries no BTF (CONFIG_DEBUG_INFO_BTF)";
	if (err == -ESRCH)
		return "the kernel's BTF cannot be read";
	if (err == -ENOSYS || err == -EOPNOTSUPP)
		return "this kernel was built without eBPF (CONFIG_BPF_SYSCALL)";
	if (err == -ENOMEM)
		return "out of memory";
	return "the kernel refused the programs";
}

void bpf_load_end(int err, char *why, size_t why_size)
{
	/* without the right to, libbpf's guesses only mislead */
	if (err == -EPERM)
		said[0] = 0;
	if (err)
		snprintf(why, why_size, "%s: %s%s%s", advice(err),
			 strerror(-err), said[0] ? "; " : "", said);
	libbpf_set_print(NULL);
}

uint64_t bpf_load_misses(const struct bpf_object *object)
{
	struct bpf_program *program;
	uint64_t misses = 0;

	bpf_object__for_each_program(program, object) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(program), &info,
					    &size))
			misses += info.recursion_misses;
	}
	return misses;
}

void *bpf_load_map_array(const struct bpf_map *map, size_t *ret_size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (size_t)bpf_map__value_size(map) *
		      bpf_map__max_entries(map);
	void *memory;

	size = (size + page - 1) / page * page;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		return NULL;
	*ret_size = size;
	return memory;
}
