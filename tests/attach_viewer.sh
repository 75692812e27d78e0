#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The viewer on a process that was started without the agent: it is loaded, said
# for how long the process was held, and switched off on leaving, or not.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/viewer.sh"

[ "$(uname -m)" = x86_64 ] || skip_all 'the injector knows x86-64 only'

mkfifo "$TMP/in"
"$VICTIMS/alloc_threads" 0 <"$TMP/in" >"$TMP/out" &
victim=$!
exec 3>"$TMP/in"
within 20 grep -q ready "$TMP/out"
"$MEMTOP" inject $victim 2>"$TMP/err" || {
    grep -qE 'ptrace_scope|SYS_PTRACE|may not be traced' "$TMP/err" && skip_all "$(cat "$TMP/err")"
}
"$MEMTOP" detach $victim 2>/dev/null
is "$?" 0 'it can be done here'

screen 'attach loads the agent, q asks, d switches it off' 24 80 'wait "a thread was held for" 20
wait "alloc_threads"
wait "Overview]"
keys q
wait "detach: the process goes on without it"
keys <Esc>
wait! "detach: the process goes on"
keys q
wait "detach: the process goes on without it"
keys d
wait "the agent is off" 20
expect-exit 0' "$MEMTOP" attach $victim
"$MEMTOP" report $victim >/dev/null 2>&1
is $? 1 'nothing records then'
(within 60 test -s "$TMP/up" && "$MEMTOP" detach $victim 2>/dev/null) &
detacher=$!
screen 'what was there before stands apart; detached by others it can be attached again' 24 80 \
    'wait "a thread was held for" 20
match "since the attach, exact  before attach ~[0-9.]+ [KM]iB, [0-9.]+k? freed" 20
dump '"$TMP"'/up
match "ran .*  detached" 20
wait "a Attach again"
keys a
match "up .*  running" 20
wait! "a Attach again"
keys q
wait "leave it at work"
keys d
wait "the agent is off" 20
expect-exit 0' "$MEMTOP" attach $victim
wait $detacher
is $? 0 'it was'
screen 'l leaves it at work' 24 80 'wait "a thread was held for" 20
keys q
wait "leave it at work"
keys l
expect-exit 0' "$MEMTOP" $victim
"$MEMTOP" report $victim >/dev/null 2>&1
is $? 0 'and it records'
screen 'a process that was attached before is asked about as well' 24 80 'wait "Overview]" 20
keys q
wait "leave it at work"
keys d
wait "the agent is off" 20
expect-exit 0' "$MEMTOP" attach $victim
screen 'the list of processes offers it' 24 80 'wait "no agent" 20
keys <End>
wait "no agent"
keys q
expect-exit 0' "$MEMTOP"
"$MEMTOP" inject --keep $victim 2>/dev/null
"$MEMTOP" detach $victim 2>/dev/null
screen 'a segment that was kept does not hide that nothing records' 24 80 'wait "a thread was held for" 20
keys q
wait "leave it at work"
keys d
expect-exit 0' "$MEMTOP" attach $victim
status=$("$MEMTOP" attach $victim 2>&1 </dev/null >/dev/null; echo $?)
is "${status##*
}" 1 'without a terminal it is not touched'

echo >&3
wait $victim
is $? 0 'the process ends well'
done_testing
