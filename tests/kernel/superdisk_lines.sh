#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Status and table lines, however long: they are whole or dm is told that they
# want more room, and a table given back makes the same device.
# vm: timeout=120
# Functions are called by wait_for and ok, paths have no blanks, make_* sets names.
# shellcheck disable=SC2317,SC2086,SC2154
. ./lib.sh

most=16		# SSDs
sd=/dev/mapper/sd
make_disk disk0 4 100000
make_nullb ssds $((most * 4))
must load_module dm-superdisk
must blocks write "$disk0" 1

# A path as long as the kernel takes them.
place=/dev
while [[ ${#place} -lt 3800 ]]; do
	place+=/$(printf 'p%.0s' {1..200})
done
must mkdir -p "$place"

paths=
for ((i = 0; i < most; i++)); do
	must dmsetup create ssd$i --table "0 8192 linear $ssds $((i * 8192))"
	must ln -s "/dev/mapper/ssd$i" "$place/$i"
	paths+=" $place/$i"
done

# Each option other than it is by itself.
options="mode cache block_sectors 64 verify off attach verify hedge_us auto
	read_ms 600000 timeout_ms 600000 checkpoint_ms 600000 buffer_kib 1024
	warm 4294967295 read_kib 1024 heat_s 31536000 policy sieve
	sequential_kib 1073741824 fill_dwpd 1000"
echo "0 8192 superdisk $disk0 $most$paths $(wc -w <<< "$options")" $options \
	> /tmp/table
ok as_many_ssds_of_paths_as_long_as_there_may_be \
	dmsetup create sd /tmp/table
ok all_are_read blocks verify $sd 1

# each STATE: as many SSDs are in it
each() {
	dmsetup status sd | tr ' ' '\n' | grep -cx "$1"
}
is all_ssds_are_in_the_status "$(each in)" $most
like to_the_end_of_the_line "$(dmsetup status sd)" \
	" sieve warm [a-z]+ [0-9]+ 4294967295$"
table=$(dmsetup table sd)
like all_options_are_in_the_table "$table" " $(xargs <<< "$options")$"
ok no_status_is_cut lines status sd
ok no_table_is_cut lines table sd
must dmsetup remove sd
ok a_table_is_taken_back dmsetup create sd --table "$table"
is it_makes_the_same_device "$(dmsetup table sd)" "$table"
is with_all_ssds "$(each in)" $most
must dmsetup remove sd

# Nothing but the defaults, and positions that are vacant.
read -ra word <<< "$table"
vacant="0 8192 superdisk ${word[3]} 3 - ${word[5]} -"
must dmsetup create sd --table "$vacant"
is vacant_positions_are_in_it "$(dmsetup table sd)" "$vacant"
ok nor_is_a_status_of_them_cut lines status sd
ok nor_their_table lines table sd
must dmsetup remove sd

# Two targets: where the second one does not fit, nor is the first one cut.
make_disk disk1 4 100000
must dmsetup create sd <<- END
	0 8192 superdisk $disk0 2 /dev/mapper/ssd0 /dev/mapper/ssd1
	8192 8192 superdisk $disk1 1 /dev/mapper/ssd2 2 verify off
END
ok no_status_of_two_targets_is_cut lines status sd
ok nor_their_tables lines table sd
table=$(dmsetup table sd)
must dmsetup remove sd
ok both_are_taken_back dmsetup create sd --table "$table"
is and_are_the_same "$(dmsetup table sd)" "$table"
must dmsetup remove sd
ok unloads rmmod dm-superdisk
done_testing
