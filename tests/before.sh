#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What reports say of a process that was attached while it ran: how much was alive
# before, as an estimate and apart from all that is exact, and that it was detached.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

[ "$(uname -m)" = x86_64 ] || skip_all 'the injector knows x86-64 only'

start() { # [NAME=VALUE]..: the victim, its input as fd 3, its pid in $victim
    rm -f "$TMP/in" "$TMP/out"
    mkfifo "$TMP/in"
    env "$@" "$VICTIMS/held" <"$TMP/in" >"$TMP/out" &
    victim=$!
    exec 3>"$TMP/in"
    within 20 grep -q ready "$TMP/out"
}

step() { # N times ten blocks of before are freed, and a new one is allocated
    local before wanted
    before=$(grep -c done "$TMP/out")
    wanted=$((before + $1))
    for ((i = 0; i < $1; i++)); do echo >&3; done
    within 20 stepped "$wanted"
}

stepped() { [ "$(grep -c done "$TMP/out")" = "$1" ]; }

finish() {
    exec 3>&-
    wait $victim
    is $? 0 "$1"
}

report() { # ARGUMENTS..: into $TMP/json
    "$MEMTOP" report --json "$@" >"$TMP/json" 2>"$TMP/err" ||
        { sed 's/^/# /' "$TMP/err"; return 1; }
}

holds() { # EXPRESSION TEXT
    is "$(value "$1" "$TMP/json")" True "$2"
}

says() { # PATTERN TEXT: the report as text
    "$MEMTOP" report $victim >"$TMP/text" 2>&1
    grep -qE "$1" "$TMP/text"
    ok $? "$2" || sed 's/^/# /' "$TMP/text"
}

follows_schema() {
    run "$1" "$PYTHON" "$srcdir/tests/schema.py" "$srcdir/docs/memtop.schema.json" "$TMP/json"
}

start
"$MEMTOP" inject --keep $victim 2>"$TMP/err" || {
    grep -qE 'ptrace_scope|SYS_PTRACE|may not be traced' "$TMP/err" && skip_all "$(cat "$TMP/err")"
}

# ---- what was there before
step 3
report $victim
holds '64e6 < j["attach"]["before_bytes_estimate"] < 67e6' 'about 64 MB were there before'
holds 'j["attach"]["before_source"] == "mallinfo2"' 'says glibc'
holds 'j["attach"]["foreign_frees"] == j["totals"]["foreign_frees"] == 30' '30 of these went since'
holds 'j["totals"]["live_blocks"] == 3 and j["totals"]["live_bytes"] == 3000' \
    'no exact figure contains them'
holds 'j["attach"]["modules"] > 0 and j["attach"]["slots"] > 1' 'what was redirected is there'
follows_schema 'the JSON follows the schema'
says '^  before attach +~6[123]\.[0-9] MiB  .*mallinfo2' 'the report names the estimate'
says '^  foreign frees +30  of these' 'and what went of it'
says '^  live now +3 +2\.93 KiB' 'apart from what is exact'
"$MEMTOP" export --format prometheus $victim >"$TMP/metrics"
is "$(sed -n 's/^memtop_before_attach_bytes{.*} //p' "$TMP/metrics")" \
    "$(value 'j["attach"]["before_bytes_estimate"]' "$TMP/json")" 'the metrics have it as well'
"$MEMTOP" snapshot -o "$TMP/snapshot" $victim >/dev/null
report "$TMP/snapshot"
holds '64e6 < j["attach"]["before_bytes_estimate"] < 67e6 and j["attach"]["foreign_frees"] == 30' \
    'as do snapshots'

# ---- detached: neither alive under memtop nor ended
"$MEMTOP" record --interval 0.1 -o "$TMP/record" $victim >"$TMP/recorded" 2>&1 &
recorder=$!
within 20 test -s "$TMP/record"
"$MEMTOP" detach $victim 2>/dev/null
within 20 sh -c "! kill -0 $recorder 2>/dev/null"
wait $recorder
is $? 0 'a recording ends when its process is detached'
grep -q 'was detached' "$TMP/recorded"
ok $? 'and says so' || sed 's/^/# /' "$TMP/recorded"
report "$TMP/record"
holds 'j["state"] == "detached" and j["totals"]["live_blocks"] == 3' 'and its file, too'
step 1
report $victim
holds 'j["state"] == "detached" and j["exit"] == {"code": None, "signal": None}' \
    'what was kept says detached, and not exited'
holds 'j["totals"]["live_blocks"] == 3' 'and nothing came to it'
follows_schema 'the JSON follows the schema'
says 'detached after .*allocator' 'the report says detached'
says 'live at detach +3 ' 'when the figures are from'
says 'the process went on' 'and how to go on'
"$MEMTOP" list >"$TMP/list"
grep -qE "^ *$victim .* detached .*held" "$TMP/list"
ok $? 'so does the list'
sed '1,/Without the agent/d' "$TMP/list" | grep -qE "^ *$victim .* yes .*held"
ok $? 'which has it among those that can be attached, too' || sed 's/^/# /' "$TMP/list"
"$MEMTOP" list --json >"$TMP/json"
holds "[p['state'] for p in j['processes'] if p['pid'] == $victim] == ['detached'] and
       [p['attachable'] for p in j['without_agent'] if p['pid'] == $victim] == [True]" 'as JSON, too'
follows_schema 'the JSON follows the schema'
"$MEMTOP" mark $victim 2>"$TMP/err"
is "$?:$(grep -c 'memtop inject\|without' "$TMP/err")" 1:1 'a mark cannot be set there'

# ---- and again
"$MEMTOP" inject $victim 2>/dev/null
step 1
report $victim
holds 'j["state"] == "running" and j["totals"]["allocations"] == 1 and
       j["attach"]["foreign_frees"] == 10 and j["attach"]["before_bytes_estimate"] < 61e6' \
    'a later attach begins anew, and estimates anew'
"$MEMTOP" detach $victim 2>/dev/null
finish 'the program ends well'

# ---- where nobody says
library=$(ldconfig -p | sed -n 's/.*libmimalloc\.so\.2.* => //p' | head -n 1)
if [ -n "$library" ]; then
    start LD_PRELOAD="$library"
    "$MEMTOP" inject $victim 2>/dev/null
    step 1
    report $victim
    holds 'j["attach"]["before_bytes_estimate"] is None and j["attach"]["before_source"] is None' \
        'an allocator without statistics: unknown'
    follows_schema 'the JSON follows the schema'
    says '^  before attach +unknown  .*does not say' 'which the report says'
    finish 'the program ends well'
else
    skip 'mimalloc is not installed'
fi

# ---- preloaded: there is nothing to estimate
start LD_PRELOAD="$MEMTOP_AGENT"
report $victim
holds '"attach" not in j' 'a preloaded agent knows all'
finish 'the program ends well'

done_testing
