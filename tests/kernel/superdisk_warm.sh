#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Warming and attach verify: in the background, at their rate, hottest first,
# never in anybody's way, and never wrong.
# vm: timeout=900 tools=fio,jq
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

make_disk disk0 32 200000
make_ssd ssd0 24
make_ssd ssd1 24
must load_module dm-superdisk
must blocks write "$disk0" 1
sd=/dev/mapper/sd
pages=$((32 << 20 >> 12))
half=$((pages / 2))

all_valid() {
	ssd_is sd 0 valid "$half/$half" && ssd_is sd 1 valid "$half/$half"
}

same_as_disk() {
	blocks same $sd "$disk0"
}

# warm_field STATE|COPIED|RATE: the words behind "warm"
warm_field() {
	local words i
	read -ra words < <(dmsetup status sd)
	for i in "${!words[@]}"; do
		[[ ${words[i]} == warm ]] && break
	done
	case $1 in
	state) echo "${words[i + 1]}" ;;
	copied) echo "${words[i + 2]}" ;;
	rate) echo "${words[i + 3]}" ;;
	esac
}

warm_is() {
	[[ $(warm_field "$1") == "$2" ]]
}

copied_at_least() {
	[[ $(warm_field copied) -ge $1 ]]
}

counter() {
	superdisk status --json sd | jq "[.[0].ssds[].counters.$1] | add"
}

fresh() {
	dmsetup remove sd
	super_create sd "$disk0" "$ssd0 $ssd1" "$@"
}

superdisk events --json > /tmp/events &
started+=($!)

# --- all of it, by the table ---------------------------------------------

must super_create sd "$disk0" "$ssd0 $ssd1" warm 1000000 attach discard
ok blank_ssds_are_filled wait_for 60 all_valid
ok and_then_it_is_done wait_for 20 warm_is state "done"
is all_was_copied "$(warm_field copied)" $pages
ok what_was_copied_is_right blocks verify $sd 1
ok and_hit test "$(($(ssd_field sd 0 hits) + $(ssd_field sd 1 hits)))" -gt 0
is nobody_had_to_read "$(ssd_field sd 0 misses)$(ssd_field sd 1 misses)" 00
like table_says_its_rate "$(dmsetup table sd)" "attach discard warm 1000000"
must dmsetup message sd 0 remove 1
must dmsetup message sd 0 add 1 "$ssd1"
ok a_new_ssd_is_filled_too wait_for 60 all_valid
ok and_is_done_again wait_for 20 warm_is state "done"

# --- at its rate, on line -------------------------------------------------

must fresh attach discard
is it_is_off_by_default "$(warm_field state)" off
began=${EPOCHREALTIME/./}
must superdisk warm --rate 2048 sd
is it_runs "$(warm_field state)" running
must wait_for 60 copied_at_least 600
copied=$(warm_field copied)
passed=$(((${EPOCHREALTIME/./} - began) / 1000))
# 50 ms may be saved up, and 8 blocks are under way.
ok it_keeps_its_rate test $((copied * 4)) -le $((2048 * (passed + 50) / 1000 + 64 * 9))
must dmsetup message sd 0 warm 1000000
is the_rate_changes "$(warm_field rate)" 1000000
ok and_it_is_done_at_once wait_for 60 warm_is state "done"
must fresh attach discard
must superdisk warm --rate 1024 sd
must wait_for 60 copied_at_least 16
must superdisk warm --stop sd
is it_stops "$(warm_field state)" off
copied=$(warm_field copied)
must blocks verify "$disk0" 1
ok and_copies_no_more test "$(warm_field copied)" -le $((copied + 8 * 16))
ok it_did_not_copy_all test "$(warm_field copied)" -lt $pages
not_ok a_rate_is_a_number dmsetup message sd 0 warm fast
not_ok and_not_negative dmsetup message sd 0 warm -1

# --- the hottest first ----------------------------------------------------

for _ in $(seq 40); do
	dd if=$sd of=/dev/null bs=64k skip=300 count=1 iflag=direct status=none
	dd if=$sd of=/dev/null bs=64k skip=401 count=1 iflag=direct status=none
done
must superdisk warm --save /tmp/heat sd
must fresh attach discard
must superdisk warm --heat /tmp/heat --rate 64 sd
must wait_for 60 copied_at_least 32
must superdisk warm --stop sd
before=$(($(ssd_field sd 0 hits) + $(ssd_field sd 1 hits)))
dd if=$sd of=/dev/null bs=64k skip=300 count=1 iflag=direct status=none
dd if=$sd of=/dev/null bs=64k skip=401 count=1 iflag=direct status=none
is the_hottest_came_first "$(($(ssd_field sd 0 hits) + $(ssd_field sd 1 hits)))" $((before + 2))

# --- in cache mode: what is hot, as far as there is room --------------------

must dmsetup remove sd
make_ssd small 6
must super_create sd "$disk0" "$small" attach discard
like it_is_a_cache "$(dmsetup status sd)" " active cache "
must superdisk warm --heat /tmp/heat --rate 1000000 sd
ok what_is_hot_comes_into_a_cache wait_for 60 warm_is state "done"
is and_nothing_else "$(warm_field copied)" 32
is it_has_its_slots "$(ssd_field sd 0 slots | cut -d/ -f1)" 2
dd if=$sd of=/dev/null bs=64k skip=300 count=1 iflag=direct status=none
dd if=$sd of=/dev/null bs=64k skip=401 count=1 iflag=direct status=none
is and_hits "$(ssd_field sd 0 hits)" 2
must superdisk warm --stop sd
ok then_all_is_read blocks verify $sd 1
must superdisk warm --rate 1000000 sd
ok it_ends_when_there_is_no_room wait_for 60 warm_is state "done"
ok it_has_copied_something test "$(warm_field copied)" -gt 0
is and_nobody_lost_a_slot "$(ssd_field sd 0 evictions)" 0
ok what_a_cache_holds_is_right blocks verify $sd 1
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $ssd1"

# --- against everything else ----------------------------------------------

must fresh attach discard warm 1000000
ok writers_and_warming_agree fio --name=v --filename=$sd --direct=1 \
	--ioengine=libaio --iodepth=16 --rw=randrw --bsrange=512-128k --size=32M \
	--io_size="$(fewer 16)M" --verify=crc32c --verify_backlog=64 --minimal --output=/dev/null
ok and_so_do_disk_and_ssds same_as_disk

must blocks write "$disk0" 2
must fresh attach discard warm 4096
fio --name=s --filename=$sd --direct=1 --ioengine=libaio --iodepth=8 \
	--rw=randrw --bs=4k --offset=16M --size=16M --io_size="$(fewer 12)M" --verify=crc32c \
	--verify_backlog=64 --minimal --output=/dev/null &
fio=$!
for _ in 1 2 3 4; do
	must dmsetup suspend sd
	must dmsetup resume sd
	must dmsetup message sd 0 bypass 0
	must dmsetup message sd 0 restore 0
	must dmsetup message sd 0 remove 1
	must dmsetup message sd 0 add 1 "$ssd1"
	must dmsetup reload sd --table "$(dmsetup table sd)"
	must dmsetup suspend sd
	must dmsetup resume sd
done
ok nobody_notices wait $fio
must dmsetup message sd 0 warm 1000000
ok it_goes_on_to_the_end wait_for 60 warm_is state "done"
ok and_all_agrees same_as_disk

# --- quiet when suspended -------------------------------------------------

must fresh attach discard warm 2048
must wait_for 60 copied_at_least 16
must dmsetup suspend sd
reads=$(awk '{ print $1 }' "/sys/block/${disk0#/dev/}/stat")
writes=$(awk '{ print $5 }' "/sys/block/${ssd0#/dev/}/stat")
blocks verify "$ssd1" 9 0 64
is no_disk_read_while_suspended "$(awk '{ print $1 }' "/sys/block/${disk0#/dev/}/stat")" "$reads"
is no_ssd_write_while_suspended "$(awk '{ print $5 }' "/sys/block/${ssd0#/dev/}/stat")" "$writes"
must dmsetup resume sd
is it_goes_on_when_resumed "$(warm_field state)" running
must dmsetup message sd 0 warm 1000000
must wait_for 60 warm_is state "done"

# --- attach verify --------------------------------------------------------

must fresh attach verify warm 256
ok nothing_is_believed_at_first test "$(ssd_field sd 0 unverified)" -gt 0
must dmsetup message sd 0 warm 1000000
ok until_it_is_verified wait_for 60 all_valid
ok all_is_verified wait_for 20 ssd_is sd 0 unverified 0
is nothing_differed "$(counter mismatches)" 0
is nothing_was_written "$(counter warmed)" 0
ok verified_is_right same_as_disk
must dmsetup suspend sd
must dmsetup resume sd
ok what_is_verified_stays_so all_valid
must dmsetup remove sd

# Somebody changed the disk meanwhile: only that is forgotten.
must dd if=/dev/urandom of="$disk0" bs=4k seek=1001 count=3 oflag=direct status=none
must dd if=/dev/urandom of="$disk0" bs=4k count=1 oflag=direct status=none
must super_create sd "$disk0" "$ssd0 $ssd1" attach verify
ok reads_are_right_at_once same_as_disk
verified() {
	ssd_is sd 0 unverified 0 && ssd_is sd 1 unverified 0
}
ok a_changed_disk_is_verified wait_for 60 verified
is what_differed_is_counted "$(counter mismatches)" 4
ok and_right same_as_disk
ok all_but_that_is_warm test "$(counter verified)" -ge $((pages - 4 - 64))

# Writers while it verifies.
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $ssd1" attach verify warm 4096
ok writers_and_verifying_agree fio --name=v --filename=$sd --direct=1 \
	--ioengine=libaio --iodepth=16 --rw=randrw --bsrange=512-128k --size=32M \
	--io_size="$(fewer 8)M" --verify=crc32c --verify_backlog=64 --minimal --output=/dev/null
must dmsetup message sd 0 warm 1000000
ok and_it_ends wait_for 60 verified
ok then_disk_and_ssds_agree same_as_disk

# The table names another disk, a copy that somebody has changed.
make_disk copy 32 200000
must dd if="$disk0" of="$copy" bs=1M oflag=direct status=none
must dd if=/dev/urandom of="$copy" bs=4k seek=1001 count=3 oflag=direct status=none
must dmsetup reload sd --table "0 $(sectors "$copy") superdisk $copy 2 $ssd0 $ssd1 2 attach verify"
must dmsetup suspend sd
must dmsetup resume sd
ok another_disk_is_read_at_once blocks same $sd "$copy"
ok it_is_verified_too wait_for 60 verified
ok and_right_as_well blocks same $sd "$copy"
ok most_is_warm test "$(ssd_field sd 0 valid | cut -d/ -f1)" -gt $((half - 100))

for event in warm_started warm_stopped warm_done leg_verified; do
	ok "event_${event}_is_told" grep -q "\"$event\"" /tmp/events
done
must dmsetup remove sd
ok unloads rmmod dm-superdisk
done_testing
