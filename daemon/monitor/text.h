/* SPDX-License-Identifier: Apache-2.0 */
/* Figures as people read them.  Any thread. */
#ifndef MONITOR_TEXT_H
#define MONITOR_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_SIZE 24

/* "850 ns", "85 us", "1.2 ms", "34 s": two digits at least, three at most. */
const char *text_time(uint64_t ns, char text[TEXT_SIZE]);

/* "999", "12.3 k", "4.5 M" */
const char *text_count(uint64_t count, char text[TEXT_SIZE]);

/* "512 B", "4 KiB", "1.5 MiB" */
const char *text_bytes(uint64_t bytes, char text[TEXT_SIZE]);

/*
 * Names that others have chosen (of a process, a cgroup, a device) may hold any
 * byte; those that JSON or a terminal would not take become '?'.
 */
void text_make_printable(char *name);

/* Likewise of the @from_size bytes at @from, or up to their 0, into @text. */
const char *text_printable(const char *from, size_t from_size,
			   char text[TEXT_SIZE]);

#endif
