#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dm-superdisk with sound SSDs: what is read is what was written, from the SSD
# where it can be, and the disk alone always holds it all.
# vm: timeout=600 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

make_nullb disk0 32 200000 discard=1
make_ssd ssd0 24
make_ssd ssd1 24
must load_module dm-superdisk
must blocks write "$disk0" 1
must super_create sd "$disk0" "$ssd0 $ssd1" checkpoint_ms 100
sd=/dev/mapper/sd
pages=$((32 << 20 >> 12))

hits() {
	echo $(($(ssd_field sd 0 hits) + $(ssd_field sd 1 hits)))
}

all_valid() {
	ssd_is sd 0 valid $((pages / 2))/$((pages / 2)) &&
		ssd_is sd 1 valid $((pages / 2))/$((pages / 2))
}

like table_is_what_was_asked "$(dmsetup table sd)" \
	"superdisk [0-9:]+ 2 [0-9:]+ [0-9:]+ 2 checkpoint_ms 100$"
ok cold_read_comes_from_the_disk blocks verify $sd 1
is cold_read_hits_nothing "$(hits)" 0
ok what_was_missed_is_filled wait_for 10 all_valid
ok warm_read_is_the_same blocks verify $sd 1
ok warm_read_hits test "$(hits)" -gt 0
is blocks_are_striped_evenly "$(ssd_field sd 0 hits)" "$(ssd_field sd 1 hits)"

must blocks write $sd 2
before=$(hits)
ok reads_what_was_written blocks verify $sd 2
ok writes_reach_the_disk blocks verify "$disk0" 2
ok writes_reach_the_ssds test "$(hits)" -gt "$before"
is nothing_was_rescued "$(ssd_field sd 0 rescues)$(ssd_field sd 1 rescues)" 00

# The SSD is really what answers: change the disk behind the device's back.
must dd if=/dev/zero of="$disk0" bs=64k seek=100 count=1 oflag=direct status=none
not_ok disk_is_changed_behind_our_back blocks verify "$disk0" 2 1600 16
ok hit_does_not_see_the_disk blocks verify $sd 2 1600 16
must blocks write "$disk0" 2 1600 16

ok unaligned_writes_are_taken dd if=/dev/zero of=$sd bs=512 seek=1003 count=37 \
	oflag=direct status=none
ok unaligned_reads_are_equal cmp <(dd if=$sd bs=512 skip=900 count=300 iflag=direct status=none) \
	<(dd if="$disk0" bs=512 skip=900 count=300 iflag=direct status=none)
must blocks write $sd 2
wait_for 10 all_valid

no_doubt() {
	ssd_is sd 0 doubted 0 && ssd_is sd 1 doubted 0
}
ok doubts_are_cleared_when_idle wait_for 10 no_doubt

must dmsetup suspend sd
ok suspended_disk_holds_it_all blocks verify "$disk0" 2
must dmsetup resume sd
ok resume_is_warm all_valid
ok resume_is_right blocks verify $sd 2

must dmsetup remove sd
must super_create sd "$disk0" "$ssd0 $ssd1" checkpoint_ms 100
ok new_device_is_warm all_valid
ok new_device_is_right blocks verify $sd 2

# A disk that forgets what it is told to reads as zeroes there.
must blkdiscard -o 1M -l 3M $sd
ok discards_are_read dd if=$sd of=/tmp/zero bs=1M skip=1 count=3 iflag=direct status=none
is as_what_the_disk_says "$(tr -d '\0' < /tmp/zero | wc -c)" 0
ok as_it_says_itself cmp -n $((3 << 20)) /tmp/zero <(dd if="$disk0" bs=1M skip=1 \
	count=3 iflag=direct status=none)

# Many writers and readers of the same pages, buffers verified.
ok fio_verifies fio --name=v --filename=$sd --direct=1 --ioengine=libaio \
	--iodepth=16 --rw=randrw --bs=4k,4k --bsrange=512-128k --size=32M \
	--io_size="$(fewer 16)M" --verify=crc32c --verify_backlog=64 --minimal --output=/dev/null
ok disk_and_ssds_agree blocks same $sd "$disk0"
must dmsetup message sd 0 bypass 0
must dd if=/dev/zero of=$sd bs=64k count=4 oflag=direct status=none
before=$(ssd_field sd 0 hits)
must dd if=$sd of=/dev/null bs=64k count=64 iflag=direct status=none
is bypassed_ssd_is_not_read "$(ssd_field sd 0 hits)" "$before"
must dmsetup message sd 0 restore 0
ok restored_ssd_is_right blocks same $sd "$disk0"
ok restored_ssd_is_read test "$(ssd_field sd 0 hits)" -gt "$before"
must dmsetup message sd 0 bypass 0
must dmsetup suspend sd
must dmsetup resume sd
ok an_ssd_routed_around_at_a_clean_stop_is_warm \
	test "$(ssd_field sd 0 valid | cut -d/ -f1)" -gt 3000
ok and_right blocks same $sd "$disk0"

# Another table, and back: what was written in between is known to be old.
reload() {
	dmsetup reload sd --table "0 $(sectors "$disk0") superdisk $disk0 2 $ssd0 $ssd1 $*" &&
		dmsetup suspend sd && dmsetup resume sd
}
must blocks write $sd 7
must reload 2 mode passthrough
before=$(hits)
ok passthrough_reads_are_right blocks verify $sd 7
is passthrough_hits_nothing "$(hits)" "$before"
must blocks write $sd 8 100 200
must reload 2 checkpoint_ms 100
like reloaded_is_warm_but_for_what_was_written "$(ssd_field sd 0 valid)" "^3[5-9][0-9][0-9]/4096$"
ok reloaded_is_right blocks same $sd "$disk0"
ok written_through_is_right blocks verify $sd 8 100 200

# Suspended and resumed again and again under load.
fio --name=s --filename=$sd --direct=1 --ioengine=libaio --iodepth=8 --rw=randrw \
	--bs=4k --size=32M --io_size="$(fewer 16)M" --verify=crc32c --verify_backlog=64 \
	--minimal --output=/dev/null &
fio=$!
for _ in 1 2 3 4 5 6; do
	must dmsetup suspend sd
	must dmsetup resume sd
done
ok suspends_under_load_are_not_noticed wait $fio
ok all_agrees_after_them blocks same $sd "$disk0"

must mkfs.ext4 -q $sd
must mount $sd /mnt
cp -r /usr/bin /mnt/ 2> /dev/null
sync
must umount /mnt
ok file_system_is_sound e2fsck -fn $sd
ok file_system_on_the_disk_is_sound e2fsck -fn "$disk0"

# What happens to the disk while the SSDs are away: mounted, restored from a copy of
# an earlier time.
away_while() {
	dmsetup remove sd && "$@" &&
		super_create sd "$disk0" "$ssd0 $ssd1" checkpoint_ms 100
}
valid() {
	echo "$(ssd_field sd 0 valid | cut -d/ -f1) $(ssd_field sd 1 valid | cut -d/ -f1)"
}
mounted() {
	mount "$disk0" /mnt && umount /mnt
}
must away_while true
ok unchanged_it_is_warm test "$(valid)" != "0 0"
must away_while mounted
is mounted_elsewhere_it_is_cold "$(valid)" "0 0"
must blocks same $sd "$disk0"
must away_while cp "$disk0" /tmp/snapshot
ok copied_elsewhere_it_is_warm test "$(valid)" != "0 0"
must mount $sd /mnt
must rm /mnt/bin/bash
must umount /mnt
must away_while dd if=/tmp/snapshot of="$disk0" bs=1M oflag=direct status=none
is restored_from_a_snapshot_it_is_cold "$(valid)" "0 0"
must mount $sd /mnt
ok and_has_what_was_removed_since cmp /mnt/bin/bash /bin/bash
must umount /mnt
rm /tmp/snapshot
ok removes dmsetup remove sd
ok unloads rmmod dm-superdisk
done_testing
