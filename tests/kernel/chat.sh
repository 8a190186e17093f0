#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two discord.js clients talk through a chatd that stores on a Super-Disk.  An
# SSD dies half way and nobody notices; the disk alone has it all.  When that
# disk refuses writes so does chatd, reads go on, and nothing is lost.
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
# That a turn is slow is said of the emulated processor.
said=$(grep -iE 'error|warn' /tmp/chatd.log | grep -v ' actor hog ') || true
is chatd_says_no_word_of_it "$said" ""

# What the disk holds, without the module and its SSDs, is the same chat.
must kill -TERM $chatd
ok chatd_stops wait_for 60 bash -c "! kill -0 $chatd"
# The kernel takes a ring apart after its process has gone.
ok and_lets_go_of_its_disk wait_for 60 umount "$CHAT"
must dmsetup remove sd
# plain TARGET: what /dev/mapper/plain over the disk does from now on.
# shellcheck disable=SC2317 # must calls it
plain() {
	dmsetup reload plain --table "0 $(sectors "$disk0") $*" &&
		dmsetup suspend --noflush --nolockfs plain &&
		dmsetup resume plain
}

# on_plain: chatd on the disk alone.
on_plain() {
	must mount /dev/mapper/plain "$CHAT"
	start_chatd --cores 1 ||
		{ cat /tmp/chatd.log; bail chatd does not start; }
	chatd=$!
}

# repair DEVICE: what ext4 did not get onto the disk, names without files.
repair() {
	local status=0

	e2fsck -fy "$1" > /tmp/e2fsck.log 2>&1 || status=$?
	[[ $status -le 1 ]] || { cat /tmp/e2fsck.log; bail e2fsck: $status; }
}

must dmsetup create plain --table "0 $(sectors "$disk0") linear $disk0 0"
on_plain
host_start node tests/e2e/vm.mjs read "$token" $MESSAGES
host_wait
is the_disk_alone_has_every_message $? 0

must has_target flakey
must plain flakey "$disk0" 0 0 3600 1 error_writes
host_start node tests/e2e/vm.mjs refused "$token" $MESSAGES
host_wait
is a_disk_that_fails_refuses_sends_and_not_reads $? 0
like chatd_says_why "$(cat /tmp/chatd.log)" log_write_failed
must plain linear "$disk0" 0
kill -KILL $chatd
ok chatd_is_gone wait_for 60 bash -c "! kill -0 $chatd"
# The file system has seen errors as well: it begins anew.
must wait_for 60 umount "$CHAT"
repair /dev/mapper/plain
on_plain
host_start node tests/e2e/vm.mjs read "$token" $MESSAGES
host_wait
is nothing_acknowledged_is_lost $? 0
done_testing
