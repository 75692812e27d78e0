#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The agent's counts against an independent oracle's: a second interposer,
# loaded behind the agent, that only counts. They agree to the last allocation,
# with one thread or with many; the peak does with one.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"
ORACLE_DUMP=${ORACLE_DUMP:-$builddir/tests/oracle_dump}
[ -r "$ORACLE" ] || skip_all "the oracle is not built: $ORACLE"
if [ ! -x "$ORACLE_DUMP" ]; then
    ORACLE_DUMP=$TMP/oracle_dump
    ${CC:-gcc} -I"$srcdir/tests" -o "$ORACLE_DUMP" "$srcdir/tests/oracle_dump.c" ||
        skip_all 'there is no oracle_dump'
fi

cat >"$TMP/compare.py" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
oracle = dict(line.split("=") for line in open(sys.argv[2]).read().split())
exact_peak = sys.argv[3] == "single"
bad = 0
for key, value in oracle.items():
    if key == "pid" or (key.startswith("peak_") and not exact_peak):
        continue
    group, _, name = key.rpartition(".")
    got = report[group or "totals"].get(name, "nothing")
    if got != int(value):
        print(f"# {key}: memtop {got}, oracle {value}")
        bad = 1
if exact_peak and report["totals"]["peak_slack_bytes"] != 0:
    print("# the peak of a single thread is not called exact")
    bad = 1
if report["totals"]["lost"] != 0 or report["totals"]["allocations"] == 0:
    print("# lost", report["totals"]["lost"], "of", report["totals"]["allocations"])
    bad = 1
print("#", report["totals"]["allocations"], "allocations compared")
sys.exit(bad)
END

# agree NAME single|threads COMMAND...: stdin from $TMP/in.
agree() {
    local name=$1 threads=$2
    shift 2
    if ! command -v "$1" >/dev/null; then
        skip "there is no $1"
        return
    fi
    rm -f "$TMP"/counts.*
    # The oracle counts CMD only: a program that it starts finds no new name.
    ORACLE_OUT="$TMP/counts.%p" "$MEMTOP" stat --json --top 0 --follow=none -o "$TMP/json" \
        --preload "$ORACLE" -- "$@" <"$TMP/in" >"$TMP/out" 2>"$TMP/err"
    is $? 0 "$name runs" || sed 's/^/# /' "$TMP/err"
    "$ORACLE_DUMP" "$TMP/counts.$(value 'j["pid"]' "$TMP/json")" >"$TMP/counts"
    "$PYTHON" "$TMP/compare.py" "$TMP/json" "$TMP/counts" "$threads" >"$TMP/result"
    ok $? "$name: memtop and the oracle agree"
    cat "$TMP/result"
}

# ---- one thread
cat >"$TMP/in" <<'END'
create table t(a integer primary key, b text, c blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 30000)
insert into t select i, hex(i * i) || 'text', randomblob(i % 300) from n;
create index tb on t(b);
select count(*), sum(length(c)) from t where b like '%7%';
update t set b = b || b where a % 3 = 0;
delete from t where a % 5 = 0;
select a, b from t order by b desc limit 20;
vacuum;
END
agree sqlite3 single sqlite3 "$TMP/data.db"
: >"$TMP/in"

cat >"$TMP/work.py" <<'END'
import json, re, sys
text = open(sys.argv[1]).read()
words = re.findall(r"[a-z]+", text.lower())
index = {}
for i, w in enumerate(words):
    index.setdefault(w, []).append(i)
again = json.loads(json.dumps(index))
assert again == index
print(len(words), len(index), sum(map(len, re.split(r"(\W+)", text * 5))))
big = bytearray()
for i in range(2000):
    big += b"x" * i
END
export PYTHONMALLOC=malloc # else it asks for arenas only
agree python3 single "$PYTHON" "$TMP/work.py" "$srcdir/LICENSE"

echo 'int f(int a) { int s = 0; for (int i = 0; i < a; i++) s += i * a; return s; }' >"$TMP/f.c"
cc1=$(${CC:-gcc} -print-prog-name=cc1 2>/dev/null)
agree "the compiler's driver" single ${CC:-gcc} -O2 -S -o "$TMP/f.s" "$TMP/f.c"
agree 'the compiler itself' single "${cc1:-cc1}" -quiet -O2 -o "$TMP/f.s" "$TMP/f.c"
agree perl single perl -e '
    my %h; $h{$_ % 977} .= "x" x ($_ % 50) for 1 .. 50000; print scalar(keys %h), "\n"'

# ---- threads
cat >"$TMP/threads.py" <<'END'
import json, os, threading, time
def work(n):
    for i in range(30):
        json.loads(json.dumps([{"n": n, "list": list(range(j))} for j in range(50)]))
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
# Joined ones may still be freeing what is theirs: one that exit() stops between
# the agent and the oracle would be counted by one of them only.
while len(os.listdir("/proc/self/task")) > 1:
    time.sleep(0.001)
END
agree 'python3 with threads' threads "$PYTHON" "$TMP/threads.py"

cat >"$TMP/threads.cc" <<'END'
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

// Blocks are made here and freed there: each thread hands half of its strings
// to the next one; several generations of threads follow each other.
static std::mutex lock;
static std::deque<std::string *> shelf;

static void work(unsigned seed)
{
    std::map<unsigned, std::string> mine;
    void *block = nullptr;
    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned r = seed >> 16;
        mine[r % 300] = std::string(r % 700, 'x');
        if (r % 3 == 0)
            block = std::realloc(block, r % 5000 + 1);
        std::lock_guard<std::mutex> guard(lock);
        if (r % 2 || shelf.empty()) {
            shelf.push_back(new std::string(r % 100, 'y'));
        } else {
            delete shelf.front();
            shelf.pop_front();
        }
    }
    std::free(block);
}

int main()
{
    for (unsigned round = 0; round < 3; round++) {
        std::vector<std::thread> threads;
        for (unsigned t = 0; t < 4; t++)
            threads.emplace_back(work, round * 4 + t);
        for (auto &t : threads)
            t.join();
    }
    return shelf.empty();
}
END
if ${CXX:-g++} -O1 -pthread -o "$TMP/threads" "$TMP/threads.cc" 2>/dev/null; then
    agree 'C++ with threads' threads "$TMP/threads"
else
    skip 'there is no C++ compiler'
fi

done_testing
