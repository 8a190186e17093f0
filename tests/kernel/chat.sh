#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two discord.js clients talk through a chatd that stores on a Super-Disk.  An
# SSD dies half way and nobody notices; the disk alone has it all.
# vm: timeout=900
. ./lib.sh
. ./system.sh

MESSAGES=120

# writes NAME: how many requests a mapped device has written.
writes() {
	local number
	number=$(dmsetup info -c --noheadings --separator : -o major,minor "$1")
	awk '{ print $5 }' "/sys/dev/block/$number/stat"
}

# shellcheck disable=SC2154 # set by make_*
{
	make_disk disk0 256
	make_mortal ssd0 96
	make_mortal ssd1 96
	make_mortal ssd2 96
	make_mortal ssd3 96
	must load_module dm-superdisk
	must super_create sd "$disk0" "$ssd0 $ssd1 $ssd2 $ssd3"
}
must mkfs.ext4 -q /dev/mapper/sd
must mkdir -p "$CHAT"
must mount /dev/mapper/sd "$CHAT"
start_chatd --cores 1 || { cat /tmp/chatd.log; bail chatd does not start; }
chatd=$!

token=$(bot_token ping)
before=$(writes sd)
host_start node tests/e2e/vm.mjs talk "$(bot_token ping)" "$(bot_token pong)" \
	$MESSAGES

# shellcheck disable=SC2317 # wait_for calls it
half_is_written() {
	[[ $(($(writes sd) - before)) -ge $((MESSAGES / 2)) ]]
}
ok messages_reach_the_super_disk wait_for 300 half_is_written
ok an_ssd_dies_half_way kill_ssd ssd1
host_wait
is clients_notice_nothing $? 0
is the_module_noticed "$(ssd_field sd 1 state)" failed
is chatd_says_no_word_of_it "$(grep -ciE 'error|warn' /tmp/chatd.log)" 0

# What the disk holds, without the module and its SSDs, is the same chat.
must kill -TERM $chatd
ok chatd_stops wait_for 60 bash -c "! kill -0 $chatd"
must umount "$CHAT"
must dmsetup remove sd
must mount "$disk0" "$CHAT"
start_chatd --cores 1 || { cat /tmp/chatd.log; bail chatd does not start; }
host_start node tests/e2e/vm.mjs read "$token" $MESSAGES
host_wait
is the_disk_alone_has_every_message $? 0
done_testing
