#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Heat: what is read often is known, outlives a reload and moves to another
# device by a file.
# vm: timeout=300 tools=jq
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

make_disk disk0 32 100000
make_ssd ssd0 24
make_ssd ssd1 24
must load_module dm-superdisk
must super_create sd "$disk0" "$ssd0 $ssd1" heat_s 14400
sd=/dev/mapper/sd

# heat_of FILE BLOCK: its byte, 0 if no run holds it
heat_of() {
	local at=32 end first nr
	end=$(stat -c %s "$1")
	while [[ $at -lt $end ]]; do
		read -r first nr < <(od -An -j $at -N 16 -t u8 "$1" |
			awk '{ print $1, $2 }')
		if [[ $2 -ge $first && $2 -lt $((first + nr)) ]]; then
			od -An -j $((at + 16 + $2 - first)) -N 1 -t u1 "$1" | tr -d ' '
			return
		fi
		at=$((at + 16 + (nr + 7) / 8 * 8))
	done
	echo 0
}

# reads BLOCK OTHER TIMES: of both in turn, so that they count
reads() {
	local i
	for ((i = 0; i < $3; i++)); do
		dd if=$sd of=/dev/null bs=64k skip=$1 count=1 iflag=direct status=none
		dd if=$sd of=/dev/null bs=64k skip=$2 count=1 iflag=direct status=none
	done
}

must taskset 1 dd if=$sd of=/dev/null bs=4k count=1024 iflag=direct status=none
reads 100 200 60
must superdisk warm --save /tmp/heat sd
is a_stream_counts_once "$(heat_of /tmp/heat 5)" 1
ok what_is_read_often_is_hot test "$(heat_of /tmp/heat 100)" -gt 15
ok and_so_is_the_other test "$(heat_of /tmp/heat 200)" -gt 15
is what_is_not_read_is_not "$(heat_of /tmp/heat 300)" 0

must dmsetup reload sd --table "$(dmsetup table sd)"
must dmsetup suspend sd
must dmsetup resume sd
must superdisk warm --save /tmp/again sd
ok heat_outlives_a_reload cmp /tmp/heat /tmp/again
must dmsetup remove sd

# Smaller blocks on another device: each part is as hot as the whole.
must super_create sd "$disk0" "$ssd0 $ssd1" block_sectors 64 attach discard
must superdisk warm --save /tmp/blank sd
is a_new_device_has_none "$(stat -c %s /tmp/blank)" 32
must superdisk warm --heat /tmp/heat --rate 4 sd
must superdisk warm --stop sd
must superdisk warm --save /tmp/moved sd
is heat_moves "$(heat_of /tmp/moved 201)" "$(heat_of /tmp/heat 100)"
is and_only_there "$(heat_of /tmp/moved 600)" 0
dd if=/tmp/heat of=/tmp/short bs=1 count=40 status=none
not_ok a_damaged_file_is_refused superdisk warm --heat /tmp/short sd
not_ok a_missing_one_too superdisk warm --heat /tmp/none sd
must dmsetup remove sd

must super_create sd "$disk0" "$ssd0 $ssd1" heat_s off
not_ok none_is_kept_if_so_asked superdisk warm --save /tmp/off sd
ok no_file_is_left test ! -e /tmp/off

# Sixteen steps in a half-life of 16 s: one a second.
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $ssd1" heat_s 16
must superdisk warm --heat /tmp/heat --rate 4 sd
cooler() {
	superdisk warm --save /tmp/cool sd
	[[ $(heat_of /tmp/cool 100) -lt $(heat_of /tmp/heat 100) ]]
}
ok heat_falls wait_for 30 cooler
must dmsetup remove sd
done_testing
