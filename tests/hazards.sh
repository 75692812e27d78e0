#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is known to hurt programs that somebody else's malloc lives in, one by one:
# each victim prints and ends as it does without the agent, and the figures are
# right. MEMTOP_LONG=1: more of it. docs/reliability.md has the list.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

long() { # SHORT LONG: what MEMTOP_LONG chooses
    [ -n "${MEMTOP_LONG:-}" ] && echo "$2" || echo "$1"
}

# The same with the agent as without; the report of the first process in *json*.
# alike NAME COMMAND...
alike() {
    local name=$1 wanted got
    shift
    wanted=$(timeout 60 "$@" 2>&1; echo "status $?")
    got=$(timeout -k 5 120 "$MEMTOP" stat --json -o "$TMP/json" -- "$@" 2>&1; echo "status $?")
    is "$got" "$wanted" "$name: the same with the agent"
}

holds() { # EXPRESSION TEXT
    is "$(value "$1" "$TMP/json")" True "$2" ||
        value 'j["totals"], j["agent"]' "$TMP/json" | sed 's/^/# /'
}
balanced='(lambda t: t["allocations"] - t["frees"] == t["live_blocks"]
           and t["bytes_allocated"] - t["bytes_freed"] == t["live_bytes"])(j["totals"])'
odd='[j["totals"][k] for k in ("missed_frees", "foreign_frees", "inherited_frees", "lost")]'

exact() { # NAME: the last report adds up, and nothing went by
    holds "$balanced" "$1: the figures add up"
    holds "$odd == [0, 0, 0, 0]" "$1: nothing went by"
}

# ---- signals
if [ "$(uname -m)" = x86_64 ]; then
    alike 'forks in the middle of hooks' "$VICTIMS/fork_in_hook" $(long 997 17)
    exact 'forks in the middle of hooks'
    LD_PRELOAD=$MEMTOP_AGENT timeout 120 "$VICTIMS/fork_in_hook" 1999 unlinked >"$TMP/out"
    is $? 0 'the same, where the segment is out of reach'
    alike 'a handler that allocates in the middle of hooks' \
        "$VICTIMS/signal_in_hook" 11
    exact 'a handler that allocates in the middle of hooks'
    holds 'j["totals"]["nested"] > 100' 'it did so'
else
    skip 'single-stepping is for x86-64 only'
fi

# ---- seccomp
for way in prctl syscall; do
    alike "a filter that kills, set by $way()" "$VICTIMS/sandboxed" $way
    holds "$balanced" 'the figures add up'
    holds 'j["agent"]["sandboxed"]' 'and the report says why they may be incomplete'
    holds 'j["totals"]["allocations"] + j["totals"]["lost"] > 20000' 'calls are counted on'
    holds 'j["totals"]["foreign_frees"] + j["totals"]["missed_frees"] == 0' 'no free goes by'
    holds 'any(s["allocations"] >= 200 and len(s["frames"]) > 1 for s in j["sites"])' 'with stacks'
done
alike 'the kernel refuses a filter' "$VICTIMS/sandboxed" refused
exact 'the kernel refuses a filter'
holds 'not j["agent"]["sandboxed"]' 'all goes on'
alike 'the strict mode' "$VICTIMS/sandboxed" strict
    holds '2000 <= j["totals"]["allocations"] < 2500' 'where the clock is forbidden, recording ends'
outcome=$("$VICTIMS/sandboxed" inherited "$VICTIMS/reallocs"; echo "status $?")
is "$(LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/sandboxed" inherited "$VICTIMS/reallocs"; echo "status $?")" \
    "$outcome" 'a filter that was there before, and refuses all that recording needs'

done_testing
