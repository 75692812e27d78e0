#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The agent comes to 101 threads that do nothing but allocate, and goes: malloc's locks
# are in demand, and most threads have no processor at any one time.
# MEMTOP_TEST_ROUNDS says how many times (2).
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

rounds=${MEMTOP_TEST_ROUNDS:-2}
[ "$(uname -m)" = x86_64 ] || skip_all 'the injector knows x86-64 only'

mkfifo "$TMP/in"
nice "$VICTIMS/alloc_threads" 100 <"$TMP/in" >"$TMP/out" 2>&1 &
victim=$!
exec 3>"$TMP/in"
within 60 grep -q ready "$TMP/out"
"$MEMTOP" inject $victim 2>"$TMP/err" || {
    grep -qE 'ptrace_scope|SYS_PTRACE|may not be traced' "$TMP/err" && skip_all "$(cat "$TMP/err")"
    sed 's/^/# /' "$TMP/err"
}
"$MEMTOP" report $victim >"$TMP/report" 2>&1
ok $? 'it records'
"$MEMTOP" detach $victim 2>"$TMP/err"
ok $? 'and can be detached' || sed 's/^/# /' "$TMP/err"

# Where the whole machine is crowded, a safe moment may not come within five seconds.
attached() {
    "$MEMTOP" inject $victim 2>"$TMP/err"
}
detached() {
    "$MEMTOP" detach $victim 2>"$TMP/err"
}
for ((i = 0; i < rounds; i++)); do
    within 60 attached && within 60 detached || break
done
is $i "$rounds" 'again and again' || sed 's/^/# /' "$TMP/err"
lets_go() {
    detached && ! grep -q "$MEMTOP_DIR/memtop-" "/proc/$victim/maps"
}
within 60 lets_go
ok $? 'it lets go of its segment'
echo >&3
wait $victim
is $? 0 'no block is damaged'

done_testing
