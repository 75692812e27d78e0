#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The target exits, or is killed, while each of the views is open: it is announced,
# and the view can be used as before, also in a terminal that was tiny meanwhile.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

steady=$VICTIMS/steady
mkfifo "$TMP/in"

# end_it HOW: the victim, as soon as the view has been seen.
end_it() {
    within 60 [ -s "$TMP/seen" ] || return
    case $1 in
    exit) echo q >&3 ;;
    kill) kill -KILL "$victim" ;;
    esac
}

# ends VIEW OPEN USE: steps that open something in the view, and that use it afterwards.
ends() {
    local view=$1 open=$2 use=$3 how said
    for how in exit kill; do
        case $how in exit) said='exited with status 3' ;; *) said='ended without goodbye' ;; esac
        LD_PRELOAD=$MEMTOP_AGENT "$steady" <"$TMP/in" >"$TMP/said" &
        victim=$!
        exec 3>"$TMP/in"
        within 60 grep -q steady "$TMP/said"
        rm -f "$TMP/seen"
        end_it $how 2>/dev/null &
        waiter=$!
        screen "$view: $how" 24 80 "wait make_rows
tab $view
$open
resize 5 20
wait \"terminal too small\"
resize 24 80
wait \"$view]\"
dump $TMP/seen
wait \"$said\"
wait \"$view]\"
$use
resize 5 20
wait \"terminal too small\"
resize 60 200
wait \"$view]\"
resize 24 80
wait \"$said\"
keys <Esc>qqq
expect-exit 0" "$MEMTOP" "$victim"
        wait $waiter
        exec 3>&-
        wait "$victim" 2>/dev/null
    done
}

ends Overview 'wait "Allocations per ms"' 'match "977K +100% 1.00k .* make_rows"
keys u<Down>
match "977K +100% 1.00k .* make_rows"
keys <Enter>
wait "Stack of call site"
keys q'
ends Tree 'match "make_rows  steady.c:"' 'keys i
wait "callees above"
match "^ 977K .* make_rows  steady.c:"
keys i
wait "one row per"'
ends Sites 'match "^ 977K .* make_rows  steady.c:"' 'keys <Enter>
wait "frame 1 of"
keys <Down>
wait "frame 2 of"
keys q
match "^ 977K .* make_rows  steady.c:"'
ends Blocks 'tab Sites
match "^ 977K .* make_rows  steady.c:"
keys b
match "1,000 blocks, .*, of make_rows"
match "^ +0x[0-9a-f]+ +1,000 "' 'keys <End>
wait "1,000 of 1,000 blocks"
keys <Enter>
wait "1,000 bytes, "
wait "gone"
keys q
match "^ +0x[0-9a-f]+ +1,000 "'
ends Sizes 'match "^ +897-1K +977K +1.00k"' 'keys <Space>
match "^1,000 live blocks, 977 KiB of .*: 897-1K bytes$"
keys <Right><Space>
match "live blocks, .* old$|short-lived frees: "
keys x'
ends Threads 'match " steady"' 'keys <Space>
wait "SELECTED"
keys x
wait! "SELECTED"
keys I
match " steady"'
ends Time 'match "^Live bytes "' 'keys <Home>
wait "0 s to"
keys <End>
wait "now: live"'
ends Marks 'keys m
wait "mark 1 is set"
match "^ +.* 977 KiB +1.00k .* mark 1$"' 'keys r
wait "Name: mark 1"
wait "Enter OK"
keys <C-u>before<Enter>
match " before$"
keys <Enter>
wait "since before"
tab Marks'
ends Output 'wait "terminal of its own"' 'keys <Tab>
wait "Overview]"
tab Output'

# What comes in the last moment is in the last list, though none had been due: the call
# site that `m` leads to has two thousand blocks, then three.
more() {
    echo m >&3
    within 60 sh -c "[ \"\$(grep -c 'got m' '$TMP/said')\" = $1 ]"
}
LD_PRELOAD=$MEMTOP_AGENT "$steady" <"$TMP/in" >"$TMP/said" &
victim=$!
exec 3>"$TMP/in"
within 60 grep -q steady "$TMP/said"
more 1
more 2
rm -f "$TMP/seen"
{
    within 60 [ -s "$TMP/seen" ]
    more 3
    echo q >&3
} &
waiter=$!
screen 'blocks of the last moment' 24 80 "match \"2.00k .* make_rows\"
keys m
wait \"mark 1 is set\"
tab Sites
match \"^1.91M .* make_rows  steady.c:\"
keys b
match \"2,000 blocks, .*, of make_rows\"
dump $TMP/seen
wait \"exited with status 3\"
match \"3,000 blocks, .*, of make_rows\"
keys D
match \"1,000 blocks, 977 KiB, of make_rows, since the mark\"" "$MEMTOP" "$victim"
wait $waiter
exec 3>&-
wait "$victim"

# A program that the viewer started: its own words stay.
for key in q k; do
    case $key in q) said='exited with status 3' status=3 ;; *) said='killed by signal 9' status=137 ;; esac
    screen "Output of a program of ours: $key" 24 80 "wait make_rows
tab Output
match \"^steady$\"
keys i
wait \"Stop typing\"
keys $key\\n
wait \"$said\"
wait \"Output]\"
match \"^steady$\"
keys <C-]>
resize 5 20
wait \"terminal too small\"
resize 24 80
match \"^steady$\"
keys q
expect-exit $status" "$MEMTOP" run -- "$steady"
done

done_testing
