#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The call tree in a terminal, on programs that hold still.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

steady=$VICTIMS/steady

# A terminal's worth of input that stays open and empty.
mkfifo "$TMP/input"
exec 3<>"$TMP/input"

screen 'three modes, opening and closing' 24 80 'wait make_rows
keys t
wait "Tree]"
wait "callers above callees"
match "^ 977K .*▾ main  steady.c$"
match "^ 977K .*  make_rows  steady.c:[0-9]+$"
keys <Left>
wait! "  make_rows"
keys <Right>
wait "  make_rows"
keys <Enter>
wait! "  make_rows"
keys i
wait "callees above callers"
match "^ 977K +[0-9]+% +1.00k .*▸ make_rows  steady.c:[0-9]+$"
keys +
match "^ 977K +[0-9]+% +1.00k .*  main  steady.c$"
keys i
wait "one row per function"
match "^ 977K +[0-9]+% +0 +1.00k .*  main  steady.c$"
match "^ 977K +[0-9]+% +977K +1.00k .* make_rows  steady.c:[0-9]+$"
click #LIVE
click #LIVE
match "^ +0 +0% +0 +0 .* churn  steady.c:[0-9]+$"
keys <F5>p
wait PAUSED
resize 5 20
wait "terminal too small"
resize 60 200
wait "Tree]"
wait "The selected row"
match "^ 977K .* make_rows  steady.c:[0-9]+ "' "$MEMTOP" run -- "$steady"

recursion=$VICTIMS/recursion
screen 'opening, zooming, folding' 40 80 'wait hold
keys t
wait "▾ main"
keys H
wait "__libc_start_call_main"
wait "_start"
keys H
wait! "__libc_start_call_main"
match "^1\.50M +86% .*▾ main  "
match "^1\.00M +57% .* ▾ walk  "
keys *
match "^ 128K .*         ▾ walk  "
match "^ 128K .*           hold  recursion.c:[0-9]+$"
keys *
wait! walk
keys ejz
wait! main
match "^1\.00M +57% .*[0-9] ▾ walk  "
keys z
wait "nothing to zoom into"
keys o
match "^1\.50M +86% .*▾ main  "
keys R
wait ", folded"
match "^1\.00M .*    hold  recursion.c:[0-9]+$"
keys H
wait ", all frames"
match "^1\.50M .*[▸▾] _start  "' "$MEMTOP" run -- "$recursion"

screen 'searching and filtering' 40 80 'wait hold
keys t
match "▾ walk  recursion.c"
match "▸ even  recursion.c"
match "work  recursion.c:"
keys \\
wait "Filter: _"
keys walk<Enter>
wait ""walk": 1.00 MiB (57%) in 1.02k blocks"
wait! odd
keys \\<C-u>/^(odd|even)$/<Enter>
wait ""/^(odd|even)$/": 512 KiB (29%) in 1.54k blocks"
wait! walk
keys \\<C-u>module:nowhere<Enter>
wait "nothing passes"
keys \\<C-u>/(/<Enter>
wait "the filter: "
keys \\<C-u><Enter>
match "^1\.50M +86% .*▾ main  "
keys **
wait! walk
keys /WORK<Enter>
wait "not found: WORK"
keys /odd<Enter>
match " ▸ odd  "
keys <F3>work<Enter>
wait "6 of 6 rows"
keys N
wait "from the other end"' "$MEMTOP" run -- "$recursion"

screen 'groups, the peak, columns, sorting' 40 80 'wait hold
keys t
match "▾ walk  recursion.c"
match "▸ even  recursion.c"
match "work  recursion.c:"
keys y
wait "by thread"
keys jj<Enter>
wait "live blocks by thread"
match "^1\.50M +86% .*[▸▾] thread [0-9]+ recursion"
keys <Left>
match "^ 256K +14% .*[▸▾] thread [0-9]+ recursion"
keys yj<Enter>
wait "live blocks by size"
keys <Left>
match "^ 256K +14% .*to 4,096 bytes"
keys \\size:4,096<Enter>
wait ""group:4,096": 256 KiB (14%) in 64 blocks"
keys \\<C-u>
match "^Filter: _ +part of a name, /regex/, function: .* size:$"
keys 12345678901234567890123456789012345678901234567890123456789012345678901234567890
match "^Filter: .*567890_$"
keys <Esc>
wait! "1,024 bytes"
keys yg<Down><Enter>
match "^1\.75M +100% .* recursion$"
keys yg
wait "Enter OK  Esc Close"
wait! Erase
keys <Enter>
match "^1\.50M +86% .*▾ main  "
keys y\e[\<65;10;10M<Enter>
match "^1\.75M +100% .* recursion$"
keys yg<Enter>
match "^1\.50M +86% .*▾ main  "
keys P
wait "the heap"
match "^1\.50M +86% 2\.56k 1\.50M 2\.56k .* main  "
keys P
wait LIVE%
keys c
wait "[x] live bytes"
wait "Space switches"
keys jj<Space><Enter>
match "^ LIVE LIVE%  SELF"
keys s
wait "Sort by"
keys <Down><Down><Enter>
wait! "Sort by"
match "^1\.50M +86% +288 "
keys i
match "^ +288 +<1% +288 .* main  "
row 7 hold  recursion.c
click SELF
row 7 main  recursion.c' "$MEMTOP" run -- "$recursion"

screen 'the sites and blocks of a row' 40 80 'wait hold
keys t
match "▾ walk  recursion.c"
match "▸ even  recursion.c"
match "work  recursion.c:"
keys jv
wait "Sites]"
wait "of 8 call sites in walk (Esc: all)"
match "^ 128K .* hold  "
keys q
wait "Tree]"
keys b
wait "1,024 blocks, 1.00 MiB, of walk (8 call sites)"
match "^ +0x[0-9a-f]+ +1,024 "
keys q
wait "Tree]"
keys vd
wait "Sites]"
keys <Esc>
wait! "Esc: all"
match "^ 256K .* hold  "
keys t
keys i<Enter>j<Enter><Enter>
wait "Tree]"
keys <End><Enter>
wait "Esc: all"' "$MEMTOP" run -- "$recursion"

screen 'growth in the tree' 24 80 'wait make_rows
keys tm
wait "mark 1 is set"
match "^ LIVE LIVE% #LIVE +dMARK"
tab Output
keys i
wait "Stop typing"
keys m\n
wait "got m"
keys <C-]>t
match "^1\.91M +[0-9]+% 2\.00k  \+977K"
keys D
wait "since mark 1, "
match "^ \+977K +\+1\.00k +\+1\.00k +977K +▾ main  "
match "^ \+977K +\+1\.00k +\+1\.00k +977K new +.* make_rows  "
wait! churn
keys b
wait "1,000 blocks, 977 KiB, of main (1 call site), since the mark"
keys q
keys i
match "^ \+977K .* make_rows  "
keys D
wait LIVE%' "$MEMTOP" run -- "$steady"

# ---- the totals -------------------------------------------------------------------
# sum FILE COLUMN: that of the topmost rows, in bytes; total FILE: that of the header.
sum() {
    awk -v name="$2" '
        function bytes(text, unit) {
            unit = index("KMG", substr(text, length(text)))
            return unit ? substr(text, 1, length(text) - 1) * 1024 ^ unit : text
        }
        /FUNCTION/ { at = index($0, "FUNCTION"); end = index(" " $0, " " name) + length(name) }
        at && !/FUNCTION/ && / rows, / { exit }
        at && !/FUNCTION/ && substr($0, at, 3) ~ /^([-+] |  [^-+ ])/ {
            n = split(substr($0, 1, end - 1), fields, " ")
            sum += bytes(fields[n])
        }
        END { printf "%d\n", sum }' "$1"
}
total() {
    awk '$1 == "Live" { print int($2 * 1024 ^ index("KMG", substr($3, 1, 1))); exit }' "$1"
}
near() { # two numbers, within one part in a hundred
    awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(b > 0 && d < b / 100 && d > -b / 100) }'
}
for victim in recursion recursion_cxx; do
    case $victim in # all that comes to be
    recursion) main=1.50M last='256K.*work' ;;
    *) main=972K last='511K.*Node::Node' ;;
    esac
    screen "$victim in three modes" 60 100 'wait "Live bytes"
keys t
wait ", callers above"
match "main  recurs.*\.cc?$"
match "'$main'.*main  recurs"
match "'$last'  recurs"
keys p
wait PAUSED
dump '"$TMP"'/standard
keys i
wait "callees above"
dump '"$TMP"'/inverted
keys i
wait "one row per"
dump '"$TMP"'/flat
keys R
wait ", folded"
dump '"$TMP"'/folded' "$MEMTOP" run --ascii -- "$VICTIMS/$victim"
    for mode in standard inverted flat folded; do
        column=LIVE
        case $mode in flat | folded) column=SELF ;; esac
        near "$(sum "$TMP/$mode" $column)" "$(total "$TMP/$mode")"
        ok $? "$mode: $(sum "$TMP/$mode" $column) bytes of $(total "$TMP/$mode")"
    done
done

# ---- a server under load ----------------------------------------------------------
# The whole circle: mark, load, mark, diff; the figure is that of two reports.
live_bytes() {
    "$MEMTOP" report --json "$1" | python3 -c 'import json, sys
print(json.load(sys.stdin)["totals"]["live_bytes"])'
}
if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
    LD_PRELOAD=$MEMTOP_AGENT redis-server --port 0 --unixsocket "$TMP/socket" --save '' \
        >"$TMP/redis.out" 2>&1 &
    server=$!
    within 20 redis-cli -s "$TMP/socket" ping
    before=$(live_bytes $server)
    rm -f "$TMP/seen" "$TMP/loaded"
    {
        within 60 [ -s "$TMP/seen" ] &&
            redis-benchmark -s "$TMP/socket" -n 100000 -r 1000000000 -P 16 -q -t set &&
            redis-cli -s "$TMP/socket" config set loaded 1 || :
        live_bytes $server >"$TMP/after"
        "$MEMTOP" mark $server loaded
        redis-cli -s "$TMP/socket" ping
    } >"$TMP/load.out" 2>&1 &
    waiter=$!
    screen 'a server: mark, load, mark, diff' 60 160 'tab Tree
match "▾ main  "
keys m
wait "mark 1 is set"
dump '"$TMP"'/seen
wait "the program set a mark: loaded" 100
keys D
wait "from mark 1 to loaded"
match "^\+[0-9.]+M +\+[0-9.]+k .*▾ main  "
match "^\+[0-9.]+M +\+[0-9.]+k .* (setKey|dbAdd|dictAddRaw)  "
dump '"$TMP"'/growth' "$MEMTOP" $server
    wait $waiter
    grown=$(awk '$1 ~ /^\+.*M$/ && / main  / { print int($1 * 1048576); exit }' "$TMP/growth")
    near "$grown" $(($(cat "$TMP/after") - before))
    ok $? "it grew by $grown bytes: from $before to $(cat "$TMP/after")"
    kill $server
    wait $server
else
    skip 'no redis-server'
fi

# ---- the end of the target --------------------------------------------------------
# when FILE COMMAND...: in the background, as soon as the file is there.
when() {
    file=$1
    shift
    { within 20 [ -s "$file" ] && "$@"; } >/dev/null 2>&1 &
    waiter=$!
}
for signal in KILL TERM; do
    LD_PRELOAD=$MEMTOP_AGENT "$recursion" <&3 >"$TMP/said" &
    target=$!
    within 10 grep -q ready "$TMP/said"
    rm -f "$TMP/seen"
    when "$TMP/seen" kill -$signal "$target"
    screen "the target ends by $signal, the tree stays" 40 80 'wait hold
keys t
match "▾ walk  recursion.c"
match "▸ even  recursion.c"
match "work  recursion.c:"
dump '"$TMP"'/seen
wait "ended without goodbye"
match "^1\.50M +86% .*▾ main  "
resize 5 20
wait "terminal too small"
resize 20 5
resize 24 80
keys i
match "^1\.75M +100% .* hold  "
keys \\walk<Enter>
wait "1.00 MiB (57%)"
keys yjj<Enter>
wait "by thread"
keys ybq
wait "Tree]"
keys q
expect-exit 0' "$MEMTOP" "$target"
    wait "$waiter"
    wait "$target" 2>/dev/null
done

screen 'the target exits, the tree stays' 24 80 'wait make_rows
keys t
wait "Tree]"
tab Output
keys i
wait "Stop typing"
keys q\n
wait "exited with status 3"
keys <C-]>t
wait "make_rows"
keys iie
wait "one row per"
keys q
expect-exit 3' "$MEMTOP" run -- "$steady"

done_testing
