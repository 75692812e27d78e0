#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Views over time and over live blocks in a terminal: verdicts on how call sites
# grow, the timeline, sizes and ages.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

screen 'who allocates blocks of this size, of this age, in this thread' 24 80 'wait make_rows
tab Sizes
match "^all 1,[0-9]{3} live blocks, "
match "^ +897-1K +977K 1.00k  1.00k "
keys <Space>
match "^1,000 live blocks, 977 KiB of [0-9.]+ [KM]iB: 897-1K bytes$"
match "^● +897-1K +977K 1.00k  1.00k "
wait "SELECTED live blocks, exact"
match "^ 977K  100% 1.00k .* make_rows "
keys <Enter>
wait "Sites]"
match "1 of 1 call site, only blocks of 897-1K bytes "
match "^ 977K  100% 1.00k .* make_rows "
keys pb
wait "held, so that no blocks are read"
keys p
match "^1,000 blocks, 977 KiB, of make_rows: 897-1K bytes$"
match "^ 1 of 1,000 blocks .*SELECTED live blocks"
keys <Enter>
match "^0x[0-9a-f]+, 1,000 bytes, "
keys 3
wait "Sites]"
keys b
match "^1,000 blocks, 977 KiB, of make_rows: 897-1K bytes$"
keys x
match "^1,000 blocks, 977 KiB, of make_rows$"
keys q
wait "Sites]"
wait! "only blocks of"
tab Threads
match "^ 1 thread, 1 alive "
keys <Space>
match " steady SELECTED$"
wait "whole run"
keys <Enter>
match "only blocks of thread steady"
match "^ 977K +[0-9]+% 1.00k .* make_rows "
keys <Esc>
wait! "only blocks of"
tab Sizes
keys <Home><Space>
wait! "make_rows"
resize 5 20
wait "terminal too small"
resize 60 200
match "^● "
keys x
wait make_rows
tab Sizes' "$MEMTOP" run -- "$VICTIMS/steady"

echo q | MEMTOP_KEEP=1 LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/steady" >"$TMP/said" &
ended=$!
wait "$ended"
screen 'a program that has ended: ages stand still' 60 200 'wait "exited with status 3"
tab Output
wait! "i Type"
tab Sizes
match "^all 1,[0-9]{3} live blocks, "
keys <Right><Home><Space><End><Space>
match "^1,0[0-9]{2} live blocks, .* of [0-9.]+ [KM]iB: (younger than|[0-9.]+ [a-z]+ to) .*s"
match "^ 977K +[0-9]+% 1.00k .* make_rows "
match "^ .* ● +<[0-9.]+ [mu]?s "
keys <Space>
match "^all 1,[0-9]{3} live blocks"' "$MEMTOP" "$ended"
"$MEMTOP" clean

mkfifo "$TMP/in"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/trends" <"$TMP/in" &
victim=$!
exec 3>"$TMP/in"
has_segment() {
    ls "$MEMTOP_DIR"/memtop-"$victim"-*
}
within 10 has_segment

screen 'each call site has its verdict, and its evidence' 24 80 'wait leak
tab Sites
match "GROW .* leak " 60
match "churn .* churn " 60
match "steady .* load " 60
match "satur. .* remember " 60
click TREND
match "^.* GROW .* leak "
match "^growing \+[0-9.]+ KiB/s .*R² (1.00|0.9[0-9]), [0-9]+ readings in"
keys <Enter>
match "^ +[0-9.]+ [KM]iB +[⣀⣤⣶⣿⢀⢠⢰⢸⡀⡄⡆⡇⣠⣰⣸⣄⣆⣇⣴⣼⣦⣧⣾⣷]+$"' "$MEMTOP" "$victim"

screen 'without UTF-8, beside the list' 60 200 'wait leak
tab Sites
match "GROW .* leak " 60
click TREND
match " growing \+[0-9.]+ KiB/s .*R2 (1.00|0.9[0-9]), [0-9]+ readings in" 60
resize 5 20
wait "terminal too small"
resize 24 80
wait "Sites]"' "$MEMTOP" attach --ascii "$victim"

# The victim has leaked and loaded for a while: back in time there was less.
screen 'back in time' 24 80 'wait leak
keys m
wait "mark 1 is set"
tab Time
match "^Live bytes +max [0-9.]+ MiB, [0-9.]+ s a column"
match "^ +[0-9.]+[KM] +[0-9]+% +[0-9.]+k +[0-9.]+[KM] +0 GROW +leak "
wait "now: live"
keys <Home>
wait "0 s to"
match "^ +977K +[0-9]+% 1.00k +977K +0 steady load "
match "^ *[0-9.]+K +[0-9]+% +[0-9]+ +[0-9.]+[KM] +\+[0-9.]+[KM] GROW +leak "
match "^allocated 1,[0-9]{3} .* live "
keys t
wait "as of 1.0 s, "
match "^ +977K +[0-9]+% 1.00k +0 .* load  trends.c"
match "^ *[0-9.]+K +[0-9]+% +[0-9]+ +\+[0-9.]+[KM] .* leak  trends.c"
keys x
wait! "as of"
tab Time
keys <Home>]
wait "▼mark 1"
keys <End>[<Left>
wait! "now: live"
keys <PgUp><PgUp>+
match "^Live bytes .* a column"
keys ++
match "50 ms a column"
keys <End><Down><Enter>
wait "Stack of call site"
tab Time
resize 5 20
wait "terminal too small"
resize 60 200
match "^Bytes allocated/s"
keys q' "$MEMTOP" "$victim"

# What the process recorded itself is enough for a report.
"$MEMTOP" report --json "$victim" >"$TMP/report"
for verdict in growing churning steady; do
    grep -q "\"trend\":{\"verdict\":\"$verdict\"" "$TMP/report"
    ok $? "the report knows what is $verdict"
done
"$MEMTOP" report "$victim" | grep -q '^  growing +[0-9.]* KiB/s .*R2 '
ok $? 'and says so in words'

exec 3>&-
wait "$victim"
is $? 0 'the program ends well'

done_testing
