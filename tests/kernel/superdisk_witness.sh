#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SSDs of several caches: one of another disk is cold alone, however new it is;
# one that was here while the others were away is their witness.
# vm: timeout=200
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

sd=/dev/mapper/sd
missed=$((105 * 16))	# of the first SSD, and no sample: the witness must tell
make_nullb disk0 16 100000
make_nullb disk1 16 100000
for n in ssd0 ssd1 ssd2 fresh; do make_ssd $n 12 20000; done
make_ssd spare 24 20000
must load_module dm-superdisk
must blocks write "$disk0" 1
must blocks write "$disk1" 7

# filled NAME STAMP SSDS
filled() {
	local i valid
	blocks verify "/dev/mapper/$1" "$2" || return
	for ((i = 0; i < $3; i++)); do
		valid=$(ssd_field "$1" $i valid)
		[[ ${valid%/*} == "${valid#*/}" ]] || return
	done
}
must super_create sd "$disk0" "$ssd0 $ssd1 $ssd2" verify off
ok three_are_filled wait_for 60 filled sd 1 3
valid=$(ssd_field sd 0 valid)
must dmsetup remove sd
must super_create other "$disk1" "$spare" verify off
ok one_of_another_disk_is_filled wait_for 60 filled other 7 1
for _ in 1 2 3; do
	must dmsetup suspend other
	must dmsetup resume other
done
must dmsetup remove other
must super_create sd "$disk0" "$ssd0 $ssd1 $spare" verify off
is the_others_stay_warm_beside_it "$(ssd_field sd 0 valid)" "$valid"
like both_of_them "$(ssd_field sd 1 valid)" "^[1-9]"
like it_is_cold "$(ssd_field sd 2 valid)" "^0/"
ok and_all_is_right blocks verify $sd 1
must dmsetup remove sd

must super_create sd "$disk0" "- - $fresh" verify off
must blocks write $sd 2 $missed 16
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $ssd1 $fresh" verify off
like what_was_away_is_cold "$(ssd_field sd 0 valid) $(ssd_field sd 1 valid)" "^0/.* 0/"
ok reads_what_it_missed blocks verify $sd 2 $missed 16
ok and_reads_the_rest blocks verify $sd 1 0 $missed
must dmsetup remove sd
ok unloads rmmod dm-superdisk
done_testing
