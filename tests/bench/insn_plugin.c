// SPDX-License-Identifier: Apache-2.0
/*
 * A plugin of QEMU's emulator that counts the instructions which a guest runs
 * between two marks, by address.  A mark is a NOP whose displacement says which
 * (insn_mark.h); what is between the first and the second is a window:
 *
 *	window N
 *	ADDRESS INSTRUCTIONS LOCKED	of one translated block; the address in hex
 *
 * is written to the file that the argument out= names.  LOCKED of the instructions
 * are those that lock memory against other CPUs.  One emulated CPU.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "insn_mark.h"

/* Of QEMU's plugin interface, version 1, which is stable; no package has it. */
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { PLUGIN_NO_REGISTERS };
enum { PLUGIN_ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
	void (*fn)(plugin_id id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb,
	int op, void *at, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
	void (*fn)(unsigned int cpu, void *data), int registers, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(
	const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* A translated block: where, what it is made of, how often it has run. */
struct block {
	struct block *next;
	uint64_t address;
	uint64_t insns, locked;
	uint64_t runs;
};

static struct block *blocks;
static FILE *out;
static int windows;

static void begin_window(unsigned int cpu, void *data)
{
	struct block *b;

	(void)cpu;
	(void)data;
	for (b = blocks; b; b = b->next)
		b->runs = 0;
}

static void end_window(unsigned int cpu, void *data)
{
	struct block *b;

	(void)cpu;
	(void)data;
	fprintf(out, "window %d\n", windows++);
	for (b = blocks; b; b = b->next)
		if (b->runs)
			fprintf(out, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
				b->address, b->runs * b->insns,
				b->runs * b->locked);
	fflush(out);
}

static bool is_mark(const struct qemu_plugin_insn *insn, const uint8_t *mark)
{
	return qemu_plugin_insn_size(insn) == INSN_MARK_SIZE &&
	       !memcmp(qemu_plugin_insn_data(insn), mark, INSN_MARK_SIZE);
}

/* Has it the prefix, or is it an exchange with memory, which needs none? */
static bool is_locked(const struct qemu_plugin_insn *insn)
{
	static const char prefixes[] = "\x66\x67\xf2\xf3\x2e\x36\x3e\x26\x64\x65\xf0";
	const uint8_t *byte = qemu_plugin_insn_data(insn);
	const uint8_t *end = byte + qemu_plugin_insn_size(insn);

	for (; byte < end && memchr(prefixes, *byte, sizeof(prefixes) - 1); byte++)
		if (*byte == 0xf0)
			return true;
	if (byte < end && *byte >> 4 == 4)	/* REX */
		byte++;
	return end - byte >= 2 && (*byte | 1) == 0x87 && byte[1] >> 6 != 3;
}

static void look_for_marks(struct qemu_plugin_tb *tb)
{
	static const uint8_t begin[] = { INSN_MARK_BEGIN };
	static const uint8_t end[] = { INSN_MARK_END };
	struct qemu_plugin_insn *insn;
	size_t i;

	for (i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (is_mark(insn, begin))
			qemu_plugin_register_vcpu_insn_exec_cb(insn,
				begin_window, PLUGIN_NO_REGISTERS, NULL);
		else if (is_mark(insn, end))
			qemu_plugin_register_vcpu_insn_exec_cb(insn,
				end_window, PLUGIN_NO_REGISTERS, NULL);
	}
}

/* Blocks stay in the list when QEMU translates them anew: counts add up. */
static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	struct block *b = calloc(1, sizeof(*b));
	size_t i;

	(void)id;
	if (!b)
		abort();
	b->address = qemu_plugin_tb_vaddr(tb);
	b->insns = qemu_plugin_tb_n_insns(tb);
	for (i = 0; i < b->insns; i++)
		b->locked += is_locked(qemu_plugin_tb_get_insn(tb, i));
	b->next = blocks;
	blocks = b;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, PLUGIN_ADD_U64, &b->runs, 1);
	look_for_marks(tb);
}

__attribute__((visibility("default")))
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = fopen(argv[0] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
