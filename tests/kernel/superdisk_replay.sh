#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dm-log-writes under the disk and its SSDs records every write and flush of a
# file system at work.  Cut at every flush and after the next write, what the
# SSDs call valid agrees with the disk; and at some of them what is there makes a
# Super-Disk with a file system that is sound.
# vm: timeout=400
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

CUTS=4		# with file system: one of two at a flush, the other between two of them

disk_sectors=$((16 << 11))
ssd_sectors=$((12 << 11))
all_sectors=$((disk_sectors + 2 * ssd_sectors))

# slices PREFIX DEVICE: disk and SSDs as parts of one device, so that one log
# knows the order of all that was written
slices() {
	dmsetup create "$1disk" --table "0 $disk_sectors linear $2 0" &&
		dmsetup create "$1a" --table \
			"0 $ssd_sectors linear $2 $disk_sectors" &&
		dmsetup create "$1b" --table \
			"0 $ssd_sectors linear $2 $((disk_sectors + ssd_sectors))"
}

# cache NAME PREFIX [OPTION...]: a Super-Disk of slices
cache() {
	super_create "$1" "/dev/mapper/$2disk" "/dev/mapper/$2a /dev/mapper/$2b" \
		checkpoint_ms 100 "${@:3}"
}

agrees() {
	blocks same "/dev/mapper/$1" "/dev/mapper/$2disk"
}

# Files that come, grow, change in place and go, each made durable.
work() {
	local i
	for i in $(seq "$1" "$2"); do
		head -c $((i * 3000)) /dev/urandom > "/mnt/file$((i % 5))"
		sync "/mnt/file$((i % 5))"
		dd if=/dev/urandom of=/mnt/big bs=4k count=2 seek=$((i * 7 % 64)) \
			conv=notrunc,fsync oflag=direct status=none
		cat /mnt/file* > /dev/null
	done
}

must load_module dm-superdisk
must has_target log-writes
make_nullb whole $((all_sectors >> 11)) 20000
make_nullb journal 160
must dmsetup create logged --table "0 $all_sectors log-writes $whole $journal"
must slices rec_ /dev/mapper/logged
must cache sd rec_
must mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 /dev/mapper/sd
must mount /dev/mapper/sd /mnt
must work 1 12
must dmsetup suspend sd
must dmsetup resume sd
must work 13 20
must umount /mnt
must dmsetup remove sd
must cache sd rec_
must mount /dev/mapper/sd /mnt
must work 21 30
must umount /mnt
must dmsetup remove sd
must dmsetup remove rec_disk rec_a rec_b
must dmsetup remove logged

mapfile -t flush < <(kmod_replay flushes "$journal")
note "${#flush[@]} flushes recorded"
ok enough_was_recorded test "${#flush[@]}" -gt 100

ok every_flush_agrees kmod_replay check "$journal" $disk_sectors $ssd_sectors 2

# Before the file system exists there is nothing to check.
first=$((${#flush[@]} / 6))
played=0
truncate -s $((all_sectors * 512)) /tmp/base

# at ENTRY: the devices as they were then, as /dev/mapper/try_*
at() {
	kmod_replay apply "$journal" /tmp/base $played "$1" || return
	played=$1
	cp /tmp/base /tmp/try && make_loop try /tmp/try &&
		slices try_ "$try"
}

put_away() {
	dmsetup remove cut && dmsetup remove try_disk try_a try_b &&
		losetup -d "$try"
}

for ((i = 0; i < CUTS; i++)); do
	n=$((first + i * (${#flush[@]} - 1 - first) / CUTS))
	[[ $((i % 2)) -eq 0 ]] && entry=$((flush[n] + 1)) ||
		entry=$(((flush[n] + flush[n + 1] + 1) / 2))
	must at $entry
	# No checksum may hide that an SSD is wrong.
	must cache cut try_ verify off
	note "cut $i after $entry entries: valid $(ssd_field cut 0 valid)" \
		"$(ssd_field cut 1 valid)"
	ok "cut_${i}_agrees" agrees cut try_
	ok "cut_${i}_mounts" mount /dev/mapper/cut /mnt
	must umount /mnt
	ok "cut_${i}_is_sound" quietly e2fsck -fn /dev/mapper/cut
	ok "cut_${i}_is_sound_on_the_disk_alone" quietly e2fsck -fn /dev/mapper/try_disk
	must put_away
done
done_testing
