#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine dies in the middle of writing to a file system on a Super-Disk:
# what was durable is there, SSDs and disk agree, also where an SSD has yet to take
# what the disk has, only regions that were being written are cold, and nothing
# was copied from the SSDs to the disk.
# vm: timeout=600 fresh
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

must virtio_disk disk
must virtio_disk ssd0
must virtio_disk ssd1
must virtio_disk ssd2
must load_module dm-superdisk
size=$(($(sectors "$disk") * 7 / 10))	# three SSDs have to hold it
# create [CHECKPOINT_MS]
create() {
	dmsetup create sd --table "0 $size superdisk $disk 3 $ssd0 $ssd1 $ssd2 2 \
		checkpoint_ms ${1:-200}"
}
sd=/dev/mapper/sd

valid_pages() {
	local n=0 i v
	for i in 0 1 2; do
		v=$(ssd_field sd $i valid)
		n=$((n + ${v%/*}))
	done
	echo $n
}

warm() {
	[[ $(valid_pages) -ge $((size / 8)) ]]
}

# Where the disk is faster than the SSDs, as it may be here, the copies that wait
# for them use up the stock, and fills are dropped.  However slow all is: a pass
# begins with nothing under way, so its first fills are not.
fill_all() {
	local before=-1 now
	until warm; do
		now=$(valid_pages)
		[[ $now -gt $before ]] || return
		before=$now
		dd if=$sd of=/dev/null bs=64k iflag=direct status=none &&
			dmsetup suspend sd && dmsetup resume sd || return
	done
}

no_doubt() {
	ssd_is sd 0 doubted 0 && ssd_is sd 1 doubted 0 && ssd_is sd 2 doubted 0
}

agree() {
	blocks same $sd "$disk"
}

crash_while_writing() {
	local i=0
	while :; do
		i=$((i + 1))
		echo "line $i" >> /mnt/log || return
		sync /mnt/log || return
		echo "$i" > /tmp/synced
	done
}

# The second SSD's, all of one region.
blocks_behind=(301 304 307 310 313 316)

# write_blocks PAGE: that page of them
write_blocks() {
	local block
	for block in "${blocks_behind[@]}"; do
		dd if=/dev/urandom of=$sd bs=4k seek=$((block * 16 + $1)) \
			count=1 oflag=direct status=none || return
	done
}

case $phase in
1)
	must create
	must mkfs.ext4 -q $sd
	ok fills fill_all
	ok comes_to_rest wait_for 20 no_doubt
	must mount $sd /mnt
	start crash_while_writing
	ok writes_for_a_while wait_for 300 test -s /tmp/synced
	many() { [[ $(cat /tmp/synced) -gt 15 ]]; }
	ok writes_on wait_for 300 many
	power_cut 2
	;;
2)
	must create
	note "valid after the crash: $(valid_pages) of $((size / 8)) pages"
	ok most_is_warm_at_once test "$(valid_pages)" -gt $((size / 16))
	ok what_was_in_doubt_is_not test "$(valid_pages)" -lt $((size / 8))
	ok it_is_usable_at_once mount $sd /mnt
	ok what_was_synced_is_there test "$(wc -l < /mnt/log)" -ge 15
	is and_in_order "$(sort -cn -k2 /mnt/log && echo yes)" yes
	must umount /mnt
	ok file_system_is_sound e2fsck -fn $sd
	ok ssds_agree_with_the_disk agree
	# Again, now with the whole device being written, and with pages that the
	# disk has and the SSD has not: what it has instead has the right checksum.
	ok what_was_in_doubt_is_filled fill_all
	must dmsetup remove sd
	must dmsetup create behind --table "0 $(sectors "$ssd1") linear $ssd1 0"
	ssd1=/dev/mapper/behind
	must create 600000
	ok a_clean_stop_is_warm warm
	start dd if=/dev/urandom of=$sd bs=32k seek=660 oflag=direct status=none
	moved() { [[ $(ssd_field sd 1 writes) -gt 30 ]]; }
	ok writes_raw wait_for 300 moved
	ok their_intents_are_durable write_blocks 0
	must dmsetup suspend --noflush --nolockfs behind
	ok the_disk_is_ahead write_blocks 8
	power_cut 3
	;;
3)
	must create
	ok ssds_agree_with_the_disk_again agree
	ok and_stay_so agree
	ok what_was_in_doubt_is_filled_again fill_all
	must dmsetup remove sd
	must create
	ok clean_stop_is_warm warm
	ok and_right agree
	must dmsetup remove sd

	# Somebody writes to the disk while the cache is away.
	must dd if=/dev/urandom of="$disk" bs=4k count=1 conv=notrunc oflag=direct status=none
	must create
	is a_changed_disk_makes_it_cold "$(valid_pages)" 0
	ok and_right agree
	must dmsetup remove sd
	must create
	ok warm_again test "$(valid_pages)" -gt 0
	must dmsetup remove sd

	# One SSD is away for a while, and comes back.
	must dmsetup create sd --table "0 $size superdisk $disk 3 $ssd0 - $ssd2"
	must dd if=/dev/urandom of=$sd bs=64k seek=20 count=40 oflag=direct status=none
	must dmsetup remove sd
	must create
	is what_was_away_is_not_believed "$(ssd_field sd 1 valid | cut -d/ -f1)" 0
	ok the_others_are test "$(ssd_field sd 0 valid | cut -d/ -f1)" -gt 0
	ok all_right agree
	must dmsetup remove sd

	# Swapped positions.
	must dmsetup create sd --table "0 $size superdisk $disk 3 $ssd1 $ssd0 $ssd2"
	is swapped_ones_are_not_believed "$(ssd_field sd 0 valid | cut -d/ -f1)$(
		ssd_field sd 1 valid | cut -d/ -f1)" 00
	ok the_third_is test "$(ssd_field sd 2 valid | cut -d/ -f1)" -gt 0
	ok still_right agree
	must dmsetup remove sd

	# Damage: superblocks and units of one, blank another.
	must dd if=/dev/urandom of="$ssd0" bs=4k count=2 oflag=direct status=none
	must dd if=/dev/urandom of="$ssd2" bs=4k seek=8 count=8 oflag=direct status=none
	must dmsetup create sd --table "0 $size superdisk $disk 3 $ssd1 $ssd0 $ssd2"
	is a_damaged_superblock_means_cold "$(ssd_field sd 1 valid | cut -d/ -f1)" 0
	ok damaged_units_mean_cold_pages_only \
		test "$(ssd_field sd 2 valid | cut -d/ -f1)" -lt "$(ssd_field sd 0 valid | cut -d/ -f1)"
	ok right_in_spite_of_it agree
	must dmsetup remove sd
	done_testing
	;;
esac
