#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# xfs on a Super-Disk, and the machine dies again and again: what fsync
# acknowledged is there, as a list outside says, and xfs finds nothing wrong.  The
# disk is slower than the SSDs by far when it happens.
# vm: timeout=600 fresh
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

must virtio_disk disk
must virtio_disk ssd0
must virtio_disk ssd1
must virtio_disk ssd2	# remembers what was acknowledged
must load_module dm-superdisk
modprobe xfs 2> /dev/null
must has_target delay
size=$(($(sectors "$disk") * 7 / 8))
sd=/dev/mapper/sd
must dmsetup create far --table "0 $size linear $disk 0"
create() {
	dmsetup create sd --table "0 $size superdisk /dev/mapper/far 2 $ssd0 $ssd1 2 \
		checkpoint_ms 200"
}
must create

# Writes take two seconds from now on.
slow_down() {
	dmsetup reload far --table "0 $size delay $disk 0 0 $disk 0 2000" &&
		dmsetup suspend --nolockfs far && dmsetup resume far
}

acknowledged() {
	dd if="$ssd2" bs=512 count=1 iflag=direct status=none | head -n 1
}

acknowledge() {
	echo "$1" | dd of="$ssd2" bs=512 count=1 conv=sync oflag=direct status=none
}

# One line a file, each made durable before it is acknowledged.
write_on() {
	local i
	i=$(acknowledged)
	while :; do
		i=$((i + 1))
		echo "line $i" > "/mnt/$((i % 97))" || return
		sync "/mnt/$((i % 97))" && acknowledge $i || return
	done
}

check_lines() {
	local last i line
	last=$(acknowledged)
	for ((i = last; i > last - 97 && i > 0; i--)); do
		read -r _ line < "/mnt/$((i % 97))" || return
		# The write after the last acknowledged one may be there too.
		[[ $line -eq $i || ($line -eq $((last + 1)) &&
			$line -eq $((i + 97))) ]] || return
	done
}

agree() {
	blocks same $sd "$disk"
}

if [[ $phase -eq 1 ]]; then
	# Whole pages, also of the log: parts are not copied to the SSDs.
	must mkfs.xfs -q -s size=4096 --unsupported $sd
	must acknowledge 0
else
	before=$(acknowledged)
	note "acknowledged $before, valid $(ssd_field sd 0 valid)"
	ok mounts_after_the_crash mount $sd /mnt
	ok what_was_acknowledged_is_there check_lines
	must umount /mnt
	ok is_sound quietly xfs_repair -n $sd
	ok is_sound_on_the_disk_alone quietly xfs_repair -n "$disk"
	ok disk_and_ssds_agree agree
fi
if [[ $phase -lt 3 ]]; then
	must mount $sd /mnt
	start write_on
	goal=$(($(acknowledged) + 40))
	enough() {
		[[ $(acknowledged) -ge $goal ]]
	}
	ok writes_for_a_while wait_for 120 enough
	ok the_disk_is_slow_now slow_down
	# One may have been written before.
	goal=$(($(acknowledged) + 2))
	ok writes_on wait_for 120 enough
	power_cut $((phase + 1))
fi
must dmsetup remove sd

# Somebody mounts the disk while the SSDs are away.
must create
ok a_clean_stop_is_warm test "$(ssd_field sd 0 valid | cut -d / -f 1)" -gt 0
must dmsetup remove sd
must mount /dev/mapper/far /mnt
echo elsewhere > /mnt/elsewhere
must umount /mnt
must create
is a_disk_mounted_without_them_makes_them_cold \
	"$(ssd_field sd 0 valid | cut -d / -f 1)" 0
must mount $sd /mnt
is and_what_was_written_there_is_read "$(cat /mnt/elsewhere)" elsewhere
must umount /mnt
ok and_all_agrees agree
must dmsetup remove sd
must dmsetup remove far
done_testing
