#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An honest block device: sector sizes, any alignment, big and polled and
# non-blocking requests, zeroes, several targets in one table, growth.
# vm: timeout=400 tools=fio,fallocate
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

sd=/dev/mapper/sd

# same NAME DEVICE: the Super-Disk reads like its disk, cold and warm
same() {
	for _ in 1 2; do
		blocks same "/dev/mapper/$1" "$2" || return
	done
}

# direct DEVICE: all of it, past the page cache
direct() {
	dd if="$1" bs=1M iflag=direct status=none
}

# queue FILE: what the block layer says of sd
queue() {
	cat "/sys/block/$(dmsetup info -c --noheadings -o blkdevname sd)/queue/$1"
}

# load NAME OPTION...: fio, verified, on a Super-Disk
load() {
	fio --name=v --filename="/dev/mapper/$1" --direct=1 --size=4M \
		--io_size="$(($(fewer 8) * 256))k" --rw=randrw --verify=crc32c --verify_backlog=32 \
		--minimal --output=/tmp/fio "${@:2}"
}

must load_module dm-superdisk

# --- sectors of 4096 bytes
make_nullb disk4k 4 100000 blocksize=4096
make_nullb ssd4k 8 20000 blocksize=4096 discard=1
make_disk disk0 8 100000
make_ssd ssd0 12 20000
make_ssd ssd1 12 20000
must super_create sd "$disk4k" "$ssd4k"
is sectors_of_4096_are_passed_on "$(queue logical_block_size)" 4096
ok they_are_verified load sd --ioengine=libaio --iodepth=8 --bs=4k \
	--bsrange=4k-256k
ok and_agree same sd "$disk4k"
not_ok a_part_of_a_sector_is_refused dd if=$sd of=/dev/null bs=512 count=1 \
	iflag=direct status=none
must dmsetup remove sd

must super_create sd "$disk0" "$ssd0 $ssd4k"
is the_largest_sector_counts "$(queue logical_block_size)" 4096
must dmsetup remove sd

# Sizes that are no multiple of the other's sectors: the disk is served.
must dmsetup create odd --table "0 $((16 << 10 | 5)) linear $ssd0 0"
ok an_ssd_of_odd_size_is_no_trouble super_create sd "$disk4k" /dev/mapper/odd
is it_is_used "$(ssd_field sd 0 state)" in
must dmsetup remove sd
must dmsetup remove odd
ok nor_is_a_target_of_odd_size dmsetup create sd --table \
	"0 $((8 << 10 | 4)) superdisk $disk0 2 $ssd4k $ssd0 0"
is one_of_larger_sectors_is_left_out \
	"$(ssd_field sd 0 state) $(ssd_field sd 1 state)" "vacant in"
must dmsetup remove sd

# An SSD of larger sectors than the device promises cannot be put in on line.
must super_create sd "$disk0" "$ssd0 -" verify off
is sectors_of_512_are_passed_on "$(queue logical_block_size)" 512
not_ok an_ssd_of_larger_sectors_is_not_let_in dmsetup message sd 0 add 1 "$ssd4k"
ok one_that_fits_is dmsetup message sd 0 add 1 "$ssd1"
ok sectors_are_verified_without_checksums load sd --ioengine=libaio --iodepth=8 \
	--bs=512 --bsrange=512-16k
ok and_agree_without_checksums same sd "$disk0"
must dmsetup remove sd

# Devices named twice: what is in use already is left alone.
must super_create sd "$disk0" "$disk0 $ssd0 $ssd0"
is the_disk_is_not_taken_for_an_ssd "$(ssd_field sd 0 device)" -
is an_ssd_is_taken_once "$(ssd_field sd 1 state)$(ssd_field sd 2 device)" in-
must blocks write $sd 9
ok their_disk_is_right blocks verify "$disk0" 9
not_ok nor_is_it_on_line dmsetup message sd 0 add 0 "$disk0"
must dmsetup remove sd
twice() {
	dmsetup create twice <<- END
		0 4096 superdisk $1 1 $2
		4096 4096 superdisk $3 1 $4
	END
}
not_ok two_targets_do_not_share_a_disk twice "$disk0" "$ssd0" "$disk0" "$ssd1"
ok nor_an_ssd twice "$disk0" "$ssd0" "$ssd1" "$ssd0"
is it_is_with_the_first "$(dmsetup status twice | awk '{ print $10 }' |
	sed 's/.*:.*/taken/' | xargs)" "taken -"
must dmsetup remove twice
# Nor do two devices: each would overwrite the other's pages, with its own sums.
must super_create sd "$disk0" "$ssd0"
not_ok two_devices_do_not_share_a_disk super_create other "$disk0" "$ssd1"
must super_create other "$disk4k" "$ssd0"
is neither_an_ssd "$(ssd_field other 0 device)" -
not_ok neither_on_line dmsetup message other 0 add 0 "$ssd0"
must dmsetup remove sd
ok one_that_is_free_again_is_taken dmsetup message other 0 add 0 "$ssd0"
must dmsetup remove other

# --- how requests are made
must super_create sd "$disk0" "$ssd0 $ssd1"
ok sectors_are_verified load sd --ioengine=libaio --iodepth=8 --bs=512 \
	--bsrange=512-16k
ok big_requests_are_verified load sd --ioengine=libaio --iodepth=4 --bs=1M \
	--bsrange=256k-4M
ok io_uring_is_verified load sd --ioengine=io_uring --iodepth=16 --bs=4k
ok nowait_is_verified load sd --ioengine=io_uring --iodepth=16 --bs=4k --nowait=1
ok nowait_of_parts_is_verified load sd --ioengine=io_uring --iodepth=16 \
	--bs=512 --bsrange=512-12k --nowait=1
ok vectors_of_odd_buffers_are_verified load sd --ioengine=pvsync --bs=20k \
	--iomem_align=512 --mem=malloc
ok agree_after_all_that same sd "$disk0"
must dmsetup remove sd

# What dm knows of the devices it knows from when the table was loaded: an SSD that
# comes later may be unable to refuse what would wait.
must has_target delay
must dmsetup create mute --table "0 $(sectors "$ssd1") delay $ssd1 0 0"
sound() {
	same sd "$1" && [[ $(ssd_field sd "$2" read_errors) -eq 0 &&
		$(ssd_field sd "$2" retired) -eq 0 ]]
}
for bounds in "" "read_ms off hedge_us off"; do
	must super_create sd "$disk0" "$ssd0 -" $bounds
	must dmsetup message sd 0 add 1 /dev/mapper/mute
	ok "nowait_finds_an_ssd_that_knows_none_${bounds:+un}bounded" \
		load sd --ioengine=io_uring --iodepth=16 --bs=4k --nowait=1
	ok "and_no_page_of_it_bad_${bounds:+un}bounded" sound "$disk0" 1
	must dmsetup remove sd
done
must dmsetup remove mute

make_nullb polled_ssd 8 20000 poll_queues=1
make_nullb polled_disk 4 100000 poll_queues=1
# null_blk takes memory for what is written first, in its poll even, which must
# not sleep: now it has all that it will ever need.
for name in $polled_ssd $polled_disk; do
	must blocks write "$name" 0
done
must super_create sd "$polled_disk" "$polled_ssd" hedge_us 2000
note "polled: $(queue io_poll)"
ok polled_requests_are_verified_through_copies load sd --ioengine=io_uring \
	--iodepth=8 --bs=4k --hipri=1
must dmsetup remove sd
must super_create sd "$polled_disk" "$polled_ssd"
ok polled_requests_are_verified load sd --ioengine=io_uring --iodepth=8 \
	--bs=4k --hipri=1
ok polled_parts_are_verified load sd --ioengine=io_uring --iodepth=8 --bs=512 \
	--bsrange=512-12k --hipri=1
ok agree_after_polling same sd "$polled_disk"
must dmsetup remove sd

# --- zeroes: of the drivers here only loop knows how to write them, where it may
# free what is under them, as fallocate(1) lets it; else they would be written
truncate -s 12M /tmp/disk
truncate -s 24M /tmp/ssd
for name in disk ssd; do
	must make_loop zeroing_$name /tmp/$name
done
must super_create sd "$zeroing_disk" "$zeroing_ssd" checkpoint_ms 100
ok write_zeroes_is_offered test "$(queue write_zeroes_max_bytes)" -gt 0
must blocks write $sd 1
all_cached() {
	blocks verify $sd 1 && ssd_is sd 0 valid 3072/3072
}
must wait_for 60 all_cached
zeroes_reach_the_disk() {
	fallocate -p -o $((1 << 20)) -l $((3 << 20)) $sd &&
		cmp -n $((3 << 20)) /dev/zero <(dd if="$zeroing_disk" bs=1M \
			skip=1 count=3 iflag=direct status=none)
}
ok zeroes_reach_the_disk zeroes_reach_the_disk
ok zeroes_are_read cmp -n $((3 << 20)) /dev/zero \
	<(dd if=$sd bs=1M skip=1 count=3 iflag=direct status=none)
ok what_is_beside_them_stays blocks verify $sd 1 0 256
ok and_behind_them blocks verify $sd 1 1024 1024
ok discards_a_range blkdiscard -o $((5 << 20)) -l $((2 << 20)) $sd
ok agree_after_zeroes same sd "$zeroing_disk"
ok zeroes_of_odd_ranges fallocate -p -o 4608 -l 70144 $sd
ok agree_after_odd_ranges same sd "$zeroing_disk"
must dmsetup remove sd

# --- several targets in one table, and a linear one between them
must has_target zero
make_disk disk1 8 100000
make_ssd ssd2 12 20000
must blocks write "$disk0" 1
must blocks write "$disk1" 2
dmsetup create sd <<- END
	0 $(sectors "$disk0") superdisk $disk0 1 $ssd0
	$(sectors "$disk0") 2048 zero
	$(($(sectors "$disk0") + 2048)) $(sectors "$disk1") superdisk $disk1 1 $ssd1 2 checkpoint_ms 100
END
ok two_targets_have_two_states test "$(dmsetup status sd | grep -c 'active mirror')" -eq 2
second=$((8 + 1))
ok the_first_reads_its_disk blocks verify $sd 1 0 2048
both() {
	cmp <(dd if=$sd bs=1M skip=$second iflag=direct status=none) \
		<(direct "$disk1")
}
ok the_second_reads_its_disk both
ok the_second_reads_it_again both
must dd if=/dev/urandom of=$sd bs=1M seek=$((second - 2)) count=6 conv=notrunc \
	oflag=direct status=none
ok writes_across_both_reach_both cmp <(direct $sd) \
	<(direct "$disk0" && head -c $((1 << 20)) /dev/zero && direct "$disk1")
ok a_message_finds_the_second dmsetup message sd \
	$(($(sectors "$disk0") + 2048)) bypass 0
is only_that_is_routed_around "$(dmsetup status sd | grep superdisk |
	awk '{ print $11 }' | xargs)" "in bypass"
must dmsetup remove sd

# --- the disk grows, on line and warm
part() {
	echo "0 $1 superdisk $disk0 2 $ssd0 $ssd1 2 checkpoint_ms 100"
}
must dmsetup create sd --table "$(part $((4 << 11)))"
must blocks write $sd 3
warm() {
	blocks verify $sd 3 0 1024 && ssd_is sd 0 valid 512/512 &&
		ssd_is sd 1 valid 512/512
}
must wait_for 20 warm
must blocks write "$disk0" 4 1024 1024
must dmsetup reload sd --table "$(part $((8 << 11)))"
must dmsetup suspend sd
must dmsetup resume sd
is it_has_grown "$(blockdev --getsize64 $sd)" $((8 << 20))
is what_was_warm_is_warm "$(ssd_field sd 0 valid)$(ssd_field sd 1 valid)" \
	512/1024512/1024
ok old_part_is_right blocks verify $sd 3 0 1024
ok new_part_is_right blocks verify $sd 4 1024 1024
ok all_agrees_when_grown same sd "$disk0"
must dmsetup remove sd

# A disk that shrank is another disk.
must dmsetup create sd --table "$(part $((4 << 11)))"
is a_disk_that_shrank_is_cold "$(ssd_field sd 0 valid)" 0/512
ok and_right blocks verify $sd 3
must dmsetup remove sd
done_testing
