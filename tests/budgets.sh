#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Budgets of memtop stat: exit statuses, messages, suppressions, and the JSON, on a
# victim of known leaks and on real programs.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

leaky=$VICTIMS/leaky

# budget WANTED TEXT OPTION... -- CMD: stat with a JSON report in $TMP/json.
budget() {
    local wanted=$1 text=$2
    shift 2
    rm -f "$TMP/json"
    "$MEMTOP" stat --json -o "$TMP/json" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
    is "$?" "$wanted" "$text" || sed 's/^/# /' "$TMP/err"
}

says() { # PATTERN TEXT
    grep -qE -- "$1" "$TMP/err"
    ok $? "$2" || sed 's/^/# /' "$TMP/err"
}

silent() { # TEXT
    is "$(cat "$TMP/err")" '' "$1"
}

holds() { # EXPRESSION TEXT: of the JSON, with b its first budget
    is "$(value "[($1) for b in j['budgets'][:1]]" "$TMP/json")" '[True]' "$2"
}

# ---- leaks
budget 0 'no leak' --fail-on-leak -- "$leaky" none
silent 'no word of it'
holds 'b["leaked"] == {"blocks": 0, "bytes": 0} and b["runtime"]["blocks"] == 1' \
    'the buffer of stdout is told apart'
budget 0 'blocks freed in atexit handlers and destructors are none' --fail-on-leak -- "$leaky" exit
budget 1 'twelve leaks' --fail-on-leak -- "$leaky" all
says 'budget --fail-on-leak failed: 12 blocks, 6.15 KiB, alive at the end' 'are counted'
says '^  4.88 KiB in 1 block alive at the end:$' 'the largest is told'
says '^    lose_big \(leaky.c:[0-9]+, leaky\)$' 'with its stack'
says '^    lose_small ' 'and the others'
holds 'b["failed"] and b["value"] == 12 and b["leaked"] == {"blocks": 12, "bytes": 6300}' \
    'the JSON knows, too'
holds '[s["frames"][0]["function"] for i in b["worst_sites"] for s in j["sites"] if s["id"] == i]
       == ["lose_big", "lose_small", "reach"]' 'the worst come first'
budget 7 'the status of CMD goes first' --fail-on-leak -- "$leaky" all 7
says 'failed: 12 blocks' 'and the budget is told all the same'
budget 1 'with the runtime'\''s own' --fail-on-leak --all-leaks -- "$leaky" none
says 'failed: 1 block,' 'the buffer counts'
budget 1 'a pattern' --fail-on-leak=lose_small -- "$leaky" all
says 'failed: 10 blocks, 0.98 KiB' 'counts only what matches'
budget 0 'a pattern that nothing matches' --fail-on-leak=module:libnowhere -- "$leaky" all
run 'the JSON follows the schema' "$PYTHON" "$srcdir/tests/schema.py" \
    "$srcdir/docs/memtop.schema.json" "$TMP/json"

# ---- suppressions
printf '# known\nleak:lose_*all\nleak:^reach$\n' >"$TMP/rules"
budget 1 'suppressions' --fail-on-leak --suppress "$TMP/rules" -- "$leaky" all
says 'failed: 1 block, 4.88 KiB, alive at the end; suppressed: 11 blocks, 1.27 KiB; the runtime.s own: 1 block' \
    'take away what they name, and say so'
echo 'leak:leaky.c' >"$TMP/more"
budget 0 'a second file, by the name of a source file' --fail-on-leak --suppress "$TMP/rules" \
    --suppress "$TMP/more" -- "$leaky" all
holds 'b["suppressed"] == {"blocks": 12, "bytes": 6300}' 'all is suppressed'
echo 'leak:/leaky$' >"$TMP/rules"
budget 0 'by the path of a module' --fail-on-leak --suppress "$TMP/rules" -- "$leaky" all
echo 'race:foo' >"$TMP/rules"
budget 2 'a file of another kind' --fail-on-leak --suppress "$TMP/rules" -- touch "$TMP/ran"
says 'rules: line 1 is not leak:PATTERN' 'is named by its line'
[ ! -e "$TMP/ran" ]
ok $? 'and CMD is not started'
budget 2 'a file that is not there' --fail-on-leak --suppress "$TMP/missing" -- true
budget 2 'suppressions without --fail-on-leak' --suppress "$TMP/more" -- true

# ---- the peak, and allocations
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/known_counts" >"$TMP/known"
peak=$(sed -n 's/^peak_bytes=//p' "$TMP/known")
all=$(sed -n 's/^allocations=//p' "$TMP/known")
budget 0 'a peak that just fits' --max-peak "$peak" -- "$VICTIMS/known_counts"
budget 1 'a peak that is one byte more' --max-peak $((peak - 1)) -- "$VICTIMS/known_counts"
says 'budget --max-peak failed: the peak is 500,000 bytes, 1 \(1 B\) more than 499,999' 'by how much'
says '488 KiB in 100 blocks at the peak' 'and what it was made of'
says '^    allocators \(known_counts.c:' 'with stacks'
budget 0 'allocations that just fit' --max-allocations "$all" -- "$VICTIMS/known_counts"
budget 1 'one allocation too many' --max-allocations $((all - 1)) -- "$VICTIMS/known_counts"
says 'failed: 1,700 allocations, 1 more than 1,699' 'by how much'
budget 1 'several budgets' --max-allocations 1 --max-peak 1K --fail-on-leak -- "$VICTIMS/known_counts"
is "$(grep -c '^memtop: budget' "$TMP/err")" 3 'are all told'
is "$(value '[b["failed"] for b in j["budgets"]]' "$TMP/json")" '[True, True, True]' 'all in the JSON'
budget 1 'allocations of nobody' --max-allocations 0 -- "$leaky"

# ---- what cannot be checked fails
budget 2 '--fail-on-leak of samples' --fail-on-leak --tier sampled -- true
MEMTOP_TIER=sampled budget 1 'the same by the environment' --fail-on-leak -- "$leaky" all
says 'cannot be checked: stacks were sampled' 'says why'
budget 1 'without stacks leaks are counted' --fail-on-leak --tier counters -- "$leaky" all
says 'failed: 13 blocks' 'all of them'
budget 1 'but not matched' --fail-on-leak=foo --tier counters -- "$leaky" all
says 'cannot be checked: no stacks' 'says why'
MEMTOP_MEMORY=2M budget 1 'lost allocations' --fail-on-leak -- "$VICTIMS/grows" 1 300000 1
says 'cannot be checked: allocations were lost' 'leave leaks unknown'
budget 137 'a killed program' --fail-on-leak -- sh -c 'kill -KILL $$'
says 'cannot be checked: the program did not come to its end' 'says why'
echo 'int main(void) { return 0; }' >"$TMP/static.c"
if ${CC:-gcc} -static -o "$TMP/static" "$TMP/static.c" 2>/dev/null; then
    "$MEMTOP" stat --fail-on-leak "$TMP/static" 2>"$TMP/err"
    is $? 1 'a program without the agent'
    says 'statically linked' 'says why'
else
    skip 'no static C library'
fi

# ---- as text
"$MEMTOP" stat --max-allocations 0 -- "$leaky" >"$TMP/out" 2>"$TMP/err"
is "$?:$(grep -nE '^memtop: budget' "$TMP/err" | wc -l)" 1:1 'with the report on stderr'
[ "$(grep -n TOTALS "$TMP/err" | cut -d : -f 1)" -lt "$(grep -n '^memtop: budget' "$TMP/err" |
    cut -d : -f 1)" ]
ok $? 'it comes behind the report'

# ---- real programs
if command -v sqlite3 >/dev/null; then
    budget 0 'sqlite3 gives all back' --fail-on-leak -- sqlite3 :memory: \
        'create table t(a); insert into t values (1), (2); select sum(a) from t;'
fi
budget 1 'python3 does not' --fail-on-leak --max-allocations 100 -- "$PYTHON" -S -c pass
budget 0 'a shell in its budget' --max-peak 64M -- sh -c 'echo $((1 + 1))'

done_testing
