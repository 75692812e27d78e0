#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The viewer in a terminal, on a program that holds still: what it shows, what
# its keys do, how it ends, and that the terminal is whole afterwards.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

steady=$VICTIMS/steady

screen 'the overview at 80x24' 24 80 'wait "1 Overview" 5
match "^ *Live +9[0-9][0-9] KiB +1\.0[0-9]k blocks"
match "^ *Peak +9[0-9][0-9] KiB"
match "^ *RSS +[0-9.]+ MiB"
match "allocs +[0-9.]+k?/s"
wait "Allocations per ms"
wait "Live bytes"
wait "net"
match "97[67]K +[0-9]+% 1\.00k .* make_rows +steady.c:[0-9]+"
match "churn +steady.c:[0-9]+"
wait "whole run, exact"
match "^ *F1 Help +q Quit"
dump '"$TMP"'/overview' "$MEMTOP" run -- "$steady"
is "$(wc -l <"$TMP/overview")" 24 'fills the screen'
grep -q '█' "$TMP/overview"
ok $? 'with blocks'

LC_ALL=C screen 'in the C locale' 24 80 'wait make_rows
wait "Live bytes"
dump '"$TMP"'/ascii' "$MEMTOP" run -- "$steady"
is "$(LC_ALL=C tr -d '\n -~' <"$TMP/ascii" | wc -c)" 0 'there is nothing but ASCII'

screen 'on a large terminal' 60 200 'wait "Stack of the first call site"
match "make_rows +steady.c:[0-9]+ .*< main"
match "0 make_rows +steady.c"
match "1 main +steady.c"
wait "in all 6,0"' "$MEMTOP" run -- "$steady"

screen 'what is in a block, beside the list' 24 150 'wait make_rows
tab Sites
keys b
match "^1,000 blocks, 977 KiB, of make_rows +0x[0-9a-f]+, 1,000 bytes, "
match "^ +0x[0-9a-f]+ +1,000 .* steady +10  [0-9a-f]{2} [0-9a-f]{2} "
keys <End>
wait "1,000 of 1,000 blocks"' "$MEMTOP" run -- "$steady"

screen 'with colours' 24 80 'wait make_rows
styles '"$TMP"'/colours' "$MEMTOP" run -- "$steady"
grep -q C "$TMP/colours"
ok $? 'there are some'
NO_COLOR=1 screen 'with NO_COLOR' 24 80 'wait make_rows
styles '"$TMP"'/plain' "$MEMTOP" run -- "$steady"
! grep -q C "$TMP/plain"
ok $? 'there are none'
TERMINAL=vt100 screen 'on a monochrome terminal' 24 80 'wait make_rows
styles '"$TMP"'/mono' "$MEMTOP" run -- "$steady"
! grep -q C "$TMP/mono"
ok $? 'there are none either'

TERMINAL=vt100 screen 'the shell goes on in a clean row' 24 80 'wait make_rows
keys <C-z>
expect-stop
wait! "F1 Help"
signal CONT
wait "F1 Help"
keys ql
expect-exit 0
wait! "F1 Help"' "$MEMTOP" run -- "$steady"
TERMINAL=dumb screen 'a terminal for no viewer: a report at the end' 24 80 'wait "cannot move its cursor"
wait "a report at the end"
keys q\n
wait "live "
expect-exit 3' "$MEMTOP" run -- "$steady"

screen 'views, help and sizes' 24 80 'wait make_rows
tab Sites
wait "Stack of call site"
match "1 main +steady.c"
keys <Enter>
wait "live 977 KiB in 1,000 blocks"
keys q
wait SITE
keys T
match "ALLOC/S +ALLOCS"
match "6\.0[0-9]k .* steady"
keys <Tab>
wait "Time]"
keys <Tab>
wait "Marks]"
tab Output
match "^steady$"
keys <F1>
wait "leave a page, then the viewer"
keys <Esc>
match "^steady$"
tab Overview
keys p
wait PAUSED
keys p
wait! PAUSED
keys u
wait "BYTES IN"
resize 5 20
wait "terminal too small"
resize 1 1
resize 3 7
resize 40 140
wait "Stack of the first call site"
resize 24 80
wait! "Stack of the first"
wait make_rows
keys <C-l>
wait make_rows' "$MEMTOP" run -- "$steady"

screen 'the mouse: tabs, headings, rows, the wheel' 24 80 'wait make_rows
click Threads
wait "Threads]"
click Sites
wait "Sites]"
wait "1 of "
match "make_rows"
keys \e[\<0;10;8M\e[\<0;10;8m
wait "2 of "
keys \e[\<64;10;8M
wait "1 of "
keys \e[\<0;3;6M\e[\<0;3;6m
wait churn
match "^ +0 .* churn"' "$MEMTOP" run -- "$steady"

screen 'typing to the program' 24 80 'wait make_rows
tab Output
wait "i Type"
keys i
wait "Stop typing"
keys hello q?\n
wait "got hello q?"
keys <F12>
wait "i Type"
keys i
keys m\n
wait "got m"
keys <C-]>
tab Overview
match "Live +1\.9[0-9] MiB +2\.0[0-9]k blocks"
tab Output
keys i
wait "Stop typing"
keys q\n
wait "exited with status 3"
tab Overview
wait make_rows
keys q
expect-exit 3' "$MEMTOP" run -- "$steady"

screen 'exec: the successor is followed' 24 80 'wait make_rows
tab Output
keys i
wait "Stop typing"
keys m\nx\n
wait "steady again"
keys <F12>
tab Overview
match "Live +9[0-9][0-9] KiB +1\.0[0-9]k blocks"
match "memtop +steady again"
wait make_rows' "$MEMTOP" run -- "$steady"

screen 'quitting asks; cancel goes on' 24 80 'wait make_rows
keys q
wait "The program is still running."
keys <Esc>
wait! "still running"
keys q
wait "terminate it"
keys x
wait "terminate it"
keys t
expect-exit 143' "$MEMTOP" run -- "$steady"

screen 'suspend and resume' 24 80 'wait make_rows
keys <C-z>
expect-stop
signal CONT
wait make_rows
tab Threads' "$MEMTOP" run -- "$steady"

screen 'a program that is killed' 24 80 'wait make_rows
tab Output
keys i
wait "Stop typing"
keys k\n
wait "killed by signal 9"
tab Sites
wait "Stack of call site"
match "make_rows +steady.c"
keys q
expect-exit 137' "$MEMTOP" run -- "$steady"

# ---- attached --------------------------------------------------------------------
# A victim whose input stays open and empty until we end.
mkfifo "$TMP/input"
exec 3<>"$TMP/input"
LD_PRELOAD=$MEMTOP_AGENT "$steady" <&3 >"$TMP/steady.out" &
victim=$!
within 5 grep -q steady "$TMP/steady.out"
ok $? 'a program with the agent and no viewer'

screen 'attached' 24 80 'match "97[67]K .* make_rows +steady.c"
tab Output
wait "a terminal of its own"
keys q
expect-exit 0' "$MEMTOP" "$victim"
screen 'the picker' 120 80 'match "'"$victim"' running +[0-9]"
keys ?
wait "attach to the process"
keys q
wait "Attach"
keys g<Enter>
wait "Overview]"
keys q
match "'"$victim"' running +[0-9]"
keys q
expect-exit 0' "$MEMTOP"
kill -0 "$victim"
ok $? 'the target goes on'

# when FILE COMMAND...: in the background, as soon as the file is there.
when() {
    file=$1
    shift
    { within 20 [ -s "$file" ] && "$@"; } >/dev/null 2>&1 &
    waiter=$!
}

# After the viewer has ended, however that was, the terminal is as before.
for signal in TERM HUP SEGV; do
    rm -f "$TMP/seen"
    when "$TMP/seen" sh -c 'kill -'$signal' "$(cat "$1")"' sh "$TMP/viewer"
    screen "ended by $signal, the viewer restores the terminal" 24 80 'wait make_rows
dump '"$TMP"'/seen
wait "modes: icanon echo"
wait! make_rows' sh -c 'ulimit -c 0
        sh -c "echo \$\$ >\"\$2\"; exec \"\$MEMTOP\" \"\$1\"" sh "$1" "$2"
        echo modes: $(stty -a | tr " ;" "\n\n" | grep -xE "icanon|echo"); read -r x' \
        sh "$victim" "$TMP/viewer"
    wait "$waiter"
done

rm -f "$TMP/seen"
when "$TMP/seen" kill -9 "$victim"
screen 'a target that is killed is announced, and can be browsed' 24 80 'wait make_rows
dump '"$TMP"'/seen
wait "ended without goodbye"
tab Sites
wait "Stack of call site"
match "make_rows +steady.c"
keys q
expect-exit 0' "$MEMTOP" "$victim"
kill -9 "$victim" 2>/dev/null
wait "$victim" 2>/dev/null

done_testing
