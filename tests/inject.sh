#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Loading the agent into processes that run: they go on as if nothing had
# happened, and those that must not be touched are not. MEMTOP_TEST_ROUNDS says how
# many times (5).
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

rounds=${MEMTOP_TEST_ROUNDS:-5}
[ "$(uname -m)" = x86_64 ] || skip_all 'the injector knows x86-64 only'

# A stand-in that does at the place of the call whatever an agent may do.
mkdir "$TMP/late"
late=$TMP/late/libmemtop.so
cp "$VICTIMS/.libs/late_agent.so" "$late"

# start NAME COMMAND...: in the background, its input a pipe that stays open; waits
# until it is ready. Its pid is in $pid, its input is told by `tell NAME`.
declare -A pids inputs
start() {
    local name=$1 fd
    shift
    mkfifo "$TMP/$name.in"
    "$@" <"$TMP/$name.in" >"$TMP/$name.out" 2>&1 &
    pid=$!
    exec {fd}>"$TMP/$name.in"
    pids[$name]=$pid inputs[$name]=$fd
    within 20 test -s "$TMP/$name.out"
}

# Who has ended already leaves a broken pipe.
tell() {
    (echo >&"${inputs[$1]}") 2>/dev/null
}

# finish NAME TEXT: it is told to end, and has to end well.
finish() {
    tell "$1"
    within 60 gone "${pids[$1]}" || kill -KILL "${pids[$1]}"
    wait "${pids[$1]}"
    is $? 0 "$2" || sed 's/^/# /' "$TMP/$1.out"
    eval "exec ${inputs[$1]}>&-"
}

gone() {
    case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
    '' | Z*) ;;
    *) return 1 ;;
    esac
}

asleep() { # in a system call
    [ "$(cut -d ' ' -f 1 "/proc/$1/syscall")" != running ]
}

value() { # EXPRESSION FILE
    python3 -c 'import json, sys; j = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' "$@"
}

untouched() {
    ! grep -q libmemtop "/proc/$1/maps" && grep -q '^TracerPid:.0$' "/proc/$1/status"
}

# attach_detach PID TIMES: with the agent of MEMTOP_AGENT, as fast as it goes.
attach_detach() {
    for ((i = 0; i < $2; i++)); do
        "$MEMTOP" inject "$1" || return 1
        "$MEMTOP" detach "$1" || return 1
    done 2>"$TMP/err" || { sed 's/^/# /' "$TMP/err"; return 1; }
}

# Some systems forbid all this.
start probe "$VICTIMS/alloc_threads" 0
if ! MEMTOP_AGENT=$late "$MEMTOP" inject "$pid" 2>"$TMP/err"; then
    if grep -qE 'ptrace_scope|SYS_PTRACE|may not be traced' "$TMP/err"; then
        kill -KILL "$pid"
        skip_all "$(cat "$TMP/err")"
    fi
    sed 's/^/# /' "$TMP/err"
fi
finish probe 'a first one is none the worse for it'

# ---- usage
for command in inject detach; do
    "$MEMTOP" $command 2>/dev/null
    is $? 2 "$command without a process"
    "$MEMTOP" $command word 2>/dev/null
    is $? 2 "$command of a word"
    "$MEMTOP" $command 4194303 2>"$TMP/err"
    is $? 1 "$command of no process"
    grep -q 'no such process' "$TMP/err"
    ok $? 'says so'
done

# ---- sleeping in each system call: nobody notices
"$VICTIMS/sleeps" >"$TMP/calls"
while read -r call; do
    start "$call" "$VICTIMS/sleeps" "$call"
    within 5 asleep "$pid"
    MEMTOP_AGENT=$late attach_detach "$pid" 2
    ok $? "attach and detach in $call"
done <"$TMP/calls"
while read -r call; do
    finish "$call" "$call returns what it has to, when it has to"
done <"$TMP/calls"

# ---- running
start state "$VICTIMS/keeps_state"
MEMTOP_AGENT=$late attach_detach "$pid" $((rounds * 4))
ok $? 'attach and detach while it computes'
finish state 'no register, no flag, no memory below the stack and no errno is lost'
for n in 0 100; do
    start "threads$n" "$VICTIMS/alloc_threads" $n
    MEMTOP_AGENT=$late attach_detach "$pid" "$rounds"
    ok $? "attach and detach while $((n + 1)) threads do nothing but allocate"
    finish "threads$n" 'they go on, and no block is damaged'
done

# ---- memtop dies in the middle
start killed "$VICTIMS/keeps_state"
interrupted=0
for ((i = 0; i < rounds * 4; i++)); do
    MEMTOP_AGENT=$late timeout -s KILL "0.0$((RANDOM % 30 + 10))" "$MEMTOP" inject "$pid" \
        2>/dev/null || interrupted=$((interrupted + 1))
    MEMTOP_AGENT=$late timeout -s KILL "0.0$((RANDOM % 30 + 10))" "$MEMTOP" detach "$pid" \
        2>/dev/null
done 2>/dev/null
echo "# killed $interrupted of $((rounds * 4)) times"
finish killed 'a memtop that is killed in the middle leaves a program that runs as before'

# ---- where the loader is taken
start loader "$VICTIMS/holds_loader" "$VICTIMS/.libs/slow_plugin.so"
loader=$pid
in_constructor() { cat "/proc/$loader/task/"*/syscall | grep -q '^0 0x0 '; }
within 5 in_constructor
MEMTOP_AGENT=$late "$MEMTOP" inject "$loader" 2>"$TMP/err"
is $? 1 'a thread stays inside the loader: not now'
grep -q 'no safe moment.*loader' "$TMP/err"
ok $? 'and it says why'
untouched "$loader"
ok $? 'the process is untouched'
tell loader
within 5 grep -q loaded "$TMP/loader.out"
MEMTOP_AGENT=$late attach_detach "$loader" 1
ok $? 'it can be attached when the loader is free'
finish loader 'and ends well'

# ---- a copy of the agent, where the path means nothing to the process
if [ "$(id -u)" = 0 ] && unshare -m mount -t tmpfs none "$TMP/late" 2>/dev/null; then
    start elsewhere unshare -m sh -c "mount -t tmpfs none $TMP/late; exec $VICTIMS/alloc_threads 0"
    within 5 grep -q ready "$TMP/elsewhere.out"
    MEMTOP_AGENT=$late attach_detach "$pid" 3
    ok $? 'attach and detach in another mount namespace'
    is "$(grep -c 'r-xp.*memfd:libmemtop' "/proc/$pid/maps")" 1 'by a copy of the agent, one'
    finish elsewhere 'the process takes no notice'
else
    skip 'no mount namespace can be made here'
fi

# ---- refusals
refused() { # TEXT PID PATTERN [COMMAND..]
    local text=$1 victim=$2 pattern=$3
    shift 3
    "$@" "$MEMTOP" inject "$victim" 2>"$TMP/err"
    is $? 1 "$text is refused"
    grep -qE "$pattern" "$TMP/err"
    ok $? 'and it is explained' || sed 's/^/# /' "$TMP/err"
}
for kind in traced:'traced already' stopped:'kill -CONT' zombie:zombie restricted:seccomp; do
    start "${kind%%:*}" "$VICTIMS/unfit" "${kind%%:*}"
    victim=$(head -n 1 "$TMP/${kind%%:*}.out")
    [ "${kind%%:*}" != restricted ] || within 5 grep -q up "$TMP/restricted.out"
    refused "a process that is ${kind%%:*}" "$victim" "${kind#*:}"
    tell "${kind%%:*}"
done
for kind in traced stopped zombie; do
    finish "$kind" "$kind: it ends well"
done
within 5 gone "${pids[restricted]}"
compiler=${CC:-gcc}
echo '#include <unistd.h>
int main(void) { char c; (void)!write(1, "ready\n", 6); return read(0, &c, 1) != 1; }' >"$TMP/plain.c"
for kind in '-static:statically' '-fsanitize=address:sanitizer' '-m32:32-bit'; do
    if $compiler "${kind%%:*}" -o "$TMP/plain${kind%%:*}" "$TMP/plain.c" 2>/dev/null; then
        start "plain${kind%%:*}" "$TMP/plain${kind%%:*}"
        refused "a program built with ${kind%%:*}" "$pid" "${kind#*:}"
        untouched "$pid"
        ok $? 'and untouched'
        finish "plain${kind%%:*}" 'and ends well'
    else
        skip "$compiler cannot build with ${kind%%:*}"
    fi
done
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --clear-groups true 2>/dev/null; then
    start other "$VICTIMS/alloc_threads" 0
    chmod 755 "$TMP"
    refused "somebody else's process" "$pid" 'belongs to .*as root' setpriv --reuid=65534 --clear-groups
    refused 'a process, to root without the right,' "$pid" 'SYS_PTRACE' \
        setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace
    untouched "$pid"
    ok $? 'both left it untouched'
    finish other 'and it ends well'
else
    skip 'no other user to be'
fi

# ---- the list
start listed "$VICTIMS/alloc_threads" 0
listed=$pid
start unlisted "$VICTIMS/unfit" stopped
"$MEMTOP" list >"$TMP/list"
is $? 0 'list'
grep -qE "^ *$listed  .* yes .*alloc_threads 0" "$TMP/list"
ok $? 'says which processes can be attached'
stopped=$(head -n 1 "$TMP/unlisted.out")
grep -qE "^ *$stopped  .* no .*: it is stopped" "$TMP/list"
ok $? 'and why others cannot' || grep "$stopped" "$TMP/list" | sed 's/^/# /'
"$MEMTOP" list --json >"$TMP/json"
is "$(value "[p['attachable'] for p in j['without_agent'] if p['pid'] in ($listed, $stopped)]" \
    "$TMP/json" | tr -d '[, ]' | sed 's/True//')" False 'the same as JSON'
"$MEMTOP" inject "$listed" 2>/dev/null
"$MEMTOP" list | sed '/^$/,$d' >"$TMP/list"
grep -qE "^ *$listed .* running .*alloc_threads 0" "$TMP/list"
ok $? 'one that got the agent is in the other list'
finish listed 'and ends well'
finish unlisted 'as does the other'

# ---- the agent itself
start real "$VICTIMS/alloc_threads" 3
"$MEMTOP" inject "$pid" 2>"$TMP/err"
is $? 0 'the agent is loaded'
grep -qE 'a thread was held for [0-9.]+ (us|ms|s)' "$TMP/err"
ok $? 'and the stop is told' || sed 's/^/# /' "$TMP/err"
allocates() {
    "$MEMTOP" report --json "$pid" >"$TMP/json" 2>/dev/null &&
        [ "$(value 'j["totals"]["allocations"] > 1000' "$TMP/json")" = True ]
}
within 20 allocates
ok $? 'it records'
is "$(value 'j["totals"]["allocations"] - j["totals"]["frees"] == j["totals"]["live_blocks"]' \
    "$TMP/json")" True 'and the equation holds'
"$MEMTOP" inject "$pid" 2>"$TMP/err"
is "$?:$(grep -c already "$TMP/err")" 0:1 'once more is no error'
"$MEMTOP" detach "$pid" 2>/dev/null
is $? 0 'detach'
"$MEMTOP" report "$pid" >/dev/null 2>&1
is $? 1 'then there is nothing to report'
"$MEMTOP" detach "$pid" 2>/dev/null
is $? 0 'detach once more is no error'
attach_detach "$pid" "$rounds"
ok $? 'attach and detach again and again'
before=$(grep -c . "/proc/$pid/maps")
attach_detach "$pid" "$rounds"
after=$(grep -c . "/proc/$pid/maps")
[ $((after - before)) -le 8 ]
ok $? "leaves no mappings behind ($before, $after)"
finish real 'and the program ends well'

done_testing
