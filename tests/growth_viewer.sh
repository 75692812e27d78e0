#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Marks in a terminal: set one, let the program work, see what grew and which
# blocks it is; marks of the program and of scripts; marks in files.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

steady=$VICTIMS/steady

screen 'mark, exercise, mark, diff' 24 80 'wait make_rows
keys D
wait "no marks yet"
keys m
wait "mark 1 is set at 977 KiB live"
tab Output
keys i
wait "Stop typing"
keys m\n
wait "got m"
keys <C-]>m
wait "mark 2 is set"
keys D
wait "Sites]"
match "^ \+977K +\+1.00k +\+1.00k +977K +1.00k .* make_rows"
wait "of 1 site that changed from mark 1 to mark 2"
keys D
wait "nothing changed"
wait "since mark 2"
keys D
wait! "dLIVE"
tab Marks
match "^ +[0-9a-z. ]+ 977 KiB +1.00k +\+977 KiB +\+1.00k mark 1"
keys <Enter>
wait "since mark 1"
match "^ \+977K +\+1.00k +\+1.00k +977K +1.00k .* make_rows"
keys b
wait "1,000 blocks, 977 KiB, of make_rows, since the mark"
match "^ +0x[0-9a-f]+ +1,000 .* steady"
keys <Enter>
wait "1,000 bytes"
match "^ +0  [0-9a-f][0-9a-f] [0-9a-f][0-9a-f] "
keys G
match "^ +3e0  [0-9a-f][0-9a-f] "
keys qD
wait! "since the mark"
match "1,000 blocks, 977 KiB, of make_rows"
resize 5 20
wait "terminal too small"
resize 24 80
wait "1,000 blocks"
tab Output
keys iq\n
wait "exited with status 3"
tab Blocks
wait "1,000 blocks"
keys <Enter>
wait "gone"
keys q
tab Marks
match "mark 2$"' "$MEMTOP" run -- "$steady"

screen 'renamed, saved, loaded, compared, deleted' 60 200 'wait make_rows
keys m
wait "mark 1 is set"
tab Marks
keys r
wait "Name: mark 1"
keys <C-u>baseline<Enter>
match "baseline$"
keys w
wait "Save to: baseline.json_"
keys <C-u>'"$TMP"'/saved.json<Enter>
wait "baseline is saved in"
keys w<C-u>'"$TMP"'/saved.json<Enter>
wait "File exists"
keys d
wait "no marks yet"
wait "baseline is deleted"
keys L'"$TMP"'/missing<Enter>
wait "No such file"' "$MEMTOP" run -- "$steady"
is "$(head -c 28 "$TMP/saved.json")" '{"schema": "memtop-mark/1",' 'a file of its schema'
grep -q '"steady!make_rows steady.c:' "$TMP/saved.json"
ok $? 'which names functions and lines'

screen 'another run is compared by symbols' 24 80 'wait make_rows
tab Output
keys i
wait "Stop typing"
keys m\n
wait "got m"
keys <C-]>
tab Marks
keys L'"$TMP"'/saved.json<Enter>
wait "baseline is loaded"
match "baseline +of "
keys <Enter>
wait "against baseline of another run"
match "^ \+977K +\+1.00k +\+1.00k .* make_rows"
keys q
wait "Marks]"
match "baseline +of "' "$MEMTOP" run -- "$steady"

mkfifo "$TMP/in"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/marks" <"$TMP/in" >"$TMP/said" &
victim=$!
exec 3>"$TMP/in"
within 5 grep -q ready "$TMP/said"
"$MEMTOP" mark "$victim" 'from a script' >/dev/null
(within 5 grep -q go "$TMP/go" && echo a >&3) &
echo go >"$TMP/go"
screen 'marks that the program and scripts set' 24 80 'wait "add  marks.c"
tab Marks
match "first +from before the viewer"
match "second\?\[31m +from before"
wait "from a script"
keys <Enter>
wait "since first"
match "^ +- +- +- +[0-9.KM]+ +[0-9]+ .*  add  marks.c"' "$MEMTOP" "$victim"
echo q >&3
wait "$victim"

done_testing
