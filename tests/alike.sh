# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the tests of hazards share; comes after json.sh. Victims run with the agent
# and without it, and the report of the first process is looked at.

long() { # SHORT LONG: what MEMTOP_LONG chooses
    [ -n "${MEMTOP_LONG:-}" ] && echo "$2" || echo "$1"
}

# The same with the agent as without; the report of the first process in *json*.
# alike NAME COMMAND...
alike() {
    local name=$1 wanted got
    shift
    wanted=$(timeout "$(long 120 600)" "$@" 2>&1; echo "status $?")
    got=$(timeout -k 5 "$(long 300 1200)" "$MEMTOP" stat --json -o "$TMP/json" -- "$@" 2>&1; echo "status $?")
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
