// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Relaxed throughout: settings and counters, they order nothing else. */
static atomic_int max_level = LOG_INFO;
static atomic_int out_fd = STDERR_FILENO;
static atomic_bool to_journal;

static const char *const level_names[] = { "error", "warn", "info", "debug" };
/* Likewise, of syslog(3). */
static const int priorities[] = { 3, 4, 6, 7 };

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, level, memory_order_relaxed);
}

void log_set_fd(int fd)
{
	atomic_store_explicit(&out_fd, fd, memory_order_relaxed);
}

void log_find_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	if (stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	    !fstat(STDERR_FILENO, &st) && st.st_dev == dev && st.st_ino == ino)
		atomic_store_explicit(&to_journal, true, memory_order_relaxed);
}

static uint64_t now_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec;
}

/* Counts a line in this second's window of the place; false: too many. */
static bool may_write(struct log_site *site)
{
	uint64_t second = now_seconds() << 32;
	uint64_t old = atomic_load_explicit(&site->window, memory_order_relaxed);
	uint64_t new;

	do {
		new = old >> 32 == second >> 32 ? old + 1 : second + 1;
		if ((uint32_t)new > LOG_BURST) {
			atomic_fetch_add_explicit(&site->suppressed, 1,
						  memory_order_relaxed);
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&site->window, &old, new,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

/* A line is a line, whatever a value contains.  Returns its length. */
static size_t tidy(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 127)
			line[i] = '?';
	while (len && line[len - 1] == ' ')
		len--;
	return len;
}

/* The length after a printf of `n` bytes at `len`, cut to the line. */
static size_t advance(size_t len, int n)
{
	len += n > 0 ? (size_t)n : 0;
	return len < LOG_LINE_MAX - 1 ? len : LOG_LINE_MAX - 1;
}

void log_write(struct log_site *site, enum log_level level,
	       const char *component, const char *event, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	unsigned int suppressed;
	va_list ap;
	size_t len = 0;

	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed) ||
	    !may_write(site))
		return;
	if (atomic_load_explicit(&to_journal, memory_order_relaxed))
		len = advance(0, snprintf(line, sizeof(line), "<%d>",
					  priorities[level]));
	len = advance(len, snprintf(line + len, sizeof(line) - len, "%s %s %s",
				    level_names[level], component, event));
	va_start(ap, fmt);
	len = advance(len, vsnprintf(line + len, sizeof(line) - len, fmt, ap));
	va_end(ap);
	suppressed = atomic_exchange_explicit(&site->suppressed, 0,
					      memory_order_relaxed);
	if (suppressed)
		len = advance(len, snprintf(line + len, sizeof(line) - len,
					    " suppressed=%u", suppressed));
	len = tidy(line, len);
	line[len++] = '\n';
	/* One write: lines of threads do not mix.  Nobody to tell on failure. */
	if (write(atomic_load_explicit(&out_fd, memory_order_relaxed), line,
		  len) < 0)
		return;
}
