#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Victims behave the same with the agent and without: what they print, and how
# they end. Each victim's first comment says how it is built; plugins are
# shared objects (plugin, plugin_cxx).
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

# outcome PRELOAD COMMAND...: its output and status, on stdout.
outcome() {
    preload=$1
    shift
    (
        [ -z "$preload" ] || export LD_PRELOAD="$preload"
        exec timeout 60 "$@" 2>&1
    )
    echo "status $?"
}

# same NAME PRELOAD COMMAND...: behaves alike with the agent before PRELOAD.
same() {
    name=$1 behind=$2
    shift 2
    outcome "$behind" "$@" >"$TMP/without" 2>/dev/null
    outcome "$MEMTOP_AGENT $behind" "$@" >"$TMP/with" 2>/dev/null
    is "$(cat "$TMP/with")" "$(cat "$TMP/without")" "$name: the same with the agent"
}

# good NAME STATUS: the last outcome was the wanted one, too.
good() {
    is "$(tail -n 1 "$TMP/with")" "status $2" "$1: ends with $2"
}

# The plugin's path, wherever the build put it.
plugin() {
    for path in "$VICTIMS/$1.so" "$VICTIMS/.libs/$1.so"; do
        [ -e "$path" ] && echo "$path" && return
    done
}

for victim in semantics usable_size errno_kept early_alloc cross_thread_free reallocs \
    cxx_new fork_child vfork_exec closes_fds sigalloc; do
    same $victim '' "$VICTIMS/$victim"
    good $victim 0
done

for way in return:10 exit:11 _exit:12 _Exit:13 quick_exit:14 abort:134 kill:137; do
    same "exit_ways ${way%:*}" '' "$VICTIMS/exit_ways" "${way%:*}"
    good "exit_ways ${way%:*}" "${way#*:}"
done

same dlopen_loop '' "$VICTIMS/dlopen_loop" "$(plugin plugin)" "$(plugin plugin_cxx)"
good dlopen_loop 0
same 'an allocation before relocation' "$(plugin plugin)" "$VICTIMS/reallocs"
good 'an allocation before relocation' 0

# Another allocator of the program's choice, and its own operator new.
jemalloc=$(ldconfig -p | sed -n 's/.*libjemalloc\.so\.2.* => //p' | head -n 1)
if [ -n "$jemalloc" ]; then
    for victim in usable_size reallocs cross_thread_free cxx_new; do
        same "$victim on jemalloc" "$jemalloc" "$VICTIMS/$victim"
    done
else
    skip 'libjemalloc is not installed'
fi

done_testing
