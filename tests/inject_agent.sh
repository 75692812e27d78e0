#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The agent loaded into a process that runs, by programs that do that to themselves:
# what it sees then, and that it comes and goes under load without any harm.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

plugin=$VICTIMS/.libs/attach_plugin.so
library() { # name: its path, if it is installed
    ldconfig -p | sed -n "s/.*[[:space:]]$1.* => //p" | head -n 1
}
jemalloc=$(library 'libjemalloc\.so\.2')
tcmalloc=$(library 'libtcmalloc_minimal\.so\.4')
mimalloc=$(library 'libmimalloc\.so\.2')

# with NAME PRELOAD: run all victims on an allocator.
with() {
    if [ -z "$2" ]; then
        skip "$1 is not installed"
        return
    fi
    [ "$2" = none ] && preload='' || preload=$2
    run "$1: each way to allocate is seen" \
        env LD_PRELOAD="$preload" "$VICTIMS/attach_counts" "$plugin"
    run "$1: $3 times under load" \
        env LD_PRELOAD="$preload" "$VICTIMS/attach_load" "$3" "$plugin"
    run "$1: with operators new and delete" \
        env LD_PRELOAD="$preload" "$VICTIMS/attach_load_cxx" "$3" "$plugin"
}

with 'malloc of libc' none 20
with jemalloc "$jemalloc" 10
with tcmalloc "$tcmalloc" 10
with mimalloc "$mimalloc" 10

run 'calls that are bound when the program starts' \
    env LD_BIND_NOW=1 "$VICTIMS/attach_counts" "$plugin"
run 'a preloaded agent that is off is switched on and off' \
    env MEMTOP=off LD_PRELOAD="$MEMTOP_AGENT" "$VICTIMS/attach_counts" "$plugin"
run 'the same under load' \
    env MEMTOP=off LD_PRELOAD="$MEMTOP_AGENT" "$VICTIMS/attach_load" 10
asan=$(${CC:-gcc} -print-file-name=libasan.so 2>/dev/null)
if [ -e "$asan" ]; then
    # What it says of leaks is not our business.
    run 'a sanitizer keeps its malloc' \
        env LD_PRELOAD="$asan" ASAN_OPTIONS=detect_leaks=0 "$VICTIMS/attach_counts" "$plugin" -7
else
    skip 'the address sanitizer is not installed'
fi
is "$(ls -A "$MEMTOP_DIR")" '' 'no segment is left'

done_testing
