/* SPDX-License-Identifier: Apache-2.0 */
/* What loading any family of eBPF programs needs.  One thread. */
#ifndef MONITOR_BPF_LOAD_H
#define MONITOR_BPF_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

/*
 * Between begin and end, libbpf's complaints are kept instead of printed.
 * bpf_load_end() turns @err of a failed load into a sentence in @why: what is
 * missing and how to get it, else the kernel's own last words.
 */
void bpf_load_begin(void);
void bpf_load_end(int err, char *why, size_t why_size);

/*
 * How often the kernel did not run one of @object's programs, as an interrupt
 * came while the same program ran on that CPU.
 */
uint64_t bpf_load_misses(const struct bpf_object *object);

/* Maps all of array map @map; NULL with errno set on failure. */
void *bpf_load_map_array(const struct bpf_map *map, size_t *ret_size);

#endif
