#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The view of call sites in a terminal: searching, filtering, what to sort by.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

steady=$VICTIMS/steady
recursion=$VICTIMS/recursion
export XDG_CONFIG_HOME=$TMP/config
settings=$XDG_CONFIG_HOME/memtop/settings

screen 'searching' 40 80 'wait hold
tab Sites
match "1 of [0-9]+ call sites"
keys n
wait "nothing is searched for: / asks"
keys /
match "^Search: _ +part of a name, /regex/, function: module: file:"
wait "Enter OK  Esc Cancel"
keys even<Enter>
match "Stack of call site [0-9]+"
match "^ +[0-9]+ even +recursion.c"
keys <F3>/^w[oO]rk$/<Enter>
match "^ +1 work +recursion.c"
keys n
match "from the other end|of [0-9]+ call sites"
keys /WORK<Enter>
wait "not found: WORK"
keys j
wait! "not found"
keys //[/<Enter>
wait "/[: "
keys /work<Enter><Enter>
match "^Stack of call site [0-9]+"
wait "frame 1 of"
keys /even<Enter>
match "^ +[0-9]+ even +recursion.c"
keys N
wait "Stack of call site"
keys q
wait "of 18 call sites"' "$MEMTOP" run -- "$recursion"

screen 'filtering, and both at once' 40 80 'wait hold
tab Sites
match "1 of 18 call sites"
keys \\
wait "Filter: _"
keys walk<Enter>
match "^ ?\"walk\": 1.00 MiB \(57%\) in 1.02k blocks, 1 of 8 call sites"
wait! even
keys \\<C-u>/^(odd|even)$/<Enter>
match "^ ?\"/.*/\": 512 KiB \(29%\) in 1.54k blocks, "
keys /work<Enter>
wait "not found: work"
keys \\<C-u>module:nowhere<Enter>
wait "nothing passes the filter"
keys \\<C-u>/(/<Enter>
wait "the filter: "
keys \\<C-u>file:recursion.c<Enter>
match "^ ?\"file:recursion.c\": [0-9.]+ MiB "
keys \\<C-u><Enter>
match "^ 1 of 18 call sites"
keys s
wait "Sort by"
wait "Enter chooses, Esc cancels"
wait "share of temporary allocations"
keys <End><Enter>
wait! "Sort by"
dump '"$TMP"'/average
keys <F6><Home><Enter>
resize 5 20
wait "terminal too small"
resize 60 200
wait "Sites]"
keys \\walk<Enter>
match "^ ?\"walk\": 1.00 MiB"
keys ti
wait "callees above"
keys 3
match "^ ?.walk.: "' "$MEMTOP" run -- "$recursion"

rm -f "$settings"
screen 'growth, and what is in its stacks' 24 80 'wait make_rows
tab Sites
keys m
wait "mark 1 is set"
tab Output
keys i
wait "Stop typing"
keys m\n
wait "got m"
keys <C-]>3
wait "Sites]"
keys D
wait "since mark 1"
match "^ \+977K .* make_rows "
keys \\make_rows<Enter>
match "^ ?\"make_rows\": 977 KiB \(100%\) in 1.00k blocks, 1 of 1 site"
keys \\<C-u>nobody<Enter>
wait "nothing passes the filter"
keys s
wait "growth of live blocks"
keys <Esc>
wait! "growth of live blocks"
keys /main<Enter>
wait "not found: main"
keys \\<C-u><Enter>
match "^ \+977K .* make_rows "' "$MEMTOP" run -- "$steady"

# ---- what is remembered
rm -f "$settings"
screen '--filter and --sort' 24 80 'wait "[3 Sites]"
wait "make_rows"
match "\"make_rows\": 977 KiB"
wait! "churn"
keys q
wait "leave it running"
keys t
expect-exit 143' "$MEMTOP" run --view sites --sort allocs --filter make_rows -- "$steady"
grep -qx 'sites.filter = make_rows' "$settings" && grep -qx 'sites.sort = ALLOCS' "$settings" &&
    ! grep -q '^tree.filter' "$settings"
ok $? 'both are remembered, of this view only' || sed 's/^/# /' "$settings"
screen 'the next one begins so' 24 80 'wait "[3 Sites]"
match "\"make_rows\": 977 KiB"
wait! "churn"
keys \\<C-u>/[/<Enter>
wait "the filter: "
keys q
wait "leave it running"
keys t
expect-exit 143' "$MEMTOP" run -- "$steady"
! grep -q '^sites.filter' "$settings"
ok $? 'one that is wrong is not kept' || sed 's/^/# /' "$settings"
rm -f "$settings"

# ---- very many: keys are answered while stacks are matched and named
MEMTOP_KEEP=1 LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/many" stacks 100000 >"$TMP/said" 2>&1 &
many=$!
wait $many
screen 'a hundred thousand call sites' 24 80 'tab Sites
match "^ 1 of 100,[0-9]{3} call sites" 60
keys \\^<Enter>\\<C-u>function:/left|right/<Enter>jj
match "^ ?.function:/.*/.: 0 B \(.*\) in 0 blocks, [123] of 100,000 call sites" 60
keys /many.c<Enter>nnn
match "^ .* 7 of 100,000 call sites" 60
keys /nowhere<Enter>
wait "not found: nowhere" 60
keys \\<C-u>/left$/<Enter>s<End><Enter>
match "^ ?./left./.: .* of 100,000 call sites" 60' "$MEMTOP" "$many"
"$MEMTOP" clean

done_testing
