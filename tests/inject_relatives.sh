#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The children of a process that was attached while it ran, and the programs that it
# becomes: forked ones are recorded, each for itself, until they are detached, and what
# exec makes has no agent until it is attached itself.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

[ "$(uname -m)" = x86_64 ] || skip_all 'the injector knows x86-64 only'

mkfifo "$TMP/in"
"$VICTIMS/relatives" "$VICTIMS/held" <"$TMP/in" >"$TMP/out" &
parent=$!
exec 3>"$TMP/in"
within 20 grep -q ready "$TMP/out"
"$MEMTOP" inject $parent 2>"$TMP/err" || {
    grep -qE 'ptrace_scope|SYS_PTRACE|may not be traced' "$TMP/err" && skip_all "$(cat "$TMP/err")"
}

did() { # LETTER: how many times
    grep -c "did $1" "$TMP/out"
}

more_than() { [ "$(did "$1")" -gt "$2" ]; }

tell() { # LETTER: and wait until it is done
    local before
    before=$(did "$1")
    echo "$1" >&3
    within 30 more_than "$1" "$before"
}

children() { grep -c child "$TMP/out"; }

born() { [ "$(children)" = "$1" ]; }

# fork_child: its pid is in $child, when it has allocated.
fork_child() {
    local n=$(($(children) + 1))
    tell f
    within 30 born $n
    child=$(sed -n 's/^child //p' "$TMP/out" | tail -n 1)
}

holds() { # EXPRESSION PID TEXT
    "$MEMTOP" report --json "$2" >"$TMP/json" 2>"$TMP/err"
    is "$(value "$1" "$TMP/json" 2>&1 | tail -n 1)" True "$3" ||
        grep -hE "attach|state|totals" "$TMP/err" "$TMP/json" | sed 's/^/# /'
}

end_child() { # PID TEXT: of it the parent knows, when it ends itself
    kill -TERM "$1"
    within 30 gone "$1"
    ok $? "$2"
}

gone() {
    case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
    '' | Z*) ;;
    *) return 1 ;;
    esac
}

tell a
fork_child
recorded=$child
holds 'j["state"] == "running" and j["agent"]["forked"] and "attach" not in j' $recorded \
    'a forked child is recorded, for itself'
holds 'j["totals"]["live_bytes"] == 5000 and j["totals"]["live_blocks"] == 1' $recorded \
    'from its first block on'
holds 'j["totals"]["live_bytes"] == 1000 and not j["agent"]["forked"] and "attach" in j' $parent \
    'its parent has what it had'
tell s
tell v
is "$(did s):$(did v)" 1:1 'programs are spawned as ever'
holds 'j["state"] == "running" and j["totals"]["allocations"] - j["totals"]["frees"] ==
       j["totals"]["live_blocks"]' $parent 'and the parent is recorded on'

"$MEMTOP" detach $parent 2>/dev/null
is $? 0 'the parent is detached'
holds 'j["state"] == "running" and j["totals"]["live_bytes"] == 5000' $recorded \
    'its child is recorded all the same'
"$MEMTOP" detach $recorded 2>/dev/null
is $? 0 'until that is detached, too'
"$MEMTOP" report $recorded >/dev/null 2>&1
is $? 1 'then nothing is'
fork_child
"$MEMTOP" report "$child" >/dev/null 2>&1
is $? 1 'a child that is forked after the detach is not recorded'
"$MEMTOP" inject "$child" 2>"$TMP/err"
is $? 0 'but can be attached' || sed 's/^/# /' "$TMP/err"
holds 'j["attach"]["before_bytes_estimate"] > 5000 and j["totals"]["allocations"] == 0' "$child" \
    'as any other, and knows what was there before'
end_child $recorded 'the one ends'
end_child "$child" 'and the other'

"$MEMTOP" inject $parent 2>/dev/null
is $? 0 'the parent can be attached again'
: >"$TMP/out"
printf x >&3 # and no more, which would be for the program to come
within 30 grep -q ready "$TMP/out"
"$MEMTOP" report $parent >"$TMP/text" 2>&1
is "$?:$(grep -c 'without memtop' "$TMP/text")" 1:1 'what exec makes of it has no agent' ||
    sed 's/^/# /' "$TMP/text"
"$MEMTOP" list | sed '1,/Without the agent/d' | grep -qE "^ *$parent .* yes .*held"
ok $? 'which the list says'
"$MEMTOP" inject $parent 2>"$TMP/err"
is $? 0 'until it is attached' || sed 's/^/# /' "$TMP/err"
holds '64e6 < j["attach"]["before_bytes_estimate"] < 67e6 and "held" in j["command"]' $parent \
    'as the program that it is now'
exec 3>&-
wait $parent
is $? 0 'it ends well'
is "$(ls -A "$MEMTOP_DIR")" '' 'no segment is left'

done_testing
