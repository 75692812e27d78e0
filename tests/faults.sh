#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong around a program, or what it does to itself: it runs and ends as it
# does without the agent. What needs rights or tools that are not there is skipped.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"
. "$srcdir/tests/alike.sh"

ulimit -c 0
faults=$VICTIMS/faults

# under TEXT COMMAND...: the same with the agent preloaded by hand, where `memtop stat`
# itself could not run.
under() {
    local text=$1 wanted got
    shift
    wanted=$("$@" "$faults" late 2>&1; echo "status $?")
    got=$(LD_PRELOAD=$MEMTOP_AGENT timeout -k 5 60 "$@" "$faults" late 2>&1; echo "status $?")
    is "$got" "$wanted" "$text"
}
# may COMMAND...: are the rights and tools for it there?
may() {
    "$@" true >/dev/null 2>&1
}
root() {
    [ "$(id -u)" = 0 ]
}

# ---- what programs do to themselves
alike 'an access to nowhere' "$faults" segv
exact 'an access to nowhere'
holds 'j["exit"]["signal"] == 11' 'the report names the signal'
alike 'a stack overflow, with a handler on another stack' "$faults" overflow
holds "$balanced" 'the figures add up'
alike 'exec in place' "$faults" exec "$VICTIMS/reallocs"
holds "$balanced and 20000 <= j['totals']['allocations'] < 20010" 'the figures are those of the new program'
alike 'all descriptors closed' "$faults" closefrom
exact 'all descriptors closed'
alike 'no descriptor left' "$faults" nofile
exact 'no descriptor left'

jumps=$(find "$VICTIMS" -name clock_jumps.so | head -n 1)
LD_PRELOAD=$jumps alike 'jumps of the wall clock, in the program and in memtop' "$faults" late
exact 'jumps of the wall clock'
holds '0 <= j["wall_s"] < 60' 'the time that it took is right'

# ---- limits
under 'RLIMIT_AS of 100 MB' bash -c 'ulimit -v 100000; "$@"' limited
under 'RLIMIT_AS of 1 GB' bash -c 'ulimit -v 1000000; "$@"' limited
maps=$("$PYTHON" -c 'import mmap; print(len(mmap.mmap(-1, 500 << 20)))')
is "$(ulimit -v 1000000; LD_PRELOAD=$MEMTOP_AGENT "$PYTHON" -c \
    'import mmap; print(len(mmap.mmap(-1, 500 << 20)))' 2>&1)" "$maps" 'half of it is left to the program'
alike 'RLIMIT_AS, lowered by the program' "$faults" limit
holds "$balanced and 2000 < j['totals']['allocations'] < 3000" 'recording ends at that moment'
"$MEMTOP" stat -o "$TMP/text" -- "$faults" limit >"$TMP/out" 2>&1
grep -q 'recording was ended' "$TMP/text"
ok $? 'and the report says so'
alike 'RLIMIT_AS, lowered by its children' "$faults" limits
exact 'RLIMIT_AS, lowered by its children'
holds "j['totals']['allocations'] > 10000" 'the parent goes on'
under 'RLIMIT_FSIZE of 10 MB' bash -c 'ulimit -f 10000; "$@"' limited
under 'RLIMIT_FSIZE of nothing' bash -c 'ulimit -f 0; exec "$@" | cat' limited
under 'RLIMIT_NOFILE of 5' bash -c 'ulimit -n 5; exec "$@"' limited
under 'a directory for segments that is not there' env MEMTOP_DIR="$TMP/nowhere"

# ---- what only root may do
if root && may unshare -m; then
    # A mount of its own over /dev/shm, and then the default directories.
    for mount in 'tmpfs -o size=1m' 'tmpfs -o size=64m' 'tmpfs -o ro'; do
        under "/dev/shm: $mount" env -u MEMTOP_DIR unshare -m sh -c \
            "mount -t $mount tmpfs /dev/shm && exec \"\$@\"" sh
    done
    under 'neither /dev/shm nor /tmp can be written to' env -u MEMTOP_DIR unshare -m sh -c \
        'agent=$LD_PRELOAD; unset LD_PRELOAD
         mount -t tmpfs -o ro tmpfs /dev/shm && mount --bind /tmp /tmp &&
         mount -o remount,bind,ro /tmp || exit
         [ -z "$agent" ] || export LD_PRELOAD="$agent"
         exec "$@"' sh
else
    skip 'mounting needs root'
fi
if root; then
    mkdir "$TMP/jail"
    alike 'chroot' "$faults" chroot "$TMP/jail"
    exact 'chroot'
else
    skip 'chroot needs root'
fi
if may unshare -U -r; then
    under 'a user namespace' unshare -U -r
else
    skip 'user namespaces are not allowed'
fi
if may unshare -T --boottime 100000; then
    alike 'a time namespace' unshare -T --boottime 100000 --monotonic 100000 "$faults" late
    mkfifo "$TMP/time"
    LD_PRELOAD=$MEMTOP_AGENT unshare -T --boottime 100000 --monotonic 100000 "$VICTIMS/races" 2 0 \
        <"$TMP/time" >/dev/null &
    pid=$!
    exec 9>"$TMP/time"
    from_outside() {
        "$MEMTOP" report --json -o "$TMP/json" $pid &&
            [ "$(value 'j["state"], "races" in j["command"]' "$TMP/json")" = "('running', True)" ]
    }
    within 30 from_outside
    ok $? 'a viewer in another time namespace sees that it runs' || value 'j["state"]' "$TMP/json"
    "$MEMTOP" list | grep -q "^ *$pid .*races"
    ok $? 'and finds it' || "$MEMTOP" list | sed 's/^/# /'
    exec 9>&-
    wait $pid
    is $? 0 'which the program does not notice'
else
    skip 'time namespaces are not allowed'
fi

# A container: mounts and processes of its own, the viewer outside.
if root && may unshare -p -f -m --mount-proc; then
    mkfifo "$TMP/go"
    LD_PRELOAD=$MEMTOP_AGENT unshare -p -f -m --mount-proc sh -c \
        'mount -t tmpfs tmpfs "$MEMTOP_DIR" && exec "$@"' sh "$VICTIMS/races" 2 0 \
        <"$TMP/go" >/dev/null &
    outer=$!
    exec 9>"$TMP/go"
    inner() {
        pid=$(cat /proc/$outer/task/$outer/children) && pid=${pid%% *} &&
            "$MEMTOP" report --json -o "$TMP/json" "$pid"
    }
    reported() {
        inner || "$MEMTOP" report --json "$pid" >"$TMP/json"
    }
    within 30 reported
    ok $? 'a container is seen from outside'
    holds "$balanced and j['totals']['allocations'] > 0" 'its figures add up'
    exec 9>&-
    wait $outer
    is $? 0 'the container ends well'
else
    skip 'namespaces need root'
fi

group=/sys/fs/cgroup/memory
[ -d $group ] || group=/sys/fs/cgroup
if root && mkdir $group/memtop-test 2>/dev/null; then
    limit=$group/memtop-test/memory.limit_in_bytes
    [ -e $limit ] || limit=$group/memtop-test/memory.max
    if echo 100M >$limit 2>/dev/null; then
        under 'a memory cgroup of 100 MB' sh -c 'echo $$ >"$0" && exec "$@"' \
            $group/memtop-test/cgroup.procs
    else
        skip 'there is no memory cgroup'
    fi
    rmdir $group/memtop-test
else
    skip 'cgroups cannot be made here'
fi

# ---- programs that the agent cannot be loaded into (static ones: cli.sh)
if root && command -v setpriv >/dev/null; then
    chmod 755 "$TMP"
    cp "$MEMTOP" "$faults" "$TMP" 2>/dev/null
    cp "$MEMTOP_AGENT" "$TMP/libmemtop.so"
    [ -x "$builddir/.libs/memtop" ] && cp "$builddir/.libs/memtop" "$TMP/memtop"
    chmod 4755 "$TMP/faults"
    chmod 777 "$MEMTOP_DIR"
    MEMTOP_AGENT=$TMP/libmemtop.so setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$TMP/memtop" stat -- "$TMP/faults" late >"$TMP/out" 2>"$TMP/err"
    is "$?:$(tail -n 1 "$TMP/out")" 0:done 'a set-user-ID program runs all the same'
    grep -q 'set-user-ID' "$TMP/err"
    ok $? 'and it is said why nothing is seen' || sed 's/^/# /' "$TMP/err"
else
    skip 'making set-user-ID programs needs root and setpriv'
fi

done_testing
