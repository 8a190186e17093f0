#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The VM itself: simulated devices behave, and every tool of a case is there.
. ./lib.sh

make_ssd ssd0 64
make_disk disk0 32
# shellcheck disable=SC2154 # set by make_ssd
is ssd_has_the_size_asked "$(blockdev --getsize64 "$ssd0")" $((64 << 20))
ok takes_stamped_pages blocks write "$ssd0" 1
ok returns_them blocks verify "$ssd0" 1
not_ok other_stamps_are_told_apart blocks verify "$ssd0" 2
ok takes_some_of_another_seed blocks write "$ssd0" 2 16 16
ok returns_both blocks verify "$ssd0" 2 16 16
like and_finds_the_pages_that_differ "$(blocks verify "$ssd0" 1)" "16 pages of"

break_sectors ssd0 8 15
not_ok broken_sectors_fail dd if="$ssd0" of=/dev/null status=none bs=4k skip=1 count=1 \
	iflag=direct
ok others_do_not dd if="$ssd0" of=/dev/null status=none bs=4k count=1 iflag=direct
heal_sectors ssd0 8 15
ok healed_sectors_read dd if="$ssd0" of=/dev/null status=none bs=4k skip=1 count=1 \
	iflag=direct

# shellcheck disable=SC2154
ok maps_a_device dmsetup create smoke --table \
	"0 $(sectors "$disk0") linear $disk0 0"
ok makes_ext4 mkfs.ext4 -q /dev/mapper/smoke
must mount /dev/mapper/smoke /mnt
ok writes_a_file sh -c 'echo hello > /mnt/file && sync'
is reads_a_file "$(cat /mnt/file)" hello
for tool in mkfs.xfs mdadm make-bcache lvm cache_check blkdiscard xxd; do
	ok "has_$tool" command -v "$tool"
done
done_testing
