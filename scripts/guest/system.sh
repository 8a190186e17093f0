#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole system inside the VM: a Super-Disk of four SSDs over a persistent
# disk, ext4 on it, chatd storing there, superdiskd measuring.  Cases source
# it; as a session of `make vm` it starts all that and then a shell.
# shellcheck source-path=SCRIPTDIR/../../tests/kernel

GATEWAY_PORT=8080
METRICS_PORT=9650
CHAT=/mnt/chat

# outside PORT: what PORT of the guest is called on the host's 127.0.0.1.
outside() {
	tr ' ' '\n' < /proc/cmdline | sed -n "s/^superdisk\.port_$1=//p"
}

# start_chatd [OPTION...]: in the background, data in $CHAT; ready when this
# returns.  Its output, the first logins among it, is in /tmp/chatd.log.  The
# first start writes each shard's log once, 32 MiB, which an emulated processor
# on a busy machine takes its time for.
start_chatd() {
	start chatd --data $CHAT/data --listen 0.0.0.0 --port $GATEWAY_PORT \
		--public-url "ws://127.0.0.1:$(outside $GATEWAY_PORT)" "$@" \
		> /tmp/chatd.log 2>&1
	wait_for 300 answers_or_died $! && answers
}

answers_or_died() {
	answers || ! kill -0 "$1"
}

# Not by wget: that of busybox, linked statically, crashes over a name lookup.
answers() {
	timeout 10 bash -c "exec 9<> /dev/tcp/127.0.0.1/$GATEWAY_PORT &&
		printf 'GET /api/v10/gateway HTTP/1.1\r\nHost: here\r\n\r\n' >&9 &&
		head -n 1 <&9 | grep -q 200"
}

start_superdiskd() {
	mkdir -p /run/superdisk
	start superdiskd --listen 0.0.0.0:$METRICS_PORT 2> /tmp/superdiskd.log
	wait_for 60 grep -q ' ready ' /tmp/superdiskd.log
}

# bot_token NAME: of the bots that the first start of chatd made.
bot_token() {
	sed -n "s/^bot $1 *//p" /tmp/chatd.log
}

# --- as a session ----------------------------------------------------------

show_state() {
	dmsetup status superdisk
	cat <<- END

	Super-Disk   /dev/mapper/superdisk on $CHAT, four SSDs of 80 us over
	             a disk of 1.5 ms
	chat         http://127.0.0.1:$(outside $GATEWAY_PORT)/ on your side
	metrics      http://127.0.0.1:$(outside $METRICS_PORT)/metrics there too
	try          superdisk latency
	             kill_ssd ssd2        (and go on chatting)
	             dmsetup status superdisk
	             exit                 (ends the VM)

	END
	sed 's/^/    /' /tmp/chatd.log
}

open_system() {
	local name
	make_disk disk 512
	for name in ssd0 ssd1 ssd2 ssd3; do
		make_mortal $name 160
	done
	must load_module dm-superdisk
	# shellcheck disable=SC2154 # set by make_*
	must super_create superdisk "$disk" "$ssd0 $ssd1 $ssd2 $ssd3"
	must mkfs.ext4 -q /dev/mapper/superdisk
	mkdir -p $CHAT
	must mount /dev/mapper/superdisk $CHAT
	must start_superdiskd
	must start_chatd
	show_state
}

if [[ $0 == ./session ]]; then
	. ./lib.sh
	exec 1>&5
	open_system
	export -f kill_ssd revive_ssd hang_ssd unhang_ssd sectors
	PS1='superdisk# ' bash --norc -i
fi
