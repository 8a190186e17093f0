/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lives that end by SIGKILL: a child writes numbered things and says on a pipe
 * which are acknowledged; after so many it is killed.
 */
#ifndef TESTS_KILL_H
#define TESTS_KILL_H

#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Acknowledgements before the kill; a little more in each life. */
#define KILL_ACKS(life) (1500u + 37 * (life))

/* LOOPS in the environment asks for another number of lives. */
static inline unsigned int kill_lives(unsigned int usual)
{
	const char *loops = getenv("LOOPS");

	return loops ? (unsigned int)atoi(loops) : usual;
}

/* In the child, from things number `next` on, for ever. */
typedef void (*kill_child_fn)(const char *dir, uint64_t next, int pipe);

/* The child's: number n is durable. */
static inline void kill_acknowledged(int pipe, uint64_t n)
{
	if (write(pipe, &n, sizeof(n)) != sizeof(n))
		_exit(1);
}

/* One life; returns the last that was acknowledged. */
static inline uint64_t kill_live(kill_child_fn child, const char *dir,
				 uint64_t next, uint64_t acks_before_kill)
{
	uint64_t n, last = next - 1, acks = 0;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		child(dir, next, fds[1]);
		_exit(2);
	}
	close(fds[1]);
	/* After the kill, too, what was said counts. */
	while (read(fds[0], &n, sizeof(n)) == sizeof(n)) {
		if (n > last)
			last = n;
		if (++acks == acks_before_kill)
			kill(pid, SIGKILL);
	}
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(acks >= acks_before_kill);
	return last;
}

static inline int kill_remove_one(const char *path, const struct stat *st,
				  int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void kill_remove_tree(const char *dir)
{
	nftw(dir, kill_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
