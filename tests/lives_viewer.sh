#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who allocates blocks that live for an instant: ages below the border of short lives
# are selected together, and filter call sites and tree, with a size as well.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

mkfifo "$TMP/in"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/lives" <"$TMP/in" >"$TMP/said" &
victim=$!
exec 3>"$TMP/in"
within 60 grep -q done "$TMP/said"
total=$("$MEMTOP" report "$victim" | awk '$1 == "short-lived" { print $2; exit }')
[ "${#total}" = 6 ]
ok $? "there are $total short-lived frees"

# The cursor on the second row of ages, and back.
screen 'short ages, one and all' 24 80 'wait staying
tab Sizes
match "^all [0-9]+ live blocks, "
keys <Right><Home>
match "^ .*  temporary +- +- +3.00k$"
keys <Down><Space>
wait "'"$total"' short-lived frees: under "
match "of them temporary"
match "^ .* ● temporary +- +- +3.00k$"
match "^ .* ● +<[0-9.]+ [nu]s +0 +0 "
match "^SHORT +LIVE ALLOC/S ALLOCS TEMP% SHORT% +AVG SITE"
match "SHORT-LIVED blocks, exact"
wait! "lasting"
match "^3.00k +0 +0 +3.00k +100% +100% +64 passing "
keys <Enter>
wait "Sites]"
match "call sites, '"$total"' short-lived frees "
wait! "staying"
keys <Home>
match "^(9.[0-9]+|10.0)k +0 +0 +10.0k +0% +[0-9]+% +48 brief "
tab Tree
match "^ '"$total"' short-lived frees, [0-9]+ of [0-9]+ rows"
match "^SHORT +LIVE ALLOC/S ALLOCS TEMP% SHORT% +AVG FUNCTION"
keys i
match " brief  lives.c"
wait! "staying"
keys i
keys x
wait "staying"
wait! "short-lived"
match "^ LIVE LIVE% "' "$MEMTOP" attach "$victim"

screen 'of a size' 24 80 'wait staying
tab Sizes
match "^all [0-9]+ live blocks, "
keys <Home><Space>
wait "live blocks, 1.88 KiB of "
keys <Right><Home><Space>
match "^([0-9]{2},[0-9]{3}) of '"$total"' short-lived frees: sites of 33-48 bytes \(average, or live\)"
match "brief  lives.c"
wait! "passing"
keys <Enter>
wait "Sites]"
match "^ 1 of 2 call sites, [0-9]{2},[0-9]{3} short-lived frees at sites of 33-48 bytes"
wait! "brisk"
tab Tree
match "^ [0-9]{2},[0-9]{3} short-lived frees at sites of 33-48 bytes, "
wait! "brisk"
tab Threads
keys <Space>
match "SELECTED"
tab Sites
wait! "short-lived"
wait "only blocks of 33-48 bytes, thread lives"
match "^1.88K +100% +40 .* staying "
tab Sizes
keys <Home><Space>
wait "short-lived frees: sites of 33-48 bytes"
keys <Space>
wait! "short-lived"
match "^● +33-48 "
keys <Home><Space><End><Space>
wait "younger than"
wait! "short-lived"' "$MEMTOP" attach "$victim"

screen 'the column that sorts' 60 200 'wait staying
tab Sites
match "SHORT% +AVG SITE"
match "^ +0 +0% +0 .* 100% +100% +64 passing "
tab Tree
match "SHORT% "' "$MEMTOP" attach --sort SHORT% --view sites "$victim"

"$MEMTOP" snapshot -o "$TMP/file" "$victim" >/dev/null
screen 'a file, without its blocks' 24 80 'wait staying
tab Sizes
keys <Home><Space><Right><Home><Space>
match "^[0-9]{2},[0-9]{3} of '"$total"' short-lived frees: sites of 33-48 bytes"
match "brief  lives.c"
keys <Enter>
match "^ 1 of 2 call sites, [0-9]{2},[0-9]{3} short-lived frees at sites of 33-48 bytes"' \
    "$MEMTOP" view "$TMP/file"

# A file from before they were counted, behind a byte of the fuzz test's.
tail -c +2 "$srcdir/tests/fuzz/corpus/archive/file" >"$TMP/old"
screen 'where they are not known' 60 200 'wait " Overview"
tab Sites
match "SHORT%"
match " - +[0-9.]+[KM]? [^ ]"
tab Sizes
wait! "temporary  "' "$MEMTOP" view "$TMP/old"

exec 3>&-
wait "$victim"
is $? 0 'it ends as ever'
done_testing
