#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Blank SSDs are warmed.  After a move to a machine with blank SSDs what was hot
# comes back from the heat that superdiskd kept; with --advice it only says so.
# vm: timeout=600 tools=jq
# shellcheck disable=SC2317,SC2154 # lib.sh calls and sets them
. ./lib.sh

log=/tmp/superdiskd.log

# care_for [OPTION...]: superdiskd from now on
care_for() {
	start superdiskd --listen none --socket /tmp/sock --no-block \
		--state /tmp/state "$@" 2> $log
	daemon=$!
	must wait_for 60 grep -q 'module_found' $log
}

care_no_more() {
	kill -TERM "$daemon"
	wait "$daemon"
}

# share POSITION: of its pages that are valid, in percent
share() {
	superdisk status --json fast |
		jq ".[0].ssds[$1] | 100 * .pages_valid / .pages_total | floor"
}

# The disk is smaller than its SSDs: full is what is left of them.
is_warm() {
	[[ $(share "$1") -ge 75 ]]
}

must load_module dm-superdisk
must virtio_disk ssd0
must virtio_disk ssd1
make_disk disk0 48 200000
must dd if=/dev/zero of="$ssd0" bs=1M count=1 oflag=direct status=none
must dd if=/dev/zero of="$ssd1" bs=1M count=1 oflag=direct status=none
must superdisk create fast "$disk0" "$ssd0" "$ssd1" --mode mirror
care_for
ok warms_blank_ssds wait_for 120 is_warm 0
ok both_of_them wait_for 60 is_warm 1
like says_why "$(grep ' warm ' $log)" 'why="blank ssd=.*" heat=none'

# the machine is exchanged for one with blank SSDs
for _ in 1 2 3 4; do
	dd if=/dev/mapper/fast of=/dev/null bs=64k count=64 iflag=direct \
		status=none
done
care_no_more
ok keeps_the_heat test -s /tmp/state/fast.heat
must superdisk remove fast
must dd if=/dev/zero of="$ssd0" bs=1M count=32 oflag=direct status=none
must dd if=/dev/zero of="$ssd1" bs=1M count=32 oflag=direct status=none
must superdisk create fast "$disk0" "$ssd0" "$ssd1" --mode mirror

care_for --advice
ok says_what_it_would_do wait_for 60 grep -q 'warm .*advice=1' $log
is and_does_not "$(superdisk status --json fast |
	jq '[.[0].ssds[].counters.warmed] | add')" 0
care_no_more

care_for
ok warms_after_a_move wait_for 120 is_warm 0
like with_what_was_hot "$(grep ' warm ' $log)" 'heat=loaded'
note "$(grep ' warm ' $log)"

# a damaged file costs the order, not the warming
care_no_more
must superdisk remove fast
must dd if=/dev/zero of="$ssd0" bs=1M count=32 oflag=direct status=none
must dd if=/dev/urandom of=/tmp/state/fast.heat bs=100 count=1 conv=notrunc \
	status=none
must superdisk create fast "$disk0" "$ssd0" "$ssd1" --mode mirror
care_for
ok warms_without_heat_too wait_for 120 is_warm 0
like and_says_that_it_was_damaged "$(cat $log)" 'heat_not_loaded'

# by hand
ok warm_command_stops superdisk warm fast --stop
ok and_starts superdisk warm --json fast --rate 1024
care_no_more
must superdisk remove fast
done_testing
