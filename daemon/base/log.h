/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on stderr: `level component event key=value ...`.  Ids,
 * never pointers; never a message body or a token.  Any thread.
 *
 *	log_warn("store", "shard_slow", "shard=%u sync_ms=%u", shard, ms);
 *
 * Each place in the code may write LOG_BURST lines in a second; what it had to
 * keep back it says in its next line (`suppressed=N`).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#define LOG_BURST 10
#define LOG_LINE_MAX 512

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* One per place in the code. */
struct log_site {
	atomic_uint_least64_t window;	/* second << 32 | lines in it */
	atomic_uint suppressed;
};

/* What is above is not written; LOG_INFO at first. */
void log_set_level(enum log_level level);
/* Where to instead of stderr. */
void log_set_fd(int fd);
/*
 * Where standard error is systemd's journal ($JOURNAL_STREAM), gives each line
 * its priority, as sd-daemon(3) has it.
 */
void log_find_journal(void);

void log_write(struct log_site *site, enum log_level level,
	       const char *component, const char *event, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#define log_at(level, component, event, ...) do {			\
	static struct log_site log_site_;				\
	log_write(&log_site_, level, component, event, " " __VA_ARGS__);\
} while (0)

/* The format is a literal; it may be "". */
#define log_error(component, event, ...) \
	log_at(LOG_ERROR, component, event, __VA_ARGS__)
#define log_warn(component, event, ...) \
	log_at(LOG_WARN, component, event, __VA_ARGS__)
#define log_info(component, event, ...) \
	log_at(LOG_INFO, component, event, __VA_ARGS__)
#define log_debug(component, event, ...) \
	log_at(LOG_DEBUG, component, event, __VA_ARGS__)

#endif
