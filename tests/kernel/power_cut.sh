#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A power cut loses RAM disks and keeps what virtio disks had acknowledged.
. ./lib.sh

must virtio_disk disk
if [[ $phase -eq 1 ]]; then
	# shellcheck disable=SC2154 # set by virtio_disk
	ok writes_before_the_cut sh -c "echo survivor |
		dd of=$disk status=none bs=512 count=1 conv=sync oflag=direct"
	power_cut 2
fi
is reads_it_after_the_cut \
	"$(dd if="$disk" status=none bs=512 count=1 iflag=direct | head -n 1)" survivor
done_testing
