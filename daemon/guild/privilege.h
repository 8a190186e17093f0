/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up what a daemon needs only to start. */
#ifndef GUILD_PRIVILEGE_H
#define GUILD_PRIVILEGE_H

/*
 * Becomes `user` (NULL: the owner of `dir`) if root, gives `dir` to it, drops
 * every capability and forbids to gain new ones.  Before any thread is
 * started.  0, or a negative errno after which the process should not go on.
 */
int privilege_drop(const char *user, const char *dir);

#endif
