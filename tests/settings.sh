#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the viewer begins with, what it remembers, keys by choice, files it writes.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"
. "$srcdir/tests/json.sh"

steady=$VICTIMS/steady
export XDG_CONFIG_HOME=$TMP/config
settings=$XDG_CONFIG_HOME/memtop/settings
keys=$XDG_CONFIG_HOME/memtop/keys

# ---- how it begins, what it remembers
screen '--view and --sort' 24 80 'wait "[3 Sites]"
wait "make_rows"
wait "churn"
match "^ +0 .* churn"
keys I
match "^ *(LIVE|0 .*churn)"
keys q
wait "leave it running"
keys t
expect-exit 143' "$MEMTOP" run --view sites --sort allocs -- "$steady"
grep -qx 'sites.sort = ALLOCS' "$settings" && grep -qx 'sites.reverse = yes' "$settings" &&
    grep -qx 'viewer.view = Sites' "$settings"
ok $? 'the view, its order and that it is reversed are remembered' || sed 's/^/# /' "$settings"
screen 'the next one begins so' 24 80 'wait "[3 Sites]"
wait "make_rows"
keys 2
wait "[2 Tree]"
keys \\
wait "Filter:"
keys make_rows<Enter>
wait "make_rows"
wait! "churn"
keys q
wait "leave it running"
keys t
expect-exit 143' "$MEMTOP" run -- "$steady"
grep -qx 'tree.filter = make_rows' "$settings"
ok $? 'the filter is remembered' || sed 's/^/# /' "$settings"
screen '--filter leads to the tree' 24 80 'wait "[2 Tree]"
wait "churn"
wait! "make_rows"
keys q
wait "leave it running"
keys t
expect-exit 143' "$MEMTOP" run --filter churn -- "$steady"
screen '--filter of no regular expression' 24 80 'wait "--filter /[/: "
expect-exit 1' "$MEMTOP" run --filter '/[/' -- "$steady"
screen '--sort of a column that is not there' 24 80 'wait "no such column to sort by"
expect-exit 1' "$MEMTOP" run --view sites --sort nonsense -- "$steady"
"$MEMTOP" run --view nonsense -- true 2>"$TMP/err"
is $? 2 '--view of a view that is not there is wrong usage'

# ---- keys
cat >"$keys" <<'END'
# as it should be
quit = X
pause = F8
END
screen 'other keys' 24 80 'wait "make_rows"
keys <F8>
wait "PAUSED"
keys q
keys X
wait "leave it running"
keys t
expect-exit 143' "$MEMTOP" run --view sites -- "$steady"
"$MEMTOP" keys >"$TMP/keys"
grep -qx 'quit = X # .*' "$TMP/keys"
ok $? 'memtop keys prints them'
echo 'mark = oops' >"$keys"
screen 'a file of keys that is wrong' 24 80 'wait "no such key"
expect-exit 1' "$MEMTOP" run -- "$steady"
rm "$keys"
"$MEMTOP" keys | sed 's/ # .*//' >"$TMP/keys"
sed -n '/^\.\\" keys: begin/,/^\.\\" keys: end/p' "$srcdir/man/memtop.1" |
    sed -e '/^\.\|^\\"/d' -e 's/^\\&//' -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" -e 's/\\e/\\/g' >"$TMP/man"
cmp -s "$TMP/keys" "$TMP/man"
ok $? 'the man page has all of them' || diff "$TMP/keys" "$TMP/man" | sed 's/^/# /'

# ---- w
HOME=$TMP screen 'w writes' 24 80 "wait make_rows
wait churn
keys w
wait \"write to\"
keys $TMP/o.txt<Enter>
wait \"what is on the screen\"
keys w
wait \"write to\"
keys $TMP/o.json<Enter>
wait \"as JSON\"
keys w
wait \"write to\"
keys ~/o.folded<Enter>
wait \"$TMP/o.folded: \"
wait \"as folded\"
keys w
wait \"write to\"
keys $TMP/o.json<Enter>
wait \"File exists\"
keys w
wait \"write to\"
keys $TMP/o.xyz<Enter>
wait \"no format is called so\"
keys w
wait \"write to\"
keys <Esc>
wait! \"write to\"
keys q
wait \"leave it running\"
keys t
expect-exit 143" "$MEMTOP" run --view sites -- "$steady"
grep -q make_rows "$TMP/o.txt" && grep -q 'Sites\]' "$TMP/o.txt"
ok $? 'the picture' || sed 's/^/# /' "$TMP/o.txt"
is "$(value 'j["totals"]["live_bytes"]' "$TMP/o.json")" \
    "$(awk '{ n += $NF } END { print n }' "$TMP/o.folded")" 'JSON and folded stacks agree'
[ ! -e "$TMP/o.xyz" ]
ok $? 'a name without a format leaves nothing'

mkfifo "$TMP/input"
exec 3<>"$TMP/input"
screen 'w writes what passes a filter' 24 80 "wait hold
keys 3
wait \"Sites]\"
keys \\\\<C-u>even<Enter>
match \"^ .even.: 512 KiB \"
keys w
wait \"write to\"
keys $TMP/sites.folded<Enter>
wait \"as folded\"
keys t
wait \"Tree]\"
keys \\\\<C-u>walk<Enter>
match \"^ .walk.: 1.00 MiB \"
keys w
wait \"write to\"
keys $TMP/tree.folded<Enter>
wait \"as folded\"" "$MEMTOP" run -- "$VICTIMS/recursion"
is "$(awk '{ n += $NF } !/even/ { others++ } END { print n, others + 0 }' "$TMP/sites.folded")" \
    '524288 0' 'in the call sites'
is "$(awk '{ n += $NF } !/walk/ { others++ } END { print n, others + 0 }' "$TMP/tree.folded")" \
    '1048576 0' 'in the tree'
done_testing
