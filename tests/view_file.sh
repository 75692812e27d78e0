#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The viewer on files: a snapshot with and without its blocks, and a recording with
# its time cursor, marks, and growth from one of its moments to another.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

cd "$TMP" || exit 1
mkfifo in
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/steady" <in >said &
victim=$!
exec 3>in
within 60 grep -q steady said
"$MEMTOP" snapshot -o snap "$victim" >/dev/null
"$MEMTOP" snapshot -o blocks --blocks "$victim" >/dev/null
"$MEMTOP" record -i 0.05 -o rec "$victim" 2>err &
recorder=$!
within 60 [ -s rec ]
"$MEMTOP" mark "$victim" before >/dev/null
# live N: the recording has so many blocks by now.
live() {
    [ "$("$MEMTOP" export --format folded --value live_blocks rec | awk '{ n += $NF } END { print n }')" -ge "$1" ]
}
for n in 2000 3000; do
    echo m >&3
    within 60 live $n
done
echo q >&3
wait $recorder
wait "$victim"

screen 'a snapshot without blocks' 24 80 'wait "snapshot of 20"
match "Live  977 KiB  1.00k blocks"
keys 3
wait "[3 Sites]"
match "^977K +100% .* make_rows|^ 977K +100% .* make_rows"
keys b
wait "not in this file: memtop snapshot --blocks has them"
keys 5
wait "single blocks are not in this file"
keys {
wait! "Before"
keys m
wait "is set"
keys M
wait "it has ended"
keys q
expect-exit 0' "$MEMTOP" view snap

screen 'a snapshot with its blocks' 24 80 'wait "snapshot of 20"
keys 3
wait "[3 Sites]"
match "^977K +100% .* make_rows|^ 977K +100% .* make_rows"
keys b
wait "1,000 blocks, 977 KiB, of make_rows"
match "^ +0x[0-9a-f]+ +1,000 .* steady"
keys <Enter>
wait "a file has no contents of blocks"
keys <Esc>5
match "^ +897-1K +977K 1\.00k +1\.00k "
keys q
expect-exit 0' "$MEMTOP" view blocks

screen 'a recording, back and forth' 24 80 'match " [0-9]+/[0-9]+  20"
match "Live 2.86 MiB  3.00k blocks"
wait "{ Before"
keys (
match " 1/[0-9]+  20"
match "Live  977 KiB  1.00k blocks"
keys }
match " 2/[0-9]+  20"
keys {
match " 1/[0-9]+  20"
keys m
wait "mark 1 is set at 977 KiB live"
keys )
match "Live 2.86 MiB  3.00k blocks"
keys D
wait "[3 Sites]"
wait "from before to mark 1"
keys D
wait "since mark 1"
match "^ *\+1.91M +\+2.00k .* make_rows"
keys 8
wait "before"
keys ^
match "Live 2.86 MiB"
keys q
expect-exit 0' "$MEMTOP" view rec

screen 'from a moment on' 60 200 'match " 1/[0-9]+  20"
match "Live  977 KiB"
keys 2
wait "make_rows"
keys 7
wait "Live bytes"
keys )
match "Live 2.86 MiB"
keys q
expect-exit 0' "$MEMTOP" view --at '#1' rec

"$MEMTOP" view "$srcdir/README.md" 2>err
is "$? $(grep -c 'no snapshot or recording' err)" '1 1' 'a foreign file'
"$MEMTOP" view missing 2>err
is "$? $(grep -c 'No such file' err)" '1 1' 'none'
"$MEMTOP" view snap >out 2>err </dev/null
is "$? $(grep -c 'the viewer cannot run' err)" '1 1' 'no terminal'

done_testing
