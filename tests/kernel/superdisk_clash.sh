#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is not meant to happen at the same time: the last SSD goes while it is
# read, warmed and written, the table changes under hedged reads, the disk grows
# under writes, discards meet fills, commands meet each other, another target
# refuses to resume.
# vm: timeout=300 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

sd=/dev/mapper/sd
make_nullb disk0 8 100000 discard=1
make_ssd ssd0 12 20000
make_ssd ssd1 12 20000
make_ssd slow0 12 150000000
must load_module dm-superdisk
must blocks write "$disk0" 1

agree() {
	blocks same $sd "$disk0"
}

# part MIB "SSD..." [OPTION WORDS]: a table over the first MiB of the disk
part() {
	local mib=$1 ssds=$2
	shift 2
	echo "0 $((mib << 11)) superdisk $disk0 $(wc -w <<< "$ssds") $ssds $# $*"
}

# change TABLE: of the device that is used
change() {
	dmsetup reload sd --table "$1" && dmsetup suspend sd && dmsetup resume sd
}

# load MIB: verified reads and writes in the background, $fio
load() {
	fio --name=v --filename=$sd --direct=1 --ioengine=libaio --iodepth=8 \
		--rw=randrw --bs=4k --bsrange=512-64k --size=4M --io_size="$(fewer $1)M" \
		--verify=crc32c --verify_backlog=64 --minimal --output=/tmp/fio &
	fio=$!
}

# --- the last SSD, while it is warmed ----------------------------------------

must dmsetup create sd --table "$(part 4 "$ssd0" checkpoint_ms 20 warm 1000000 \
	verify off)"
load 12
for ((i = 0; i < $(fewer 8); i++)); do
	must dmsetup message sd 0 remove 0
	must dmsetup message sd 0 add 0 "$ssd0"
	must dmsetup message sd 0 replace 0 "$ssd1"
	must dmsetup message sd 0 replace 0 "$ssd0"
done
ok the_last_ssd_goes_and_comes wait $fio
ok all_agrees_after_that agree

# --- the disk grows, with intents open ----------------------------------------

load 12
sizes=(5 6 8)
for size in "${sizes[@]}"; do
	must change "$(part $size "$ssd0" checkpoint_ms 600000 verify off)"
done
ok growth_under_writes_is_not_noticed wait $fio
is it_has_grown "$(blockdev --getsize64 $sd)" $((8 << 20))
ok all_agrees_when_grown agree

# --- a flush while it is suspended --------------------------------------------

must dmsetup suspend sd
start dd if=/dev/zero of=$sd bs=4k count=1 conv=fsync,notrunc oflag=direct status=none
flush=$!
is nothing_gets_through "$(kill -0 $flush && echo waits)" waits
must dmsetup resume sd
ok it_is_answered_when_resumed wait $flush

# --- commands, several at once, most of them nonsense ---------------------------

load 12
flood() {
	local i
	for ((i = 0; i < $(fewer 12); i++)); do
		dmsetup message sd 0 "${@:1:2}"
		dmsetup message sd 0 "$1"
		dmsetup message sd 0 "$1" 99999999999999999999 "$ssd0" more
	done
}
flood bypass 0 > /dev/null 2>&1 &
floods=($!)
flood restore 0 > /dev/null 2>&1 &
floods+=($!)
flood warm 1000 > /dev/null 2>&1 &
floods+=($!)
ok nobody_without_rights_is_heard eval "netlink refused $sd && netlink refused $sd"
wait "${floods[@]}"
ok a_flood_of_commands_is_not_noticed wait $fio
dmsetup message sd 0 restore 0
is the_ssd_is_in_service "$(ssd_field sd 0 state)" in
ok all_agrees_after_the_flood agree

# --- a replacement that is refused leaves the old SSD in service ----------------

make_nullb another 12
must blocks write "$another" 5
must super_create other "$another" "$ssd1 -"
not_ok a_disk_is_no_ssd_of_itself dmsetup message other 0 add 1 /dev/mapper/other
is its_position_is_vacant "$(ssd_field other 1 state)" vacant
ok nothing_is_written_over_it blocks verify "$another" 5
make_nullb small 1
make_nullb coarse 12 0 blocksize=4096
make_nullb mounted 12
must mkfs.ext4 -q "$mounted"
must mount "$mounted" /mnt
make_nullb read_only 12
must blockdev --setro "$read_only"
held() {
	ssd_field sd 0 valid | cut -d/ -f1
}
must agree
must test "$(held)" -gt 0
table=$(dmsetup table sd)
for device in small coarse mounted read_only disk0 ssd1 nothing; do
	before=$(held)
	not_ok "it_is_not_replaced_by_$device" dmsetup message sd 0 replace 0 \
		"${!device:-/dev/$device}"
	is "$device:_the_old_one_is_in_service" "$(ssd_field sd 0 state)" in
	is "$device:_the_table_names_it" "$(dmsetup table sd)" "$table"
	is "$device:_it_holds_what_it_held" "$(held)" "$before"
	must agree
done
must umount /mnt
must dmsetup remove other
ok it_is_replaced_by_itself dmsetup message sd 0 replace 0 "$ssd0"
ok then_it_starts_empty test "$(held)" -lt "$before"
ok one_that_was_refused_is_free dmsetup message sd 0 replace 0 "$mounted"
is and_serves "$(ssd_field sd 0 state)" in
ok all_agrees_after_that_too agree

# Pulled out, and another one has its number.
number=$(stat -c %t:%T "$mounted")
must remove_nullb mounted
make_nullb fresh 12
is a_new_one_has_the_number_of_the_old "$(stat -c %t:%T "$fresh")" "$number"
ok it_takes_its_place dmsetup message sd 0 replace 0 "$fresh"
is and_serves_as_well "$(ssd_field sd 0 state)" in
holds_all() {
	blocks same $sd "$disk0" && ssd_is sd 0 valid 2048/2048
}
ok it_fills wait_for 30 holds_all

# --- discards of what is being filled and written ------------------------------

must dmsetup message sd 0 replace 0 "$ssd1"
fio --name=r --filename=$sd --direct=1 --ioengine=libaio --iodepth=16 \
	--rw=randrw --bs=4k --size=4M --norandommap --io_size="$(fewer 12)M" --minimal \
	--output=/dev/null &
fio=$!
discards=0
while kill -0 $fio 2> /dev/null; do
	must blkdiscard -o $((discards % 7 * 512 << 10)) -l $((768 << 10)) $sd
	discards=$((discards + 1))
done
note "$discards discards"
ok readers_and_writers_of_what_is_discarded_go_on wait $fio
ok disk_and_ssd_agree_on_it agree
ok and_again agree
must dmsetup remove sd

# --- reads of what the disk is about to discard ----------------------------------

must has_target delay
must blocks write "$disk0" 3
must dmsetup create later --table "0 $(sectors "$disk0") delay $disk0 0 0 $disk0 0 8000"
must super_create sd /dev/mapper/later "$ssd1" attach discard
under_way() {
	[[ $(awk '{ print $2 }' "/sys/block/$(dmsetup info -c --noheadings \
		-o blkdevname sd)/inflight") -gt 0 ]]
}
start blkdiscard -o $((1 << 20)) -l $((512 << 10)) $sd
discard=$!
must wait_for 10 under_way
ok what_will_be_discarded_is_read blocks verify $sd 3 256 128
ok the_disk_is_still_at_it under_way
ok it_is_discarded wait $discard
not_ok it_is_gone_from_the_disk blocks verify "$disk0" 3 256 1
ok what_was_read_meanwhile_is_not_kept agree
must dmsetup remove sd
must dmsetup remove later

# --- the table changes under reads that ask the disk too ------------------------

must blocks write "$disk0" 2
table=$(part 8 "$slow0 $ssd1" hedge_us 1000 warm 1000000)
must dmsetup create sd --table "$table"
filled() {
	ssd_is sd 0 valid 1024/1024 && ssd_is sd 1 valid 1024/1024
}
hedged() {
	[[ $(ssd_field sd 0 hedges) -gt 0 ]]
}
verify() {
	for _ in $(seq "$(fewer 6)"); do
		blocks verify $sd 2 0 1024 || return
	done
}
others=("$(part 8 "- $ssd1")" "$(part 8 "$slow0 $ssd1" hedge_us auto)"
	"$(part 8 "$ssd0 $ssd1" hedge_us 500)")
for n in 0 1 2; do
	must change "$table"
	must wait_for 60 filled
	start verify
	reader=$!
	must wait_for 60 hedged
	must change "${others[n]}"
	ok "hedged_readers_do_not_notice_$n" wait $reader
done
ok and_all_is_right blocks verify $sd 2
must dmsetup remove sd

# --- a resume that fails halfway: another target of the table refuses ------------

super_state() {
	dd if="$ssd0" bs=4k count=1 iflag=direct status=none |
		od -An -tu4 -j96 -N4 | tr -d ' '
}
must has_target snapshot
make_nullb origin 4
make_nullb cow 4
must dmsetup create first --table "0 8192 snapshot $origin $cow P 8"
must dmsetup create sd --notable
must dmsetup load sd --table "$(part 4 "$ssd0" checkpoint_ms 20)
8192 8192 snapshot $origin $cow P 8"
not_ok another_target_refuses_to_resume dmsetup resume sd
must dmsetup load sd --table "$(part 4 "$ssd0" checkpoint_ms 600000)"
ok the_next_table_is_resumed dmsetup resume sd
is its_ssd_is_known_to_be_in_use "$(super_state)" 1
is and_is_in_service "$(ssd_field sd 0 state)" in
ok writes_go_on blocks write $sd 2 0 1024
ok reads_too blocks verify $sd 2 0 1024
must dmsetup remove sd
is and_is_closed "$(super_state)" 0
must dmsetup remove first
ok unloads rmmod dm-superdisk
done_testing
