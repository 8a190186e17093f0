// SPDX-License-Identifier: Apache-2.0
#include "monitor/capabilities.h"

#include <errno.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/prctl.h>

int capabilities_drop(bool keep_net_admin)
{
	const cap_value_t net_admin = CAP_NET_ADMIN;
	cap_flag_value_t held = CAP_CLEAR;
	cap_t now, wanted;
	int err = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	now = cap_get_proc();
	wanted = cap_init();
	if (!now || !wanted)
		err = -ENOMEM;
	if (!err)
		cap_get_flag(now, net_admin, CAP_PERMITTED, &held);
	if (!err && keep_net_admin && held == CAP_SET) {
		cap_set_flag(wanted, CAP_PERMITTED, 1, &net_admin, CAP_SET);
		cap_set_flag(wanted, CAP_EFFECTIVE, 1, &net_admin, CAP_SET);
	}
	if (!err && cap_set_proc(wanted))
		err = -errno;
	cap_free(now);
	cap_free(wanted);
	return err;
}
