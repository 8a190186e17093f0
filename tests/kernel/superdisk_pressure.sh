#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No memory is left but what dirty pages of the Super-Disk hold: writing them
# back is the only way to get some, and must not need any: nothing in the module
# asks for memory and waits for it while there is I/O.
# vm: timeout=400 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

SPARE_MIB=80	# what is left to everybody

end() {
	local status=$?

	rm -f /mnt/hog/*
	(exit $status)
	clean_up
}
trap end EXIT

# What asks for memory and may wait for it, with the functions that led there.
tracing=/sys/kernel/tracing
kmem=$tracing/events/kmem
MAY_WAIT=0x400	# __GFP_DIRECT_RECLAIM

watch_waits() {
	local event
	# Or the names would come without the module's.
	echo 1 > $tracing/options/sym-offset
	echo 4096 > $tracing/buffer_size_kb
	for event in mm_page_alloc kmalloc kmem_cache_alloc; do
		echo "stacktrace if gfp_flags & $MAY_WAIT" \
			> $kmem/$event/trigger || return
	done
}

# How many of their traces lead through the module.
ours() {
	grep -c '\[dm_superdisk\]' $tracing/trace
}

available_mib() {
	awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo
}

# The RAM disks take all that they will ever need first.
make_disk disk0 48 100000
make_ssd ssd0 32 20000
make_ssd ssd1 32 20000
for name in $disk0 $ssd0 $ssd1; do
	must blocks write $name 0
done
must load_module dm-superdisk
must super_create sd "$disk0" "$ssd0 $ssd1" buffer_kib 1024
must mkfs.ext4 -q -E nodiscard /dev/mapper/sd
mkdir -p /mnt/sd /mnt/hog
must watch_waits
must dmsetup message sd 0 replace 1 "$ssd1"
ok a_command_may_wait_for_memory test "$(ours)" -gt 0
echo > $tracing/trace
must mount -o nodiscard /dev/mapper/sd /mnt/sd
must mount -t tmpfs -o size=100% hog /mnt/hog
must dd if=/dev/zero of=/mnt/hog/all bs=1M status=none \
	count=$(($(available_mib) - SPARE_MIB))
note "$(available_mib) MiB are left"
ok memory_is_short test "$(available_mib)" -lt $((SPARE_MIB * 3 / 2))

ok buffered_writes_are_verified fio --name=b --directory=/mnt/sd --rw=randwrite \
	--bs=4k --bsrange=4k-256k --size=10M --numjobs=2 --io_size=12M \
	--verify=crc32c --minimal --output=/tmp/fio
ok mapped_writes_are_verified fio --name=m --directory=/mnt/sd --rw=randwrite \
	--ioengine=mmap --bs=4k --size=8M --io_size=8M --verify=crc32c \
	--minimal --output=/tmp/fio
is none_of_it_waits_for_memory "$(ours)" 0
note "$(grep -c '<stack trace>' $tracing/trace) have waited, or might have"
note "copies $(ssd_field sd 0 writes), writes without $(ssd_field sd 0 write_arounds)"
ok copies_are_made_all_the_same test "$(ssd_field sd 0 writes)" -gt 100
ok members_are_changed dmsetup message sd 0 replace 0 "$ssd0"
ok tables_are_reloaded eval "dmsetup table sd | dmsetup reload sd &&
	dmsetup suspend sd && dmsetup resume sd"
rm /mnt/hog/all
must umount /mnt/sd
ok file_system_is_sound quietly e2fsck -fn /dev/mapper/sd
ok disk_and_ssds_agree blocks same /dev/mapper/sd "$disk0"
must dmsetup remove sd
done_testing
