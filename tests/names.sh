#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# --rename, --rename-file and --demangler: the same new names in reports, diffs and
# exports, and demanglers that fail.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

keep() { # NAME COMMAND...: run it and leave its segment in $TMP/NAME.
    local name=$1
    shift
    MEMTOP_KEEP=1 LD_PRELOAD=$MEMTOP_AGENT "$@" >/dev/null || ok 1 "$* runs"
    mv "$(ls "$MEMTOP_DIR"/memtop-*)" "$TMP/$name"
}

keep leaky "$VICTIMS/leaky" all
keep none "$VICTIMS/leaky" none
rule='s/^lose_(.*)$/loses::\1/'

status 0 'report --rename' "$MEMTOP" report --sites --rename "$rule" "$TMP/leaky"
says out '^    loses::big \(leaky.c:' 'has the new names, places stay'
status 0 'two rules' "$MEMTOP" report --sites --rename "$rule" --rename 's/::big/::huge/' "$TMP/leaky"
says out '^    loses::huge ' 'are applied in their order'
printf '# shorter\n%s\n' "$rule" >"$TMP/rules"
status 0 '--rename-file' "$MEMTOP" report --tree flat --rename-file "$TMP/rules" "$TMP/leaky"
says out ' loses::small ' 'in trees, too'
status 0 '--filter' "$MEMTOP" report --json --rename "$rule" --filter function:loses:: "$TMP/leaky"
is "$(value 'sum(s["live_bytes"] for s in j["sites"])' "$TMP/out")" 6000 'looks at the new names'
status 0 'export' "$MEMTOP" export --format folded --rename "$rule" "$TMP/leaky"
says out ';main;loses::big 5000$' 'has the new names'
status 0 'diff' "$MEMTOP" diff --rename "$rule" "$TMP/none" "$TMP/leaky"
says out '^    loses::big ' 'has the new names'
if "$MEMTOP" snapshot -o "$TMP/file" "$TMP/leaky" 2>/dev/null; then
    status 0 'a snapshot in a file' "$MEMTOP" report --sites --rename "$rule" "$TMP/file"
    says out '^    loses::big ' 'has the new names'
fi

# ---- demanglers
status 0 '--demangler' "$MEMTOP" report --sites --demangler \
    "tee '$TMP/asked' | sed 's/^lose_/demangled /'" "$TMP/leaky"
says out '^    demangled big ' 'gives the names'
is "$(grep -c '^lose_big$' "$TMP/asked")" 1 'it is asked for each name once'
keep cxx "$VICTIMS/cxx_new"
status 0 'a C++ program' "$MEMTOP" report --sites --demangler "tee '$TMP/asked'" "$TMP/cxx"
says asked '^_Z[A-Z0-9]' 'it gets the names of the linker'
is "$(grep -c '^    _Z' "$TMP/out")" 0 'what it passes on is shown as ever'
for bad in 'exit 3' 'head -n 1' 'cat; echo more' /no/such/program; do
    status 0 "a demangler that fails: $bad" "$MEMTOP" report --sites --demangler "$bad" "$TMP/leaky"
    says err '^memtop: --demangler: .*: names are shown without it$' 'is told'
    says out '^    lose_big ' 'and its output is not used'
done

# ---- usage
status 2 'a rule that is none' "$MEMTOP" report --rename nonsense "$TMP/leaky"
says err 'nonsense: is not s/REGEX/TEXT/' 'is named'
status 2 'a file that is not there' "$MEMTOP" report --rename-file "$TMP/missing" "$TMP/leaky"
echo 's/(/x/' >"$TMP/rules"
status 2 'a file with a bad rule' "$MEMTOP" export --format csv --rename-file "$TMP/rules" "$TMP/leaky"
says err 'rules: line 1: ' 'is named by its line'

done_testing
