#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Changes under load: tables reloaded, SSDs replaced, pulled out, the device
# removed, many devices, the module loaded again and again.  Every read is
# verified, and SSDs and disk agree in the end.
# vm: timeout=400 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

sd=/dev/mapper/sd

agree() {
	blocks same "/dev/mapper/$1" "$2"
}

# load NAME MIB: verified reads and writes in the background, $fio
load() {
	fio --name=v --filename="/dev/mapper/$1" --direct=1 --ioengine=libaio \
		--iodepth=8 --rw=randrw --bs=4k --bsrange=512-64k --size=8M \
		--io_size="$2M" --verify=crc32c --verify_backlog=64 --minimal \
		--output=/tmp/fio.$1 &
	fio=$!
}

# keep_loading NAME MIB: another load when one has ended; $broken if it failed
broken=0
keep_loading() {
	kill -0 $fio 2> /dev/null && return
	wait $fio || broken=1
	load "$@"
}

# A load has been running all the time, and has noticed nothing.
not_noticed() {
	wait $fio && [[ $broken -eq 0 ]]
}

must load_module dm-superdisk
make_disk disk0 8 100000
for name in ssd0 ssd1 ssd2; do
	make_ssd $name 12 20000
done

table() {
	echo "0 $(sectors "$disk0") superdisk $disk0 2 $*"
}
must dmsetup create sd --table "$(table "$ssd0" "$ssd1")"

# Other options, other modes, an SSD less and back, while fio verifies.
tables=("$ssd0 $ssd1 2 checkpoint_ms 50" "$ssd0 $ssd1 2 mode passthrough"
	"$ssd0 $ssd1 2 verify off" "$ssd0 - 2 hedge_us 1000"
	"$ssd0 $ssd1 4 checkpoint_ms 20 hedge_us 500" "- $ssd1" "$ssd0 $ssd1"
	"$ssd1 $ssd0" "$ssd0 $ssd1 2 block_sectors 32" "$ssd0 $ssd1 2 attach discard"
	"$ssd0 $ssd1")
load sd "$(fewer 8)"
for ((reloads = 0; reloads < ${#tables[@]}; reloads++)); do
	keep_loading sd "$(fewer 8)"
	must dmsetup reload sd --table "$(table ${tables[reloads]})"
	flags=(--noflush '' '')
	must dmsetup suspend ${flags[reloads % 3]} sd
	must dmsetup resume sd
done
ok reloads_under_load_are_not_noticed not_noticed
ok agree_after_reloads agree sd "$disk0"

# SSDs are routed around, taken back, removed, added, replaced.
must dmsetup reload sd --table "$(table "$ssd0" "$ssd1" 2 checkpoint_ms 20)"
must dmsetup suspend sd
must dmsetup resume sd
load sd "$(fewer 8)"
for ((changes = 0; changes < 6; changes++)); do
	keep_loading sd "$(fewer 8)"
	at=$((changes % 2))
	must dmsetup message sd 0 bypass $at
	must dmsetup message sd 0 restore $at
	must dmsetup message sd 0 remove $at
	must dmsetup message sd 0 add $at "$ssd2"
	[[ $at -eq 0 ]] && back=$ssd0 || back=$ssd1
	must dmsetup message sd 0 replace $at "$back"
done
ok changes_of_members_are_not_noticed not_noticed
ok agree_after_changes agree sd "$disk0"

# An SSD is pulled out in mid-flight; another takes its place.
load sd "$(fewer 8)"
written() {
	echo $(($(ssd_field sd 1 writes) + $(ssd_field sd 1 write_arounds)))
}
served() {
	[[ $(written) -gt $1 ]]
}
must wait_for 60 served $(($(written) + $(fewer 20)))
must remove_nullb ssd1
ok a_vanishing_ssd_is_not_noticed wait $fio
ok agree_without_it agree sd "$disk0"
ok another_takes_its_place dmsetup message sd 0 replace 1 "$ssd2"
is and_serves "$(ssd_field sd 1 state)" in
ok agree_with_another agree sd "$disk0"

# An SSD joins while the disk is at a write that began without it.
must has_target delay
must dmsetup create slow --table "0 16384 delay $disk0 0 0 $disk0 0 8000"
must dmsetup remove sd
must dmsetup create sd --table "0 16384 superdisk /dev/mapper/slow 2 $ssd0 -"
# page [DEVICE]: the text of a page that is on the second SSD, if on any
page() {
	dd if="${1:-$sd}" bs=4k skip=24 count=1 iflag=direct status=none |
		head -n 1 | tr -d '\0'
}
write_page() {
	echo "$1" | dd of=$sd bs=4k seek=24 count=1 conv=sync,notrunc \
		oflag=direct status=none
}
under_way() {
	[[ $(awk '{ print $2 }' "/sys/block/$(dmsetup info -c --noheadings \
		-o blkdevname sd)/inflight") -gt 0 ]]
}
start write_page new
writer=$!
must wait_for 10 under_way
must dmsetup message sd 0 add 1 "$ssd2"
ok it_is_read_before_that test "$(page)" != new
ok and_the_disk_is_still_at_it under_way
ok then_it_is_written wait $writer
is what_was_under_way_then_is_not_missed "$(page)" new
is nor_on_the_disk "$(page "$disk0")" new
must dmsetup remove sd
must dmsetup remove slow
must dmsetup create sd --table "$(table "$ssd0" "$ssd2")"

# The device is taken away from its users.
load sd 64
must wait_for 60 served $(($(written) + $(fewer 20)))
dmsetup remove --force sd	# what is in use gets errors first
not_ok its_users_are_told wait $fio
gone() {
	dmsetup remove sd
	! dmsetup info sd
}
ok it_is_gone wait_for 20 gone

# Many at once, all working.
make_disk many 16 100000
make_nullb flash 48 20000
count=8
# slice PREFIX N DEVICE SECTORS: the N-th part of it
slice() {
	dmsetup create "$1$2" --table "0 $4 linear ${!3} $(($2 * $4))"
}
for ((i = 0; i < count; i++)); do
	must slice disk_ $i many 4096
	must slice flash_ $i flash 12288
	must dmsetup create "fast$i" --table "0 4096 superdisk /dev/mapper/disk_$i \
		1 /dev/mapper/flash_$i 4 buffer_kib 256 checkpoint_ms 50"
done
all_work() {
	local i pids=()
	for ((i = 0; i < count; i++)); do
		blocks write /dev/mapper/fast$i $i 0 64 && blocks verify \
			/dev/mapper/fast$i $i 0 64 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || return
	done
}
ok many_devices_work_at_once all_work
# hits N: the N-th is served by its SSD
hits() {
	blocks verify "/dev/mapper/fast$1" "$1" 0 64 &&
		[[ $(ssd_field "fast$1" 0 hits) -gt 0 ]]
}
all_hit() {
	local i
	for ((i = 0; i < count; i++)); do
		wait_for 20 hits $i || return
	done
}
ok each_on_an_ssd_of_its_own all_hit
all_go() {
	local i
	for ((i = 0; i < count; i++)); do
		dmsetup remove fast$i || return
	done
}
ok and_all_go all_go
ok their_disks_hold_it blocks verify /dev/mapper/disk_7 7 0 64

load_again() {
	local i
	for i in 1 2 3 4 5; do
		rmmod dm-superdisk && load_module dm-superdisk &&
			dmsetup create sd --table "$(table "$ssd0" "$ssd2")" &&
			blocks write $sd $i 0 64 && blocks verify $sd $i 0 64 &&
			dmsetup remove sd || return
	done
}
ok the_module_is_loaded_again_and_again load_again
ok what_the_last_one_wrote_is_there blocks verify "$disk0" 5 0 64
done_testing
