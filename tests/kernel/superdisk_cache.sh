#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dm-superdisk with SSDs of an eighth of the disk: what is hot is on them, what
# is read is what was written, whoever had the slot before.
# vm: timeout=900 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

# Small blocks, so that few bytes are many of them.
mib=30
make_nullb disk0 $mib 200000 discard=1
make_mortal ssd0 3
make_mortal ssd1 3
must load_module dm-superdisk
must blocks write "$disk0" 1
sd=/dev/mapper/sd
options="block_sectors 32 checkpoint_ms 100 fill_dwpd off timeout_ms 2000"
must super_create sd "$disk0" "$ssd0 $ssd1" $options

# sum FIELD: of both SSDs.
sum() {
	local a b
	a=$(ssd_field sd 0 "$1")
	b=$(ssd_field sd 1 "$1")
	echo $((${a%/*} + ${b%/*}))
}

same_as_disk() {
	blocks same $sd "$disk0"
}

# zipf_reads READS [EXPONENT]: of 4 KiB, most of them of a few blocks.
zipf_reads() {
	fio --name=z --filename=$sd --direct=1 --ioengine=libaio --iodepth=8 \
		--rw=randread --bs=4k --size=${mib}M --io_size=$(($1 * 4))k \
		--random_distribution=zipf:${2:-1.2} --randseed=7 --minimal \
		--output=/dev/null
}

like cache_mode_is_chosen "$(dmsetup status sd)" " superdisk 1 active cache 32 "
like and_the_policy "$(dmsetup status sd)" " s3fifo( |$)"
like table_is_what_was_asked "$(dmsetup table sd)" \
	"2 [0-9:]+ [0-9:]+ 8 block_sectors 32 timeout_ms 2000 checkpoint_ms 100 fill_dwpd off$"
is slots_are_an_eighth "$(ssd_field sd 0 slots)" 0/120
ok cold_read_comes_from_the_disk blocks verify $sd 1
ok a_long_read_is_not_cached test "$(sum bypassed)" -gt $((mib << 19))
ok zipf_warms zipf_reads 6000
before=$(sum hits)
ok zipf_reads_again zipf_reads 6000
note "of 6000 reads hit: $(($(sum hits) - before)); slots $(sum slots), evictions $(sum evictions)"
ok hot_blocks_hit test $(($(sum hits) - before)) -gt 2400
ok colder_reads zipf_reads 8000 0.6
ok slots_fill_up test "$(sum slots)" -gt 190
ok slots_change_hands test "$(sum evictions)" -gt 10
ok each_came_before_it_went test $(($(sum evictions) + $(sum slots))) -le \
	"$(sum admissions)"
is nothing_was_rescued "$(sum csum_errors)" 0
ok all_is_right blocks verify $sd 1
is nothing_is_throttled "$(sum throttled)" 0

# Writers and readers of the same pages while slots change hands.  What two
# writes to one page under way leave there is open: never two at once.
fio --name=v --filename=$sd --direct=1 --ioengine=libaio --iodepth=16 \
	--rw=randrw --bsrange=4k-64k --size=${mib}M --io_size="$(fewer 24)M" \
	--random_distribution=zipf:1.1 --verify=crc32c --verify_backlog=64 \
	--serialize_overlap=1 --minimal --output=/dev/null
is fio_verifies $? 0
ok writes_reach_the_ssds test "$(sum writes)" -gt 0
ok disk_and_ssds_agree same_as_disk

no_doubt() {
	ssd_is sd 0 doubted 0 && ssd_is sd 1 doubted 0
}
ok doubts_are_cleared_when_idle wait_for 10 no_doubt
valid=$(sum valid)
must dmsetup suspend sd
must dmsetup resume sd
is resume_is_warm "$(sum valid)" "$valid"
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $ssd1" $options
is new_device_is_warm "$(sum valid)" "$valid"
ok and_right same_as_disk
slots=$(sum slots)
must dmsetup remove sd
options="${options} policy sieve sequential_kib off"
must super_create sd "$disk0" "$ssd0 $ssd1" $options
like another_policy_takes_over "$(dmsetup status sd)" " sieve( |$)"
is warm_too "$(sum slots)" "$slots"
ok sieve_works zipf_reads 4000
is nothing_is_bypassed "$(sum bypassed)" 0
ok and_is_right same_as_disk

# Discards of blocks that have slots, and that have none.
before=$(sum valid)
must blkdiscard -o 1M -l 12M $sd
ok what_is_discarded_is_forgotten test "$(sum valid)" -lt "$before"
ok and_reads_as_the_disk cmp -n $((12 << 20)) <(dd if=$sd bs=1M skip=1 count=12 iflag=direct status=none) /dev/zero
ok and_all_agrees same_as_disk
must blocks write $sd 2
ok written_anew_is_right blocks verify $sd 2
ok on_the_disk_too blocks verify "$disk0" 2

# Wrong data on an SSD: all slots.
ok warms_again zipf_reads 4000
must dd if=/dev/urandom of="$raw_ssd0" bs=1M seek=1 count=2 oflag=direct status=none
ok wrong_data_is_not_believed same_as_disk
ok wrong_pages_are_counted test "$(ssd_field sd 0 csum_errors)" -gt 0

# One dies, one hangs, under load.
fio --name=v --filename=$sd --direct=1 --ioengine=libaio --iodepth=8 \
	--rw=randrw --bs=4k --size=${mib}M --io_size="$(fewer 24)M" --verify=crc32c \
	--random_distribution=zipf:1.2 --verify_backlog=128 \
	--serialize_overlap=1 --minimal --output=/tmp/fio.dying 2>&1 &
fio=$!
moved() {
	[[ $(ssd_field sd 1 writes) -gt $((50 + $1)) ]]
}
must wait_for 60 moved "$(ssd_field sd 1 writes)"
must kill_ssd ssd1
ok nobody_notices_a_dying_ssd wait $fio
note "$(grep -v "^3;" /tmp/fio.dying | head -5)"
# Where everything is slow the load may have ended before: nobody asks it then.
taken_out() {
	zipf_reads 200
	ssd_is sd 1 state failed
}
ok it_is_taken_out wait_for 20 taken_out
is the_other_stays "$(ssd_field sd 0 state)" in
ok the_other_stays_warm test "$(ssd_field sd 0 valid | cut -d/ -f1)" -gt 0
ok all_is_as_on_the_disk same_as_disk
must revive_ssd ssd1
must dmsetup message sd 0 replace 1 "$ssd1"
is a_new_one_is_empty "$(ssd_field sd 1 slots)" 0/120
ok it_fills_again zipf_reads 4000
ok and_holds_blocks test "$(ssd_field sd 1 slots | cut -d/ -f1)" -gt 10
must dmsetup message sd 0 remove 0
is position_is_vacant "$(ssd_field sd 0 state)" vacant
ok one_is_enough same_as_disk
must dmsetup message sd 0 add 0 "$ssd0"
must dmsetup message sd 0 bypass 1
must dd if=/dev/zero of=$sd bs=64k count=64 oflag=direct status=none
must dmsetup message sd 0 restore 1
ok restored_is_right same_as_disk
must dmsetup remove sd

# Routed past: what they hold stays right.
must super_create sd "$disk0" "$ssd0 $ssd1" mode passthrough \
	block_sectors 32
like passthrough_is_told "$(dmsetup status sd)" " superdisk 1 active passthrough "
must blocks write $sd 3 0 640
before=$(sum valid)
ok something_is_left test "$before" -gt 0
must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $ssd1" $options
is what_is_left_survives_passthrough "$(sum valid)" "$before"
ok what_was_written_past_is_right blocks verify $sd 3 0 640
ok and_all_else same_as_disk
must dmsetup remove sd

# Damage, and large SSDs that are told to be a cache.
must dd if=/dev/urandom of="$raw_ssd0" bs=4k seek=8 count=1 oflag=direct status=none
must super_create sd "$disk0" "$ssd0 $ssd1" $options
is damaged_units_mean_cold_slots_only "$(ssd_field sd 1 state)$(ssd_field sd 0 state)" inin
ok and_nothing_wrong same_as_disk
must dmsetup remove sd
make_ssd big 40
must super_create sd "$disk0" "$big" mode cache
like cache_mode_by_name "$(dmsetup status sd)" " superdisk 1 active cache "
is with_a_slot_for_every_block "$(ssd_field sd 0 slots)" 0/$((mib * 16))
ok it_is_right_too same_as_disk
must dmsetup remove sd
must super_create sd "$disk0" "$big"
like it_stays_one "$(dmsetup status sd)" " superdisk 1 active cache "
must dmsetup remove sd
must super_create sd "$disk0" "$big" mode mirror
like until_it_is_told "$(dmsetup status sd)" " superdisk 1 active mirror "
must dmsetup remove sd

# A read is held up on an SSD until its slot is another block's: what it brings
# then has the right checksum, and is not what was asked for.
must has_target delay
make_ssd held 4
end=8192	# sectors: eight slots of 256 KiB
must dmsetup create held --table "0 $end linear $held 0"
must super_create sd "$disk0" /dev/mapper/held block_sectors 512 policy sieve \
	fill_dwpd off sequential_kib off timeout_ms 300000 read_ms 300000
like it_has_few_slots "$(ssd_field sd 0 slots)" "^0/8$"
# read_block N: its first page
read_block() {
	dd if=$sd bs=4k skip=$(($1 * 64)) count=1 iflag=direct status=none |
		head -n 1 | tr -d '\0'
}
echo wanted | dd of=$sd bs=4k seek=$((50 * 64)) count=1 conv=sync,notrunc \
	oflag=direct status=none
must read_block 50
# at SECTOR: the page is there, on the SSD
at() {
	dd if="$held" bs=512 skip="$1" count=1 iflag=direct status=none |
		grep -q wanted
}
in_its_slot() {
	for ((at = 0; at < end; at += 512)); do
		at $at && return
	done
	return 1
}
must wait_for 10 in_its_slot
# hold MS: so long a read of that page takes
hold() {
	dmsetup reload held --table "0 $at linear $held 0
$at 8 delay $held $at $1 $held $at 0
$((at + 8)) $((end - at - 8)) linear $held $((at + 8))" &&
		dmsetup suspend --noflush held && dmsetup resume held
}
under_way() {
	[[ $(awk '{ print $1 }' "/sys/block/$(dmsetup info -c --noheadings \
		-o blkdevname sd)/inflight") -gt 0 ]]
}
# Others are read eight by eight: again so that they get slots, and once more so
# that they keep them, but for the first page: theirs may be held up by then.
passes=0
changed_hands() {
	local first=$((60 + passes / 3 % 7 * 8)) i
	if [[ $((passes++ % 3)) -lt 2 ]]; then
		dd if=$sd of=/dev/null bs=256k skip=$first count=8 iflag=direct \
			status=none || return
	else
		for ((i = first; i < first + 8; i++)); do
			dd if=$sd of=/dev/null bs=4k skip=$((i * 64 + 1)) count=1 \
				iflag=direct status=none || return
		done
	fi
	! at $at
}
must hold 600000
read_block 50 > /tmp/read &
reader=$!
ok a_read_is_held_up wait_for 10 under_way
ok its_slot_changes_hands wait_for 200 changed_hands
must hold 0
ok it_is_answered wait $reader
is a_read_of_a_slot_that_changed_hands_is_right "$(cat /tmp/read)" wanted
must dmsetup remove sd
must dmsetup remove held
ok unloads rmmod dm-superdisk
done_testing
