#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is under way at the same time, with nothing to correct it afterwards
# (verify off): a fill and a write of one page, writes of one page, a write of
# memory that changes and a read into it, a flush.
# vm: timeout=200 tools=fio
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

sd=/dev/mapper/sd

# page N / page N DEVICE: its text
page() {
	dd if="${2:-$sd}" bs=4k skip="$1" count=1 iflag=direct status=none | head -n 1
}

write_page() {
	echo "$2" | dd of=$sd bs=4k seek="$1" conv=sync,notrunc oflag=direct \
		status=none
}

must load_module dm-superdisk

# The disk takes its data at once and answers after 400 ms; the SSD is quick.
make_disk slow 8 400000000
make_ssd ssd0 16 20000
must super_create sd "$slow" "$ssd0" verify off
must write_page 3 old
is a_write_is_cached "$(ssd_field sd 0 writes)" 1
must dmsetup message sd 0 replace 0 "$ssd0"
is nothing_is_cached_now "$(ssd_field sd 0 valid)" 0/2048
before=$(ssd_field sd 0 misses)
start page 3
missed() {
	[[ $(ssd_field sd 0 misses) -gt $before ]]
}
ok a_read_is_under_way wait_for 10 missed
must write_page 3 new
wait "${started[0]}"
at_rest() {
	ssd_is sd 0 fills_dropped 1 || ssd_is sd 0 fills 1
}
ok its_fill_has_ended wait_for 10 at_rest
is the_fill_does_not_bring_back_what_was_overwritten "$(page 3)" new
is the_disk_has_it_too "$(page 3 "$slow")" new

# Whoever may read may not write: what a reader does with its memory before it has
# been answered does not come to the SSD, where others find it.
must dmsetup message sd 0 replace 0 "$ssd0"
before=$(ssd_field sd 0 fills)
must blocks unsteady-read $sd 0 0 64
all_filled() {
	[[ $(ssd_field sd 0 fills) -ge $((before + 4)) ]]
}
ok what_was_read_is_filled wait_for 10 all_filled
before=$(ssd_field sd 0 hits)
ok with_what_the_disk_said blocks same $sd "$slow" 0 64
ok as_hits_show test "$(ssd_field sd 0 hits)" -ge $((before + 4))
must dmsetup remove sd

# Many writers of the same few pages: disk and SSD may see them in different
# orders, but must never disagree for good.
make_disk disk0 8 300000
must super_create sd "$disk0" "$ssd0" verify off
fio --name=r --filename=$sd --direct=1 --ioengine=libaio --iodepth=16 \
	--rw=randrw --bs=4k --size=128k --norandommap --io_size="$(fewer 8)M" \
	--refill_buffers --numjobs=2 --minimal --output=/dev/null
for n in 1 2; do
	ok "racing_writes_agree_$n" blocks same $sd "$disk0"
done

# Whose memory changes while it is written must not get two versions of it.
before=$(ssd_field sd 0 writes)
ok memory_that_changes_is_written blocks unsteady $sd 1
ok to_the_ssd_as_well test "$(ssd_field sd 0 writes)" -gt "$before"
before=$(ssd_field sd 0 hits)
ok both_have_the_same_of_it blocks same $sd "$disk0"
ok as_hits_tell test "$(ssd_field sd 0 hits)" -gt "$before"
must dmsetup remove sd

# Flushes reach a disk that has a volatile cache, and so does FUA.  O_DSYNC
# flushes afterwards whether or not FUA is passed on: so what the disk is sent
# is looked at.
tracing=/sys/kernel/tracing
make_nullb cached 8 100000 cache_size=4
must super_create sd "$cached" "$ssd0"
# cache_of_sd: what the block layer believes of it, and so asks it to flush
cache_of_sd() {
	cat "/sys/block/$(dmsetup info -c --noheadings -o blkdevname sd)/queue/write_cache"
}
is flushes_are_wanted_for_such_a_disk "$(cache_of_sd)" "write back"
flushes() {
	awk '{ print $16 }' "/sys/class/block/${cached##*/}/stat"
}
before=$(flushes)
must dd if=/dev/zero of=$sd bs=4k count=1 conv=fsync oflag=direct status=none
ok a_flush_reaches_the_disk test "$(flushes)" -gt "$before"
before=$(flushes)
must dd if=/dev/zero of=$sd bs=4k count=1 oflag=direct,dsync status=none
ok a_synchronous_write_is_flushed_too test "$(flushes)" -gt "$before"
IFS=: read -r major minor < "/sys/class/block/${cached##*/}/dev"
event=$tracing/events/block/block_bio_queue
must eval "echo 'dev == $((major << 20 | minor))' > $event/filter"
must eval "echo 1 > $event/enable"

# fua_writes BYTES: writes of that size, with FUA, that the disk was sent
fua_writes() {
	echo > $tracing/trace
	dd if=/dev/zero of=$sd bs="$1" count=3 oflag=direct,dsync status=none
	grep -c "block_bio_queue: .* WF[^ ]* [0-9]* + $(($1 / 512)) " \
		$tracing/trace
}
is fua_reaches_the_disk_from_copies "$(fua_writes 4096)" 3
is and_from_writes_around "$(fua_writes 512)" 3
echo 0 > $event/enable
must dmsetup remove sd

# A disk that has none has no use for flushes, whatever the SSD has; kernels
# before 6.11 cannot tell the two apart.
must super_create sd "$disk0" "$ssd0"
is no_flush_is_wanted_for_a_disk_without_a_cache "$(cache_of_sd)" "write through"
must dmsetup remove sd
make_nullb cached_ssd 16 20000 cache_size=4
must super_create sd "$disk0" "$cached_ssd"
if [[ $(uname -r) == 6.1.* ]]; then
	skip nor_because_of_the_ssd this kernel cannot tell
else
	is nor_because_of_the_ssd "$(cache_of_sd)" "write through"
fi
must dmsetup remove sd
done_testing
