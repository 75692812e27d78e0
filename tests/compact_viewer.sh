#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The viewer on a compact target: what needs birth stamps says that there are none.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

steady=$VICTIMS/steady

screen 'blocks, ages, threads, growth' 24 80 'wait make_rows
match " exact, compact +pid "
tab Sizes
wait "no birth stamps in compact mode"
match "^all 1,[0-9]{3} live blocks, "
keys <Space>
match "^1,000 live blocks, 977 KiB of [0-9.]+ [KM]iB: 897-1K bytes$"
keys <Right><Space><Enter>
wait "Sites]"
match "1 of 1 call site, only blocks of 897-1K bytes "
keys x
wait! "only blocks of"
keys b
wait "1,000 blocks, 977 KiB, of make_rows"
wait "1 of 1,000 blocks, no birth stamps in compact mode"
match "^ +0x[0-9a-f]+ +1,000 +- +- *$"
keys <Enter>
wait "1,000 bytes"
match "^ +0  [0-9a-f][0-9a-f] [0-9a-f][0-9a-f] "
keys q
tab Threads
wait "no threads of blocks in compact mode"
keys <Space><Enter>
wait "Threads]"
wait "whole run"
keys m
wait "mark 1 is set at 977 KiB live"
tab Output
keys i
wait "Stop typing"
keys m\n
wait "got m"
keys <C-]>D
wait "what is still alive is not known: no birth stamps in compact mode"
wait "Sites]"
match "^ \+977K +\+1.00k +\+1.00k +- +- .* make_rows"
keys b
wait "1,000 blocks, 977 KiB, of make_rows"
wait! "since the mark"
resize 5 20
wait "terminal too small"
resize 60 200
wait "1,000 blocks"
keys qD
tab Tree
wait make_rows
match "AGE"
match "^ .* 1.00k .* - .* make_rows "
tab Output
keys iq\n
wait "exited with status 3"' "$MEMTOP" run --compact -- "$steady"

mkfifo "$TMP/in"
LD_PRELOAD=$MEMTOP_AGENT MEMTOP_COMPACT=1 "$steady" <"$TMP/in" >"$TMP/said" &
victim=$!
exec 3>"$TMP/in"
within 60 grep -q steady "$TMP/said"
"$MEMTOP" snapshot -o "$TMP/blocks" --blocks "$victim" >/dev/null
screen 'a file of it' 24 80 'wait make_rows
match " exact, compact +pid "
tab Sizes
wait "no birth stamps in compact mode"
tab Sites
keys b
wait "1,000 blocks, 977 KiB, of make_rows"
match "^ +0x[0-9a-f]+ +1,000 +- +- *$"' "$MEMTOP" view "$TMP/blocks"
screen 'attached' 24 80 'wait make_rows
match " exact, compact +pid "
tab Sizes
wait "no birth stamps in compact mode"' "$MEMTOP" attach "$victim"
echo q >&3
wait "$victim"
is $? 3 'it ends as ever'

done_testing
