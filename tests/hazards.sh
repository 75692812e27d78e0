#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is known to hurt programs that somebody else's malloc lives in, one by one:
# each victim prints and ends as it does without the agent, and the figures are
# right. MEMTOP_LONG=1: more of it. docs/reliability.md has the list.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"
. "$srcdir/tests/alike.sh"

# ---- signals
if [ "$(uname -m)" = x86_64 ]; then
    alike 'forks in the middle of hooks' "$VICTIMS/fork_in_hook" $(long 997 17)
    exact 'forks in the middle of hooks'
    LD_PRELOAD=$MEMTOP_AGENT timeout 120 "$VICTIMS/fork_in_hook" 397 unlinked >"$TMP/out"
    is $? 0 'the same, where the segment is out of reach'
    alike 'a handler that allocates in the middle of hooks' \
        "$VICTIMS/signal_in_hook" 11
    exact 'a handler that allocates in the middle of hooks'
    holds 'j["totals"]["nested"] > 100' 'it did so'
    for tier in counters sampled; do
        export MEMTOP_TIER=$tier
        alike "forks in the middle of hooks, $tier" "$VICTIMS/fork_in_hook" $(long 1009 53)
        alike "a handler that allocates there, $tier" "$VICTIMS/signal_in_hook" 11
        [ $tier = sampled ] || exact "a handler that allocates there, $tier"
    done
    unset MEMTOP_TIER
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

# ---- locked memory
# The file may not be long: should the kernel fill it, this machine survives.
if command -v prlimit >/dev/null; then
    bounded='prlimit --fsize=1000000000'
    # shellcheck disable=SC2086
    alike 'mlockall, each way' $bounded "$VICTIMS/mlocks"
    exact 'mlockall, each way'
    holds 'j["agent"]["segment_bytes"] < 20000000' 'the segment is not filled'
    # shellcheck disable=SC2086
    alike 'mlockall, above the limit' $bounded --memlock=1000000 "$VICTIMS/mlocks"
    holds 'j["agent"]["segment_bytes"] < 20000000' 'the segment is not filled'
    nobody='setpriv --reuid=65534 --clear-groups --inh-caps=-all'
    if [ "$(id -u)" = 0 ] && $nobody "$MEMTOP" --version >/dev/null 2>&1; then
        chmod 755 "$MEMTOP_DIR"
        mkdir -m 1777 "$MEMTOP_DIR/nobody"
        for limit in 0 1000000 8000000 unlimited; do
            limited="$bounded --memlock=$limit $nobody"
            $limited true 2>/dev/null || continue # above the hard limit
            for ways in 1 5 '2 1' '3 1' 7; do
                text="mlockall without rights, limit $limit: $ways"
                # shellcheck disable=SC2086
                wanted=$($limited "$VICTIMS/mlocks" $ways 2>&1; echo "status $?")
                # shellcheck disable=SC2086
                got=$(MEMTOP_DIR=$MEMTOP_DIR/nobody $limited "$MEMTOP" stat --json \
                    -o "$MEMTOP_DIR/nobody/json" -- "$VICTIMS/mlocks" $ways 2>&1; echo "status $?")
                is "$got" "$wanted" "$text"
                mv "$MEMTOP_DIR/nobody/json" "$TMP/json"
                exact "$text"
            done
        done
    else
        skip 'there is no other user to become'
    fi
    has_allocated() {
        "$MEMTOP" report --json $pid >"$TMP/json" &&
            [ "$(value 'j["totals"]["allocations"] > 0' "$TMP/json")" = True ]
    }
    mkfifo "$TMP/end"
    wanted=$("$VICTIMS/mlocks" wait </dev/null)
    $bounded "$VICTIMS/mlocks" wait <"$TMP/end" >"$TMP/out" &
    pid=$!
    exec 9>"$TMP/end"
    within 20 grep -q ready "$TMP/out"
    if "$MEMTOP" inject $pid 2>"$TMP/err"; then
        ok 0 'an agent that is loaded after mlockall(MCL_FUTURE)'
        locked=$(sed -n 's/VmLck:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status)
        [ "$locked" -lt 40000 ]
        ok $? "locks nothing of its own but its library ($locked kB in all)"
        within 20 has_allocated
        holds 'j["agent"]["segment_bytes"] < 20000000 and j["totals"]["allocations"] > 0' \
            'it records'
        exec 9>&-
        wait $pid
        is "$(cat "$TMP/out")" "$wanted" 'and the program goes on as without it'
    else
        skip "cannot attach: $(cat "$TMP/err")"
        exec 9>&-
        wait $pid
    fi
else
    skip 'there is no prlimit'
fi

# ---- late, nested and foreign
plugin() { # NAME: its path, wherever the build put it
    find "$VICTIMS" -name "$1.so" | head -n 1
}
alike 'frees after all others: thread destructors, exit handlers' "$VICTIMS/faults" late
exact 'late frees'
alike "allocations under the loader's lock, and in a thread that wants it" "$VICTIMS/faults" loader
exact "under the loader's lock"
alike 'frees of what malloc did not hand out' "$VICTIMS/faults" foreign
holds 'j["totals"]["foreign_frees"] == 10' 'each of them is told'
alike 'fork, a raw clone, posix_spawn, system and popen' "$VICTIMS/faults" fork
holds "$balanced" 'the figures of the parent are its own'
holds 'j["totals"]["foreign_frees"] + j["totals"]["missed_frees"] == 0' 'no free goes by'
for mode in deepbind namespace; do
    alike "a plugin out of the hooks' reach ($mode)" "$VICTIMS/out_of_reach" $mode "$(plugin plugin)"
    holds "$balanced" 'the figures add up'
done
alike 'nothing of the program is changed: threads, signals, descriptors, errno' "$VICTIMS/unchanged"

# The C library's debugging allocator has but old versions of its functions.
debug=libc_malloc_debug.so.0
if env LD_PRELOAD=$debug true 2>&1 | grep -q 'cannot be preloaded'; then
    skip "there is no $debug"
else
    export MALLOC_CHECK_=3
    wanted=$(timeout 60 env LD_PRELOAD=$debug "$VICTIMS/corrupts" 2>&1; echo "status $?")
    got=$(timeout 60 "$MEMTOP" stat --preload=$debug --json -o "$TMP/json" -- \
        "$VICTIMS/corrupts" 2>&1; echo "status $?")
    unset MALLOC_CHECK_
    is "$got" "$wanted" 'a debugging allocator below the agent finds what it should'
    case $got in *invalid*134) ok 0 'and ends the program' ;; *) ok 1 "and ends the program: $got" ;; esac
    holds 'j["agent"]["allocator"].endswith("/libc_malloc_debug.so.0")' 'the report names it'
    exact "$debug"
fi

# ---- great numbers
alike 'threads at once' "$VICTIMS/many" threads 1000
exact 'threads at once'
alike 'threads, one after the other' "$VICTIMS/many" short 100000
exact 'threads, one after the other'
alike 'forks' "$VICTIMS/many" forks 10000
exact 'forks'
alike 'blocks of one byte' "$VICTIMS/many" blocks 10000000
exact 'blocks of one byte'
holds "j['totals']['peak_blocks'] >= 10000000" 'all were there at once'
alike 'blocks of 100 GB' "$VICTIMS/many" huge 3
exact 'blocks of 100 GB'
alike 'a plugin that comes and goes' "$VICTIMS/many" opens "$(long 200 5000)" "$(plugin plugin)"
exact 'a plugin that comes and goes'
# A file that may only be short has short tables: 1,024 sites, 4,096 nodes.
short_file() {
    prlimit --fsize=250000000 "$@"
}
if command -v prlimit >/dev/null; then
    wanted=$("$VICTIMS/many" stacks 20000)
    got=$(short_file "$MEMTOP" stat --json -o "$TMP/json" -- "$VICTIMS/many" stacks 20000)
    is "$got" "$wanted" 'more stacks than there are sites'
    exact 'more stacks than there are sites'
    holds 'j["totals"]["unattributed"] > 10000 and j["totals"]["allocations"] > 20000' \
        'those without a site are told'
else
    skip 'there is no prlimit'
fi

# ---- races
alike 'blocks that go from thread to thread' "$VICTIMS/races" 4 "$(long 200000 5000000)"
exact 'blocks that go from thread to thread'
holds 'all(s["allocations"] - s["frees"] == s["live_blocks"] and
           s["bytes_allocated"] - s["bytes_freed"] == s["live_bytes"] for s in j["sites"])' \
    'each site adds up'
holds 'sum(s["allocations"] for s in j["sites"]) == j["totals"]["allocations"] and
       sum(s["frees"] for s in j["sites"]) == j["totals"]["frees"]' 'the sites make up the totals'
mkfifo "$TMP/go"
LD_PRELOAD=$MEMTOP_AGENT "$VICTIMS/races" 4 0 <"$TMP/go" >/dev/null &
pid=$!
exec 9>"$TMP/go"
within 20 "$MEMTOP" report $pid
bad=0
for _ in $(seq "$(long 10 300)"); do
    "$MEMTOP" report --json $pid >"$TMP/json"
    [ "$(value "$balanced and all(s['allocations'] - s['frees'] == s['live_blocks']
        for s in j['sites']) and j['totals']['foreign_frees'] == 0" "$TMP/json")" = True ] ||
        bad=$((bad + 1))
done
is $bad 0 'so does each snapshot in the middle of it'
exec 9>&-
wait $pid
is $? 0 'which the program does not notice'

done_testing
