#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real programs under memtop stat: output and exit status are what they are
# without it, nothing is lost, and a report can be had while they run.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

sane='(lambda t: t["allocations"] - t["frees"] == t["live_blocks"]
       and t["bytes_allocated"] - t["bytes_freed"] == t["live_bytes"]
       and t["allocations"] > MINIMUM and t["lost"] == 0
       and sum(s["allocations"] for s in j["sites"]) == t["allocations"])(j["totals"])'

# check_json FILE MINIMUM TEXT: the figures of a report hold together.
check_json() {
    is "$(value "${sane/MINIMUM/$2}" "$1")" True "$3: the figures hold together, 0 lost" ||
        value 'j["totals"]' "$1" | sed 's/^/# /'
}

# same NAME MINIMUM COMMAND...: with and without memtop; stdin from $TMP/in.
same() {
    local name=$1 minimum=$2 plain with
    shift 2
    if ! command -v "$1" >/dev/null; then
        skip "there is no $1"
        return
    fi
    "$@" <"$TMP/in" >"$TMP/plain.out" 2>"$TMP/plain.err"
    plain=$?
    "$MEMTOP" stat --json -o "$TMP/json" -- "$@" <"$TMP/in" >"$TMP/with.out" 2>"$TMP/with.err"
    with=$?
    is "$with" "$plain" "$name: the exit status is the same"
    cmp -s "$TMP/plain.out" "$TMP/with.out"
    ok $? "$name: stdout is the same" || diff "$TMP/plain.out" "$TMP/with.out" | cut -c 1-200 | sed 's/^/# /' | head
    cmp -s "$TMP/plain.err" "$TMP/with.err"
    ok $? "$name: stderr is the same" || diff "$TMP/plain.err" "$TMP/with.err" | cut -c 1-200 | sed 's/^/# /' | head
    check_json "$TMP/json" "$minimum" "$name"
}

# ---- programs that run to their end
: >"$TMP/in"
same python3 1000 "$PYTHON" -c '
import json, re, sys, threading
words = [w * 3 for w in re.findall("[a-z]+", open(sys.argv[1]).read().lower())]
print(len(json.loads(json.dumps(words))), len(set(words)))
threads = [threading.Thread(target=lambda: sorted(words)) for i in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
sys.exit(3)' "$srcdir/LICENSE"

same perl 100 perl -e '
    my %h; $h{$_ % 977} .= "x" x ($_ % 50) for 1 .. 50000;
    print join(",", map { length $h{$_} } sort { $a <=> $b } keys %h), "\n"; exit 4'

cat >"$TMP/in" <<'END'
create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
insert into t select i, hex(i * i) || 'text' from n;
create index tb on t(b);
select count(*), sum(length(b)), max(b) from t where b > '3';
select nonsense from t;
END
same sqlite3 1000 sqlite3 :memory:

cat >"$TMP/in" <<'END'
#include <stdio.h>
#include <stdlib.h>
struct pair { int a, b; };
static int compare(const void *x, const void *y)
{
    return ((const struct pair *)x)->a - ((const struct pair *)y)->a;
}
int main(void)
{
    struct pair p[100];
    for (int i = 0; i < 100; i++)
        p[i] = (struct pair){ .a = i * 37 % 101, .b = i };
    qsort(p, 100, sizeof *p, compare);
    return printf("%d\n", p[50].b) < 0;
}
END
same gcc 100 gcc -O1 -S -x c -o - -
: >"$TMP/in"

mkdir "$TMP/repository"
if command -v git >/dev/null; then
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
    git -C "$TMP/repository" init -q
    cp "$srcdir"/tests/*.sh "$TMP/repository"
    git -C "$TMP/repository" add .
    git -C "$TMP/repository" -c user.name=n -c user.email=e@example.org commit -q -m one
    sed -i 's/a/b/' "$TMP/repository"/*.sh
fi
same git 100 git -C "$TMP/repository" diff --stat -p

same node 1000 node -e '
    const m = new Map(); for (let i = 0; i < 20000; i++) m.set("k" + i, { i, s: "x".repeat(i % 9) });
    console.log(m.size, JSON.stringify([...m.values()]).length); process.exit(6)'

# A program at a fixed address, in several pieces, where it is one: named all the same.
if command -v node >/dev/null && nm "$(command -v node)" 2>/dev/null | grep -q node; then
    "$MEMTOP" stat --json -o "$TMP/node.json" -- node -e 1
    grep -q '"function":"node::Start' "$TMP/node.json"
    ok $? 'node: its functions have names'
else
    skip 'node is not here or has no symbols'
fi

cat >"$TMP/threads.cc" <<'END'
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>
int main()
{
    std::vector<std::thread> threads;
    std::vector<size_t> sums(4);
    for (size_t t = 0; t < sums.size(); t++)
        threads.emplace_back([&sums, t] {
            std::map<int, std::shared_ptr<std::string>> m;
            for (int i = 0; i < 30000; i++)
                m[i % 500] = std::make_shared<std::string>(size_t(i % 90), 'x');
            for (auto &e : m)
                sums[t] += e.second->size();
        });
    for (auto &t : threads)
        t.join();
    for (size_t s : sums)
        std::printf("%zu\n", s);
    return 5;
}
END
if ${CXX:-g++} -O1 -g -pthread -o "$TMP/threads" "$TMP/threads.cc" 2>/dev/null; then
    same 'C++ threads' 100000 "$TMP/threads"
    is "$(value 'len([t for t in j["threads"] if t["allocations"] >= 30000]) >= 1' "$TMP/json")" \
        True 'C++ threads: threads are told apart'
    is "$(value 'j["totals"]["live_blocks"] < 50' "$TMP/json")" True \
        'C++ threads: blocks that other threads free are freed'
    is "$(value 'any("threads.cc" in (f["file"] or "") for s in j["sites"]
                     for f in s["frames"])' "$TMP/json")" True 'C++ threads: file names'
else
    skip 'there is no C++ compiler'
fi

# ---- while it runs
mkfifo "$TMP/fifo"
"$MEMTOP" stat --json -o "$TMP/end" "$PYTHON" -c '
import os, sys
blocks = [bytearray(50000 + i) for i in range(200)]
print(os.getpid(), flush=True)
sys.stdin.read()' <"$TMP/fifo" >"$TMP/pid" &
waiter=$!
exec 9>"$TMP/fifo"
within 20 test -s "$TMP/pid"
pid=$(cat "$TMP/pid")
run 'a report while python3 runs' "$MEMTOP" report --json -o "$TMP/json" "$pid"
check_json "$TMP/json" 1000 'running python3'
is "$(value 'j["state"] == "running" and j["totals"]["live_bytes"] > 10**7' "$TMP/json")" True \
    'running python3: its blocks live'
exec 9>&-
wait $waiter
is $? 0 'it ends as ever'
is "$(value 'j["state"]' "$TMP/end")" exited 'and memtop stat reports the end'

# ---- a server with an allocator of its own
serve() { # memtop stat.. or nothing
    "$@" redis-server --port 0 --unixsocket "$TMP/socket" --save '' --appendonly no \
        --dir "$TMP" --daemonize no --logfile "$TMP/redis.log" >/dev/null 2>"$TMP/server.err" &
    server=$!
    within 20 redis-cli -s "$TMP/socket" ping
}
talk() {
    redis-cli -s "$TMP/socket" <<'END'
SET key value
APPEND key more
GET key
LPUSH list a b c
LRANGE list 0 -1
OBJECT ENCODING list
MEMORY USAGE key
END
}
if command -v redis-server >/dev/null && command -v redis-benchmark >/dev/null; then
    serve
    talk >"$TMP/plain.out"
    redis-cli -s "$TMP/socket" shutdown nosave >/dev/null 2>&1
    wait $server
    plain=$?
    serve "$MEMTOP" stat --json -o "$TMP/end"
    ok $? 'redis-server starts' || sed 's/^/# /' "$TMP/server.err"
    talk >"$TMP/with.out"
    is "$(cat "$TMP/with.out")" "$(cat "$TMP/plain.out")" 'redis-server answers as ever'
    run 'redis-benchmark' redis-benchmark -s "$TMP/socket" -q -n 3000 -c 10 -t set,get,lpush -r 1000
    pid=$(redis-cli -s "$TMP/socket" info server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')
    run 'a report while it runs' "$MEMTOP" report --json -o "$TMP/json" "$pid"
    check_json "$TMP/json" 3000 'running redis-server'
    redis-cli -s "$TMP/socket" shutdown nosave >/dev/null 2>&1
    wait $server
    is $? $plain 'redis-server ends as ever'
    check_json "$TMP/end" 3000 'redis-server at its end'
else
    skip 'there is no redis-server'
fi

is "$(ls "$MEMTOP_DIR")" '' 'nothing is left behind'
done_testing
