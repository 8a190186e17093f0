#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The socket programs load on this kernel and agree with what was exchanged:
# the unit tests of the monitor, here on the kernels that they must run on.
# vm: timeout=240 tools=env
. ./lib.sh

must ip link set lo up
for name in sockets processes; do
	CMOCKA_MESSAGE_OUTPUT=TAP monitor_${name}_test > /tmp/out
	status=$?
	sed 's/^/# /' /tmp/out >&5
	is the_test_of_${name}_passes $status 0
	is nothing_of_${name}_is_skipped "$(grep -c SKIP /tmp/out)" 0
done
done_testing
