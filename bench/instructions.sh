#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Instructions that the agent adds to a pair of malloc and free, counted by
# callgrind: instructions.sh BUILD. Two runs of different length are subtracted,
# and what the history's clock costs, which is by time and not by call, is left
# out: valgrind makes time pass fifty times faster.
set -eu
build=$1
for needed in "$build/bench/pairs" "$build/.libs/libmemtop.so"; do
    [ -e "$needed" ] || { echo "instructions.sh: no $needed: run make all bench/pairs there" >&2; exit 1; }
done
count() { # AGENT COMMAND...
    out=$(mktemp)
    env ${1:+"LD_PRELOAD=$1"} valgrind --tool=callgrind --callgrind-out-file="$out" "${@:2}" >/dev/null 2>&1
    callgrind_annotate --inclusive=yes --threshold=100 "$out" 2>/dev/null | awk '
        { gsub(",", "", $1) }
        /PROGRAM TOTALS/ { total = $1 }
        /:history_tick/ && !history { history = $1 }
        END { print total - history }'
    rm -f "$out"
}
per_pair() { # AGENT DEPTH SHAPE
    short=$(count "$1" "$build/bench/pairs" "$2" "$3" 20000)
    long=$(count "$1" "$build/bench/pairs" "$2" "$3" 40000)
    echo $(((long - short) / 20000))
}
for work in '4 same' '20 same' '60 same' '20 leaf' '20 all'; do
    # shellcheck disable=SC2086
    plain=$(per_pair '' $work) with=$(per_pair "$build/.libs/libmemtop.so" $work)
    # shellcheck disable=SC2086
    counters=$(MEMTOP_TIER=counters per_pair "$build/.libs/libmemtop.so" $work)
    echo "pairs $work: $plain without the agent, $((with - plain)) more with it," \
        "$((counters - plain)) with counters only"
done
