/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks for insn_plugin.c: NOPs of 8 bytes, `nopl N(%rax,%rax,1)`, with numbers
 * that no compiler comes upon.
 */
#ifndef INSN_MARK_H
#define INSN_MARK_H

#define INSN_MARK_SIZE	8
#define INSN_MARK_BEGIN	0x0f, 0x1f, 0x84, 0x00, 0x01, 0x5d, 0xe5, 0x4d
#define INSN_MARK_END	0x0f, 0x1f, 0x84, 0x00, 0x02, 0x5d, 0xe5, 0x4d

#define INSN_STRING_(...)	#__VA_ARGS__
#define INSN_STRING(...)	INSN_STRING_(__VA_ARGS__)
#define INSN_MARK(which)	__asm__ volatile(".byte " INSN_STRING(which) \
						 ::: "memory")

#endif
