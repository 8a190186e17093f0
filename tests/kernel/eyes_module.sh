#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The superdisk command makes a Super-Disk, reads its state over netlink,
# routes around an SSD and back, and says what happened.
# vm: timeout=400 tools=jq,bpftool
# shellcheck disable=SC2317,SC2154 # lib.sh calls and sets them
. ./lib.sh

events=/tmp/events
trace=/tmp/trace

state_of() {
	superdisk status --json fast | jq -r ".[0].ssds[$1].state"
}

# traced OPERATION: a request of ours shows up in the trace
traced() {
	dd if=/dev/mapper/fast of=/dev/null bs=4k count=1 iflag=direct \
		status=none
	grep -q "\"operation\":\"$1\"" "$trace"
}

counter() {
	superdisk status --json fast |
		jq "[.[0].counters.$1, .[0].ssds[].counters.$1] | add"
}

[[ ! -d /sys/module/dm_superdisk ]] || must rmmod dm-superdisk
like says_that_the_module_is_missing "$(superdisk list 2>&1)" 'not loaded'
must load_module dm-superdisk
is lists_nothing_at_first "$(superdisk list --json)" '[]'

make_ssd ssd0 64
make_ssd ssd1 64
make_disk disk0 96
# shellcheck disable=SC2154 # set by make_ssd
ok creates superdisk create fast "$disk0" "$ssd0" "$ssd1" --mode mirror
start superdisk events --json > $events 2>&1

is lists_it "$(superdisk list --json | jq -r '.[].name')" fast
is has_two_ssds "$(superdisk status --json fast | jq '.[0].ssds | length')" 2
is is_in_service "$(state_of 0)" in
note "$(superdisk status fast)"
not_ok knows_no_other superdisk status slow
start superdisk trace --json fast > $trace 2> $trace.err
ok traces_requests wait_for 60 traced read

for _ in 1 2 3; do
	dd if=/dev/mapper/fast of=/dev/null bs=64k count=32 iflag=direct \
		status=none
	sync
done
ok counts_hits test "$(counter hits)" -gt 0
note "$(superdisk status fast)"
like trace_tells_misses_from_hits "$(cut -c-300 $trace | head -100)" \
	'"path":"miss"'
ok and_hits grep -q '"path":"hit"' $trace

ok routes_around_an_ssd superdisk bypass fast 0
is says_so "$(state_of 0)" bypass
ok takes_it_back superdisk restore fast 0
is it_serves_again "$(state_of 0)" in
ok takes_an_ssd_out superdisk remove-ssd fast 1
is the_position_is_vacant "$(state_of 1)" vacant
ok puts_it_in_again superdisk add-ssd fast 1 "$ssd1"
is which_then_serves "$(state_of 1)" in
not_ok refuses_what_is_taken superdisk add-ssd fast 1 "$ssd1"
not_ok refuses_a_position_out_of_the_table superdisk bypass fast 9
wait_for 10 grep -q vacant $events
like tells_of_it_as_it_happens "$(cat $events)" '"position":1,"state":"vacant"'
# A kernel that answers garbage: said clearly, and the rest goes on.
for how in length short noise; do
	like "says_that_it_cannot_read_it_$how" \
		"$(LD_PRELOAD=/usr/local/bin/garble.so GARBLE=$how \
			timeout 20 superdisk status 2>&1)" 'cannot be read'
done
LD_PRELOAD=/usr/local/bin/garble.so GARBLE=noise start superdiskd \
	--listen none --socket /tmp/sock --state none 2> /tmp/garbled.log
daemon=$!
ok superdiskd_says_so_too wait_for 60 grep -q module_garbled /tmp/garbled.log
is once "$(grep -c module_garbled /tmp/garbled.log)" 1
# measures DEVICE: a read of it is seen
measures() {
	dd if="$1" of=/dev/null bs=4k count=1 iflag=direct status=none
	superdisk latency --socket /tmp/sock --json |
		jq -e '.series | length > 0'
}
ok and_measures_all_the_same wait_for 30 measures "$disk0"
kill -TERM $daemon
wait $daemon
is and_ends_cleanly $? 0

# Events that the kernel had no room for are counted, and others still come.
LD_PRELOAD=/usr/local/bin/garble.so GARBLE=overrun start superdiskd --advice \
	--listen none --socket /tmp/sock --state none --no-block 2> /tmp/lost.log
daemon=$!
must wait_for 60 grep -q module_found /tmp/lost.log
must superdisk bypass fast 0
ok says_that_events_were_lost wait_for 20 grep -q events_lost /tmp/lost.log
must superdisk restore fast 0
ok and_hears_the_next wait_for 20 grep -q 'leg_state .*state=in' /tmp/lost.log
kill -TERM $daemon
wait $daemon

# Killed at any moment of its start, and after: the module serves, and nothing
# stays attached.
since=$EPOCHREALTIME
start superdiskd --listen none --socket /tmp/sock --state none --sockets \
	2> /tmp/killed.log
daemon=$!
must wait_for 60 grep -q ' ready ' /tmp/killed.log
start_ms=$(((${EPOCHREALTIME/./} - ${since/./}) / 1000))
kill -KILL $daemon
wait $daemon
for part in 1 2 3; do
	timeout -s KILL "$(jq -n "$start_ms * $part / 4000")" superdiskd \
		--listen none --socket /tmp/sock --state none --sockets \
		2>> /tmp/killed.log
done 2> /dev/null
ok serves_when_superdiskd_was_killed dd if=/dev/mapper/fast of=/dev/null \
	bs=64k count=64 iflag=direct status=none
is all_ssds_are_in_service "$(state_of 0) $(state_of 1)" "in in"
no_programs() {
	! bpftool prog show | grep -qE 'name (bio_|rq_|set_state|segment)'
}
ok nothing_stays_attached wait_for 30 no_programs
note "$(grep -c ' ready ' /tmp/killed.log) of 4 were ready when they were killed"

ok removes superdisk remove fast

# SSDs smaller than the disk: who decides what stays, and how much there is room
make_ssd ssd2 8
# shellcheck disable=SC2154
must superdisk create small "$disk0" "$ssd2" --option policy=sieve
must dd if=/dev/mapper/small of=/dev/null bs=4k count=64 skip=999 iflag=direct \
	status=none
blocks_taken() {
	superdisk status --json small | jq -e '.[0] | .mode == "cache" and
		.policy == "sieve" and .ssds[0].slots_used > 0 and
		.ssds[0].slots_used <= .ssds[0].slots_total'
}
ok shows_policy_and_room_of_a_cache wait_for 20 blocks_taken
like in_words_too "$(superdisk status small)" \
	'cache by sieve over.*[1-9][0-9]* of [1-9][0-9]* blocks taken'
must superdisk remove small
is is_gone "$(superdisk list --json)" '[]'
done_testing
