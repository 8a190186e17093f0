#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An SSD fails, writes go on without it, and the machine dies: when both come
# back the SSD still holds what it held, and is not believed.
# vm: timeout=200 fresh
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

must virtio_disk disk
must virtio_disk ssd0
must virtio_disk ssd1
must load_module dm-superdisk
size=$((16 << 11))
half=$((size / 16))
sd=/dev/mapper/sd

create() {
	dmsetup create sd --table \
		"0 $size superdisk $disk 2 $ssd0 $1 4 checkpoint_ms 100 verify off"
}

if [[ $phase -eq 1 ]]; then
	# shellcheck disable=SC2034 # for kill_ssd and revive_ssd
	raw_weak=$ssd1
	must dmsetup create weak --table "0 $(sectors "$ssd1") linear $ssd1 0"
	must create /dev/mapper/weak
	ok both_are_filled blocks write $sd 1
	no_doubt() {
		ssd_is sd 0 doubted 0 && ssd_is sd 1 doubted 0
	}
	ok nothing_is_in_doubt wait_for 20 no_doubt
	must kill_ssd weak
	ok goes_on_without_it blocks write $sd 2
	is it_is_out "$(ssd_field sd 1 state)" failed
	power_cut 2
fi
must create "$ssd1"
is what_missed_writes_is_not_believed "$(ssd_field sd 1 valid)" 0/$half
is the_other_is_back "$(ssd_field sd 0 state)" in
ok reads_the_last_writes blocks verify $sd 2
ok reads_them_again blocks verify $sd 2
must dmsetup remove sd
done_testing
