#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command line without a terminal: usage errors, exit statuses, signals,
# list, stat, report and clean on small programs.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

# status WANTED TEXT COMMAND...
status() {
    local wanted=$1 text=$2
    shift 2
    "$@" >"$TMP/out" 2>"$TMP/err" </dev/null
    is "$?" "$wanted" "$text"
}

says() { # FILE PATTERN TEXT
    grep -qE "$2" "$TMP/$1"
    ok $? "$3" || sed 's/^/# /' "$TMP/$1"
}

# ---- usage
status 0 '--help' "$MEMTOP" --help
says out '^Usage: memtop' 'help is on stdout'
status 0 '--version' "$MEMTOP" --version
says out '^memtop [0-9]' 'it has a number'
status 2 'nothing to do and no terminal' "$MEMTOP"
says err '^Usage' 'usage is on stderr'
status 2 'an unknown command' "$MEMTOP" frobnicate
says err '^memtop: frobnicate' 'which is named'
for command in run attach list stat report clean mode; do
    status 0 "$command --help" "$MEMTOP" $command --help
    says out "^Usage: memtop $command" "speaks of $command"
    status 2 "$command with an unknown option" "$MEMTOP" $command --frobnicate
done
status 2 'stat without CMD' "$MEMTOP" stat
status 2 'run without CMD' "$MEMTOP" run --
status 2 'report without a target' "$MEMTOP" report
status 2 'report with two' "$MEMTOP" report 1 2
status 2 'attach to a word' "$MEMTOP" attach word
status 2 '--top wants a number' "$MEMTOP" stat --top many true
status 2 '--memory wants a size' "$MEMTOP" stat --memory lots true

# ---- targets that are not there
status 1 'report of no process' "$MEMTOP" report 4194303
status 1 'attach to no process' "$MEMTOP" attach 4194303
says err 'no process 4194303' 'says so'
sleep 100 &
sleeper=$!
status 1 'report of a process without the agent' "$MEMTOP" report $sleeper
says err 'memtop run' 'says how to get one'
status 1 'attach to a process without the agent' "$MEMTOP" $sleeper
says err 'without the agent' 'says why not'
kill $sleeper
echo nonsense >"$TMP/nonsense"
status 1 'report of a file that is no segment' "$MEMTOP" report "$TMP/nonsense"
status 1 'report of a file that is not there' "$MEMTOP" report "$TMP/missing"

# ---- stat: exit status, streams
status 0 'stat true' "$MEMTOP" stat true
status 7 'an exit status is passed on' "$MEMTOP" stat -- sh -c 'exit 7'
status 137 'a signal too' "$MEMTOP" stat -- sh -c 'kill -KILL $$'
says err 'killed by' 'the report names it'
status 127 'a command that does not exist' "$MEMTOP" stat ./no-such-command
says err 'not found' 'says so'
status 126 'a command that may not run' "$MEMTOP" stat "$TMP/nonsense"
status 1 'an output that cannot be created' "$MEMTOP" stat -o "$TMP/no/dir" touch "$TMP/ran"
[ ! -e "$TMP/ran" ]
ok $? 'then CMD is not started at all'
[ "$(echo in | "$MEMTOP" stat cat 2>"$TMP/err")" = in ]
ok $? 'stdin and stdout are untouched'
says err 'allocations' 'the report is on stderr'
"$MEMTOP" stat -o "$TMP/report" sh -c 'echo to-stderr >&2' 2>"$TMP/err"
is "$(cat "$TMP/err")" to-stderr 'with -o, stderr is all of CMD'
grep -q 'TOTALS' "$TMP/report"
ok $? 'the report is in FILE'
"$MEMTOP" run --output "$TMP/saved" -- echo hello >"$TMP/out" 2>"$TMP/err"
is "$?:$(cat "$TMP/saved")" 0:hello 'run without a terminal saves the output'
says err 'TOTALS' 'and prints the report'
if [ -w /dev/full ]; then
    status 1 'a report that does not fit is an error' "$MEMTOP" stat -o /dev/full true
    status 3 'which does not hide the status of CMD' "$MEMTOP" stat -o /dev/full sh -c 'exit 3'
    "$MEMTOP" list >/dev/full 2>"$TMP/err"
    is $? 1 'list on a full disk'
fi
"$MEMTOP" list >&- 2>"$TMP/err"
is $? 1 'list on a closed stdout'

# ---- stat: signals
"$MEMTOP" stat -o "$TMP/report" sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done' \
    >"$TMP/up" 2>/dev/null &
pid=$!
within 10 grep -q up "$TMP/up"
kill -TERM $pid
wait $pid
is $? 9 'SIGTERM is passed on to CMD'

# ---- stat: JSON
"$MEMTOP" stat --json -o "$TMP/json" -- "$PYTHON" -c 'x = [str(i) * 50 for i in range(1000)]'
is $? 0 'stat --json'
is "$(value 'j["schema"]' "$TMP/json")" memtop/1 'it names its schema'
is "$(value 'j["exit"]' "$TMP/json")" "{'code': 0, 'signal': None}" 'the exit is known'
totals='t["allocations"] - t["frees"] == t["live_blocks"] and
        t["bytes_allocated"] - t["bytes_freed"] == t["live_bytes"]'
is "$(value "[$totals for t in [j['totals']]]" "$TMP/json")" '[True]' 'the equations hold'
is "$(value 'j["totals"]["lost"]' "$TMP/json")" 0 'nothing is lost'
for key in allocations frees bytes_allocated; do
    is "$(value "sum(t['$key'] for t in j['threads']) == j['totals']['$key']" "$TMP/json")" \
        True "threads add up: $key"
    is "$(value "sum(t['$key'] for t in j['sites']) == j['totals']['$key']" "$TMP/json")" \
        True "sites add up: $key"
    is "$(value "sum(t['$key'] for t in j['sizes']) == j['totals']['$key']" "$TMP/json")" \
        True "sizes add up: $key"
done
is "$(value 'sorted((s["live_bytes"] for s in j["sites"]), reverse=True) ==
             [s["live_bytes"] for s in j["sites"]]' "$TMP/json")" True 'sites by live bytes'
is "$(value 'sum(s["peak_bytes"] for s in j["sites"]) == j["totals"]["peak_bytes"]' \
    "$TMP/json")" True 'the sites make up the peak'
is "$(value 'any("main" in f["function"].lower() for s in j["sites"] for f in s["frames"])' \
    "$TMP/json")" True 'frames have names'
"$MEMTOP" stat --json --top 2 -o "$TMP/json" -- sh -c 'exit 5'
is "$(value 'len(j["sites"]) <= 2 and j["exit"]["code"]' "$TMP/json")" 5 '--top 2'
"$MEMTOP" stat --json -o "$TMP/json" -- sh -c 'kill -SEGV $$' 2>/dev/null
is "$(value 'j["exit"]["signal"]' "$TMP/json")" 11 'the signal that killed it'
is "$(ls "$MEMTOP_DIR")" '' 'stat leaves nothing behind'

# ---- children
cat >"$TMP/children" <<END
$PYTHON -c 'pass'
$PYTHON -c 'import os; os.kill(os.getpid(), 9)'
exit 0
END
"$MEMTOP" stat -o "$TMP/report" sh "$TMP/children"
is "$?:$(ls "$MEMTOP_DIR")" 0: 'nor do children of CMD, crashed ones included'
"$MEMTOP" stat --keep -o "$TMP/report" -- sh "$TMP/children"
is "$(find "$MEMTOP_DIR" -type f | wc -l)" 3 '--keep leaves them all'
status 0 'clean' "$MEMTOP" clean
is "$(grep -c "^removed $MEMTOP_DIR/" "$TMP/out")" 3 'removes them'
is "$(ls "$MEMTOP_DIR")" '' 'all of them'
status 0 'clean once more' "$MEMTOP" clean
is "$(grep -c "^removed $MEMTOP_DIR/" "$TMP/out")" 0 'finds nothing more'
"$MEMTOP" stat --keep --follow=none -o "$TMP/report" -- sh "$TMP/children"
is "$(find "$MEMTOP_DIR" -type f | wc -l)" 1 '--follow=none records CMD only'
"$MEMTOP" clean >/dev/null

# ---- running and killed processes
LD_PRELOAD=$MEMTOP_AGENT "$PYTHON" -c '
import sys, time
blocks = [bytearray(100000) for i in range(100)]
print("up", flush=True)
time.sleep(100)' >"$TMP/up" &
pid=$!
within 10 grep -q up "$TMP/up"
status 0 'list' "$MEMTOP" list
says out '^ +PID +USER +STATE +LIVE +UPTIME +COMMAND' 'has headings'
says out "^ *$pid .* running .*python3" 'and the process'
status 0 'list --json' "$MEMTOP" list --json
is "$(value "[p['state'] for p in j['processes'] if p['pid'] == $pid]" "$TMP/out")" "['running']" \
    'the same as JSON'
status 0 'report of a running process' "$MEMTOP" report $pid
says out 'running for' 'says that it runs'
status 0 'report --json of it' "$MEMTOP" report --json $pid
is "$(value 'j["exit"] == {"code": None, "signal": None} and j["totals"]["live_bytes"] > 10**7' \
    "$TMP/out")" True 'its live bytes are there'
status 0 'clean beside it' "$MEMTOP" clean
is "$(grep -c "^removed $MEMTOP_DIR/" "$TMP/out")" 0 'leaves a living process alone'
kill -KILL $pid
wait $pid 2>/dev/null
status 0 'report of a killed process' "$MEMTOP" report --json $pid
is "$(value 'j["state"]' "$TMP/out")" killed 'which was killed'
is "$(value 'j["totals"]["live_bytes"] > 10**7' "$TMP/out")" True 'with all that lived'
status 0 'report by path' "$MEMTOP" report "$(ls "$MEMTOP_DIR"/memtop-$pid-*)"
says out "^pid $pid, killed" 'is the same'
status 0 'list shows it' "$MEMTOP" list
says out "^ *$pid .* killed" 'as killed'
status 0 'clean removes it' "$MEMTOP" clean
is "$(ls "$MEMTOP_DIR")" '' 'and it is gone'

# ---- programs that cannot load the agent
compiler=${CC:-gcc}
echo 'int main(void) { return 4; }' >"$TMP/four.c"
if $compiler -static -o "$TMP/four" "$TMP/four.c" 2>/dev/null; then
    status 4 'a static program runs all the same' "$MEMTOP" stat "$TMP/four"
    says err 'statically linked' 'and is explained'
else
    skip 'no static C library'
fi
if $compiler -fsanitize=address -o "$TMP/asan" "$TMP/four.c" 2>/dev/null; then
    status 1 'a sanitizer build is refused' "$MEMTOP" stat "$TMP/asan"
    says err 'sanitizer' 'and is explained'
else
    skip 'no address sanitizer'
fi
cat >"$TMP/script" <<'END'
#!/usr/bin/env perl
print "script\n";
END
chmod +x "$TMP/script"
status 0 'a script' "$MEMTOP" stat "$TMP/script"
says err 'perl.*script' 'is what its interpreter does'
mkdir "$TMP/with space"
cp "$MEMTOP_AGENT" "$TMP/with space/libmemtop.so"
status 1 'an agent that cannot be preloaded' \
    env MEMTOP_AGENT="$TMP/with space/libmemtop.so" "$MEMTOP" stat true
says err 'MEMTOP_AGENT' 'says what to do'

done_testing
