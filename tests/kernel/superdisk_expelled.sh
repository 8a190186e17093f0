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
missed=$((105 * 16))	# of the second SSD, and no sample: the roster must tell

create() {
	dmsetup create sd --table \
		"0 $size superdisk $disk 2 $ssd0 $1 2 verify off"
}

if [[ $phase -eq 1 ]]; then
	# shellcheck disable=SC2034 # for kill_ssd and revive_ssd
	raw_weak=$ssd1
	must dmsetup create weak --table "0 $(sectors "$ssd1") linear $ssd1 0"
	must create /dev/mapper/weak
	must blocks write $sd 1
	all_valid() {
		blocks verify $sd 1 && ssd_is sd 0 valid $half/$half &&
			ssd_is sd 1 valid $half/$half
	}
	ok both_are_filled wait_for 60 all_valid
	must dmsetup suspend sd
	must dmsetup resume sd
	is nothing_is_in_doubt "$(ssd_field sd 0 doubted)$(ssd_field sd 1 doubted)" 00
	ok and_all_is_stored all_valid
	must kill_ssd weak
	ok goes_on_without_it blocks write $sd 2 $missed 16
	is it_is_out "$(ssd_field sd 1 state)" failed
	is it_alone "$(ssd_field sd 0 state)" in
	power_cut 2
fi
must create "$ssd1"
is what_missed_writes_is_not_believed "$(ssd_field sd 1 valid)" 0/$half
is the_other_is_back "$(ssd_field sd 0 state)" in
ok reads_the_last_write blocks verify $sd 2 $missed 16
ok reads_it_again blocks verify $sd 2 $missed 16
ok and_those_before blocks verify $sd 1 0 $missed
must dmsetup remove sd
done_testing
