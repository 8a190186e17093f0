#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The socket programs load on this kernel and agree with what was exchanged:
# the unit test of the monitor, here on the kernels that it must run on.
# vm: timeout=240 tools=env
. ./lib.sh

must ip link set lo up
CMOCKA_MESSAGE_OUTPUT=TAP monitor_sockets_test > /tmp/out
status=$?
sed 's/^/# /' /tmp/out >&5
is the_test_passes $status 0
is nothing_is_skipped "$(grep -c SKIP /tmp/out)" 0
done_testing
