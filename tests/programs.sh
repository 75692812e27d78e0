#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# More real programs with the agent in them and in all their children: what they
# print and how they end is the same. What is not installed is skipped; with
# other allocators preloaded below the agent, too.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

export MEMTOP_KEEP=1 # to see afterwards that the agent was there
cd "$TMP" || exit

# same NAME PROGRAM... -- COMMAND...: every PROGRAM is needed.
same() {
    local name=$1 plain with
    shift
    while [ "$1" != -- ]; do
        command -v "$1" >/dev/null || { skip "$name: there is no $1"; return; }
        shift
    done
    shift
    "$@" >plain.out 2>plain.err </dev/null
    plain=$?
    rm -f "$MEMTOP_DIR"/memtop-*
    LD_PRELOAD=$MEMTOP_AGENT "$@" >with.out 2>with.err </dev/null
    with=$?
    is "$with" "$plain" "$name: the exit status"
    cmp -s plain.out with.out
    ok $? "$name: stdout" || diff plain.out with.out | cut -c 1-200 | head | sed 's/^/# /'
    cmp -s plain.err with.err
    ok $? "$name: stderr" || diff plain.err with.err | cut -c 1-200 | head | sed 's/^/# /'
    ls "$MEMTOP_DIR"/memtop-* >/dev/null 2>&1
    ok $? "$name: the agent was there"
}

# ---- children and threads of interpreters
cat >pools.py <<'END'
import multiprocessing as m, os
def work(n): return sum(len(str(i) * 3) for i in range(n))
def put(q): q.put(os.getpid() > 0)
if __name__ == "__main__":
    for how in ("fork", "spawn", "forkserver"):
        with m.get_context(how).Pool(3) as pool:
            print(how, pool.map(work, range(500, 520)))
    q = m.Queue()
    all = [m.Process(target=put, args=(q,)) for i in range(5)]
    [p.start() for p in all]
    print([q.get() for p in all])
    [p.join() for p in all]
END
same 'python3 multiprocessing' python3 -- "$PYTHON" pools.py

cat >work.rb <<'END'
h = {}
100000.times { |i| h["k#{i}"] = [i] * 3 }
GC.start
puts h.size, 4.times.map { Thread.new { (1..20000).map(&:to_s).join.size } }.map(&:value).inspect
Process.wait(fork { puts "x" * 10; exit 3 })
p $?.exitstatus, `echo child`
END
same ruby ruby -- ruby work.rb

cat >Work.java <<'END'
import java.util.*;
import java.util.stream.*;
import java.util.zip.*;
public class Work {
    public static void main(String[] a) throws Exception {
        Map<String, int[]> m = new HashMap<>();
        for (int i = 0; i < 200000; i++) m.put("k" + i, new int[] { i });
        System.out.println(m.size() + " " + IntStream.range(0, 1000000).parallel().mapToLong(x -> x % 7).sum());
        Deflater d = new Deflater();
        d.setInput(new byte[1 << 20]);
        d.finish();
        System.out.println(d.deflate(new byte[1 << 20]));
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 20; i++) threads.add(new Thread(() -> {
            StringBuilder s = new StringBuilder();
            for (int k = 0; k < 100000; k++) s.append(k);
        }));
        for (Thread t : threads) t.start();
        for (Thread t : threads) t.join();
        System.gc();
        System.exit(5);
    }
}
END
same java java javac -- java Work.java
same 'node workers' node -- node -e '
    const { Worker } = require("worker_threads");
    let n = 0;
    for (let i = 0; i < 3; i++)
        new Worker("require(\"worker_threads\").parentPort.postMessage(\"x\".repeat(10))", { eval: true })
            .on("message", (m) => { if (++n === 3) console.log("done", m); });'
if perl -Mthreads -e 1 2>/dev/null; then
    same 'perl threads' perl -- perl -e 'use threads;
        my @t = map { threads->create(sub { my %h; $h{$_} = $_ for 1 .. 20000; scalar keys %h }) } 1 .. 4;
        print $_->join, "\n" for @t'
fi

# ---- many processes
same 'a shell script' bash -- bash -c '
    for i in $(seq 100); do x=$(echo $i | tr 0-9 a-j); y+=$x; done; echo $y; (exit 4)'
mkdir make
for i in 1 2 3 4; do
    printf '#include <map>\n#include <string>\nstd::map<std::string, int> m%s; int f%s() { return m%s.size(); }\n' \
        $i $i $i >make/f$i.cc
done
printf 'all: f1.o f2.o f3.o f4.o\n\tar crs l.a $^\n\tnm l.a | grep -c f\n' >make/Makefile
same 'make -j4' make g++ ar nm -- sh -c 'rm -f make/*.o make/*.a; make -s -C make -j4'

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
if command -v git >/dev/null; then
    git init -q one
    for i in $(seq 20); do
        cp "$srcdir"/tests/*.sh one
        sed -i "s/the/the $i/" one/*.sh
        git -C one add .
        git -C one -c user.name=n -c user.email=e@example.org commit -q -m "$i"
    done
fi
same 'git clone, gc, fsck' git -- sh -c 'rm -rf two; git clone -q --no-local one two && cd two &&
    git gc -q --aggressive && git fsck --no-progress && git log -p | cksum'
same 'tar and xz with threads' tar xz -- sh -c "tar cf - -C '$srcdir' docs | xz -T2 | xz -dc | cksum"

# Its own checks pass, and as much is done.
stress='stress-ng --malloc 2 --malloc-ops 5000 --fork 2 --fork-ops 300 --vfork 1 --vfork-ops 100'
same 'stress-ng: malloc, fork, vfork' stress-ng -- sh -c "$stress --timeout 100 --metrics-brief \
    >stress.out 2>&1; echo status \$?; grep -i fail stress.out
    sed -n 's/.* \(v*fork\|malloc\)  *\([0-9][0-9]*\) .*/\1 \2/p' stress.out"

# ---- libraries with allocators, arenas and threads of their own
same ffmpeg ffmpeg -- ffmpeg -v error -f lavfi -i testsrc=size=320x240:duration=1 \
    -f lavfi -i sine=duration=1 -c:v mpeg4 -threads 4 -f framemd5 -
same ImageMagick convert-im6.q16 -- convert-im6.q16 -size 300x200 plasma:fractal -blur 0x3 -resize 50% \
    -colorspace gray -format '%w %h' info:
cat >page.html <<'END'
<p id=x></p><script>document.getElementById("x").textContent =
    [...Array(50000).keys()].map(String).sort()[777]</script>
END
cat >browse <<'END'
rm -rf profile
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$PWD/profile" --dump-dom "file://$PWD/page.html" 2>/dev/null
END
if command -v chromium >/dev/null && [ -n "$(sh browse)" ]; then
    same chromium chromium -- sh browse
else
    skip 'chromium: there is none that works'
fi

# ---- in a terminal: the screens at the end are the same
terminal() { # NAME SCRIPT COMMAND...
    local name=$1 script=$2
    shift 2
    command -v "$1" >/dev/null || { skip "$name: there is no $1"; return; }
    printf '%s\ndump %s\n' "$script" plain.screen >script
    run "$name in a terminal" "$SCREEN" -s script -- "$@"
    printf '%s\ndump %s\n' "$script" with.screen >script
    run "$name in a terminal, with the agent" "$SCREEN" -s script -- \
        env LD_PRELOAD="$MEMTOP_AGENT" "$@"
    cmp -s plain.screen with.screen
    ok $? "$name: the screens are the same" || diff plain.screen with.screen | sed 's/^/# /'
}

terminal bash 'wait READY
keys for i in 1 2 3; do echo line $i; done\n
match "^line 3"
match "^READY> *$"
keys sh -c "printf asl%s eep; exec sleep 100"\n
match "^asleep"
keys <C-z>
wait Stopped
match "^READY> *$"
keys jobs | wc -l\n
match "^1$"
match "^READY> *$"
keys echo a{b,c}d | tr a-d A-D\n
match "^ABD"
match "^READY> *$"' env PS1='READY> ' bash --norc --noprofile -i
for vim in vim vim.basic vim.tiny; do
    if command -v $vim >/dev/null; then
        cp "$srcdir/LICENSE" text
        terminal $vim 'wait Apache
keys :set noswapfile nomodeline\n
keys :%s/License/Licence/g\n
wait substitutions
keys gg/copyright\n
keys dd5ihello <Esc>
wait hello hello hello hello hello
keys u<C-r>G
# the message of an undo tells how many seconds ago the change was made
keys :set tabstop?\n
wait tabstop=8' $vim -u NONE -i NONE -n text
        break
    fi
done

# ---- the agent above other allocators
for allocator in libjemalloc.so.2 libtcmalloc.so.4 libtcmalloc_minimal.so.4 libmimalloc.so.2; do
    if ! env LD_PRELOAD=$allocator true 2>&1 | grep -q 'cannot be preloaded'; then
        env LD_PRELOAD=$allocator "$PYTHON" pools.py >plain.out 2>&1
        plain=$?
        env LD_PRELOAD=$allocator "$MEMTOP" stat --json -o json -- "$PYTHON" pools.py >with.out 2>&1
        is $? $plain "python3 with $allocator: the exit status"
        cmp -s plain.out with.out
        ok $? "python3 with $allocator: the output" || diff plain.out with.out | sed 's/^/# /'
        is "$(value '(lambda t: t["allocations"] - t["frees"] == t["live_blocks"] and
            t["allocations"] > 1000 and t["lost"] == 0 and t["foreign_frees"] == 0)(j["totals"])' json)" \
            True "python3 with $allocator: the figures hold together"
        case $(value 'j["agent"]["allocator"]' json) in
        *${allocator%.so*}*) ok 0 "it is named: $allocator" ;;
        *) ok 1 "it is named: $allocator" || value 'j["agent"]' json | sed 's/^/# /' ;;
        esac
    else
        skip "there is no $allocator"
    fi
done
done_testing
