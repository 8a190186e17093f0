#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every change of state is told to udev and to netlink listeners, in order.
# vm: timeout=300 tools=jq
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

make_disk disk0 32 200000
make_mortal ssd0 24
make_mortal ssd1 24
make_ssd tiny 4
must load_module dm-superdisk
start netlink uevents > /tmp/uevents
start superdisk events --json > /tmp/events

# Both listeners see the same; wait for it before the next step.
want=()
expect() {
	local name=$1 line
	shift
	for line; do want+=("$line"); done
	ok "$name" wait_for 60 told
}

# What superdisk events says, as netlink uevents does.
netlink_says() {
	jq -r '[.event, (if .position == null then -1 else .position end),
		.state // "-"] | map(tostring) | join(" ")' /tmp/events
}

told() {
	[[ $(cat /tmp/uevents) == "$(printf '%s\n' "${want[@]}")" ]] &&
		[[ $(netlink_says | cut -d ' ' -f 1,2) == \
			"$(printf '%s\n' "${want[@]}" | cut -d ' ' -f 1,2)" ]]
}

# The listeners are there when they have seen a first event.
super_create sd "$disk0" "$ssd0 $ssd1"
listening() {
	dmsetup suspend sd
	dmsetup resume sd
	[[ -s /tmp/uevents && -s /tmp/events ]]
}
must wait_for 60 listening
quiet() {
	local before
	before=$(cat /tmp/uevents /tmp/events | wc -l)
	dmsetup status sd > /dev/null
	superdisk list > /dev/null
	[[ $(cat /tmp/uevents /tmp/events | wc -l) == "$before" ]]
}
must wait_for 10 quiet
: > /tmp/uevents
: > /tmp/events

must dmsetup message sd 0 bypass 0
expect routing_around "leg_state 0 bypass"
must dmsetup message sd 0 restore 0
expect taking_back "leg_state 0 in"
must dmsetup message sd 0 remove 1
expect removing "leg_state 1 failed" "leg_state 1 vacant"
must dmsetup message sd 0 add 1 "$ssd1"
expect adding "leg_state 1 in"
must dmsetup message sd 0 warm 1000000
expect warming "warm_started -1 -" "warm_done -1 -"
must dmsetup message sd 0 warm off
expect no_longer_warming "warm_stopped -1 -"
must break_sectors raw_ssd0 3000 3007
must dd if=/dev/mapper/sd of=/dev/null bs=1M iflag=direct status=none
expect a_page_given_up "page_retired 0 in"
must heal_sectors raw_ssd0 3000 3007
must kill_ssd ssd1
must dd if=/dev/urandom of=/dev/mapper/sd bs=4k count=4096 oflag=direct status=none
expect dying "leg_state 1 failed"
must dmsetup suspend sd
expect suspending "suspended -1 -"
must revive_ssd ssd1
must dmsetup resume sd
expect resuming_without_what_died "leg_cold 1 failed" "active -1 -"
must dmsetup remove sd
expect removing_all "suspended -1 -"
must super_create sd "$disk0" "$ssd0 $ssd1" attach verify
expect verifying "active -1 -" "leg_verified 0 in" "leg_verified 1 in"
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $tiny" attach discard
expect an_ssd_too_small "suspended -1 -" "leg_cold 0 vacant" "leg_state 1 failed" "active -1 -"
must dmsetup remove sd
done_testing
