// SPDX-License-Identifier: Apache-2.0
#include "guild/privilege.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The folder and the files in it: what the start itself has made. */
static int give_folder(const char *dir, uid_t uid, gid_t gid)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	if (!d)
		return -errno;
	while ((entry = readdir(d)))
		if (strcmp(entry->d_name, "..") &&
		    fchownat(dirfd(d), entry->d_name, uid, gid,
			     AT_SYMLINK_NOFOLLOW)) {
			closedir(d);
			return -errno;
		}
	closedir(d);
	return 0;
}

static int whom(const char *user, const char *dir, uid_t *ret_uid,
		gid_t *ret_gid)
{
	const struct passwd *pw;
	struct stat st;

	if (user) {
		pw = getpwnam(user);
		if (!pw)
			return -ENOENT;
		*ret_uid = pw->pw_uid;
		*ret_gid = pw->pw_gid;
		return give_folder(dir, pw->pw_uid, pw->pw_gid);
	}
	if (stat(dir, &st))
		return -errno;
	*ret_uid = st.st_uid;
	*ret_gid = st.st_gid;
	return 0;
}

static int become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_capset, &head, none))
		return -errno;
	return 0;
}

int privilege_drop(const char *user, const char *dir)
{
	uid_t uid = 0;
	gid_t gid = 0;
	int err = 0;

	if (!geteuid()) {
		err = whom(user, dir, &uid, &gid);
		if (!err && uid)
			err = become(uid, gid);
	}
	return err ? err : drop_capabilities();
}
