#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Attach, look and detach, again and again, to real programs at work: none of them
# dies, hangs, or gives a wrong answer. MEMTOP_TEST_ROUNDS says how many times (2).
# What is not installed is skipped.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

rounds=${MEMTOP_TEST_ROUNDS:-2}
[ "$(uname -m)" = x86_64 ] || skip_all 'the injector knows x86-64 only'
command -v python3 >/dev/null || skip_all 'the clients are written in Python'
sleep 60 &
"$MEMTOP" inject $! 2>"$TMP/err" || {
    grep -qE 'ptrace_scope|SYS_PTRACE|may not be traced' "$TMP/err" && skip_all "$(cat "$TMP/err")"
}
kill $!

chmod 1777 "$MEMTOP_DIR" # some of them are nobody's
chmod 755 "$TMP"

# The clients: each asks until the file "enough" is there, checks every answer, and
# prints how many there were.
cat >"$TMP/client.py" <<'END'
import http.client, os, socket, sys

def unix(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(path)
    return s

def redis(path, enough):
    f = unix(path).makefile("rwb")
    n = 0
    while not os.path.exists(enough):
        for _ in range(200):
            n += 1
            f.write(b"INCR n\r\nSET k%d v%d\r\nGET k%d\r\n" % (n % 1000, n, n % 1000))
            f.flush()
            assert f.readline() == b":%d\r\n" % n
            assert f.readline() == b"+OK\r\n"
            assert f.readline() == b"$%d\r\n" % len("v%d" % n)
            assert f.readline() == b"v%d\r\n" % n
    return n

def web(path, enough):
    n = 0
    while not os.path.exists(enough):
        c = http.client.HTTPConnection("localhost", timeout=60)
        c.sock = unix(path)
        for _ in range(50):
            c.request("GET", "/")
            r = c.getresponse()
            assert (r.status, r.read()) == (200, b"hello\n" * 1000)
            n += 1
        c.close()
    return n

print({"redis": redis, "web": web}[sys.argv[1]](*sys.argv[2:]))
END

# look PID: is something recorded, once it allocates?
look() {
    "$MEMTOP" report --json "$1" >"$TMP/json" 2>/dev/null && python3 - "$TMP/json" <<'END'
import json, sys
t = json.load(open(sys.argv[1]))["totals"]
sys.exit(not (t["allocations"] > 0 and
              t["allocations"] - t["frees"] == t["live_blocks"]))
END
}

# visit PID: attach, look, detach, at random moments. What it says goes to $TMP/visit.
visit() {
    "$MEMTOP" inject "$1" && within 20 look "$1" && "$MEMTOP" detach "$1" || return 1
    sleep "0.0$((RANDOM % 10))"
} 2>>"$TMP/visit"

# visits NAME PID: all of them, and the median of the stops.
visits() {
    local i
    : >"$TMP/visit"
    for ((i = 0; i < rounds; i++)); do
        visit "$2" || break
    done
    is "$i" "$rounds" "$1: attached, looked at and detached $rounds times" ||
        sed 's/^/# /' "$TMP/visit"
    sed -n 's/.*held for \([0-9.]*\) \([nmu]*s\).*/\1 \2/p' "$TMP/visit" |
        awk -v name="$1" '{ print $1 * ($2 == "s" ? 1000 : $2 == "ms" ? 1 : $2 == "us" ? 1e-3 : 1e-6) }' |
        sort -g | awk -v name="$1" '{ a[NR] = $1 } END { print "# " name ": held " \
            a[int((NR + 1) / 2)] " ms in the median of " NR ", at most " a[NR] " ms" }'
}

# served NAME PID KIND SOCKET: the same with a client at work.
served() {
    rm -f "$TMP/enough"
    python3 "$TMP/client.py" "$3" "$4" "$TMP/enough" >"$TMP/client" 2>&1 &
    local client=$!
    visits "$1" "$2"
    : >"$TMP/enough"
    wait $client
    is $? 0 "$1: each of $(cat "$TMP/client") answers was right" || sed 's/^/# /' "$TMP/client"
}

ended() { # PID SIGNAL TEXT
    kill -0 "$1" 2>/dev/null
    ok $? "$3: it lives"
    kill -"$2" "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

have() {
    command -v "$1" >/dev/null || { skip "$1 is not installed"; return 1; }
}

if have redis-server; then
    (cd "$TMP" && exec redis-server --port 0 --unixsocket "$TMP/redis" --save '') >"$TMP/log" &
    pid=$!
    within 20 test -S "$TMP/redis"
    served redis $pid redis "$TMP/redis"
    ended $pid TERM redis
fi

if have nginx; then
    cat >"$TMP/nginx.conf" <<END
daemon off; master_process on; worker_processes 1; pid $TMP/nginx.pid; error_log $TMP/nginx.log;
events {}
http {
    access_log off;
    client_body_temp_path $TMP/n1; proxy_temp_path $TMP/n2; fastcgi_temp_path $TMP/n3;
    uwsgi_temp_path $TMP/n4; scgi_temp_path $TMP/n5;
    server { listen unix:$TMP/web; root $TMP/www; }
}
END
    mkdir "$TMP/www"
    yes hello | head -n 1000 >"$TMP/www/index.html"
    chmod 755 "$TMP/www"
    nginx -c "$TMP/nginx.conf" 2>>"$TMP/log" &
    pid=$!
    if within 20 test -S "$TMP/web"; then
        worker() { pgrep -P $pid >"$TMP/worker"; }
        within 20 worker
        worker=$(head -n 1 "$TMP/worker")
        served 'nginx worker' "$worker" web "$TMP/web"
        is "$(pgrep -P $pid)" "$worker" 'nginx: the worker is the same'
        ended $pid TERM nginx
    else
        skip "nginx does not start here: $(tail -n 1 "$TMP/log" "$TMP/nginx.log" | tr '\n' ' ')"
    fi
fi

if have node; then
    node -e 'let n = 0; setInterval(() => { let a = []; for (let i = 0; i < 500; i++)
        a.push(Buffer.alloc(20000, i & 255)); for (let i = 0; i < 500; i++)
        if (a[i][19999] !== (i & 255)) process.exit(1); n++; }, 2);
        process.on("SIGTERM", () => { console.log(n); process.exit(0); }); console.log("up");' \
        >"$TMP/node" 2>&1 &
    pid=$!
    within 20 grep -q up "$TMP/node"
    visits node $pid
    kill -TERM $pid
    wait $pid
    is $? 0 'node: it ends well' || sed 's/^/# /' "$TMP/node"
fi

python3 -c '
import signal, sys
n = 0
signal.signal(signal.SIGTERM, lambda *a: sys.exit(0))
print("up", flush=True)
while True:
    rows = [bytes([i & 255]) * 2000 for i in range(300)]
    assert all(r[1999] == i & 255 for i, r in enumerate(rows))
    n += 1' >"$TMP/python" 2>&1 &
pid=$!
within 20 grep -q up "$TMP/python"
visits python3 $pid
kill -TERM $pid
wait $pid
is $? 0 'python3: it ends well' || sed 's/^/# /' "$TMP/python"

# A JVM that compiles its program itself, and uses memory outside of its heap.
if have java; then
    cat >"$TMP/Busy.java" <<'END'
public class Busy {
    public static void main(String[] a) throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("down")));
        System.out.println("up");
        for (long n = 0;; n++) {
            java.util.zip.Deflater d = new java.util.zip.Deflater();
            d.setInput(new byte[10000]);
            d.finish();
            if (d.deflate(new byte[20000]) <= 0) System.exit(1);
            d.end();
        }
    }
}
END
    java -Xmx64m "$TMP/Busy.java" >"$TMP/java" 2>&1 &
    pid=$!
    if within 60 grep -q up "$TMP/java"; then
        visits java $pid
        kill -TERM $pid
        wait $pid
        is "$(tail -n 1 "$TMP/java")" down 'java: it ends well'
    else
        kill -KILL $pid
        skip 'java does not start here'
    fi
fi

# Linked with jemalloc itself, below the program and not by preload.
compiler=${CC:-gcc}
if echo 'int mallctl(); int main(void) { return !mallctl; }' >"$TMP/je.c" &&
    $compiler -o "$TMP/je" "$TMP/je.c" -Wl,--no-as-needed -l:libjemalloc.so.2 2>/dev/null; then
    $compiler -std=gnu11 -D_GNU_SOURCE -O2 -o "$TMP/je_threads" \
        "$srcdir/tests/victims/alloc_threads.c" -Wl,--no-as-needed -l:libjemalloc.so.2 -lpthread
    mkfifo "$TMP/je.in"
    "$TMP/je_threads" 3 <"$TMP/je.in" >"$TMP/je.out" 2>&1 &
    pid=$!
    exec 3>"$TMP/je.in"
    within 20 grep -q ready "$TMP/je.out"
    visits 'jemalloc, 4 threads' $pid
    echo >&3
    wait $pid
    is $? 0 'jemalloc: no block is damaged' || sed 's/^/# /' "$TMP/je.out"
    exec 3>&-
else
    skip 'no jemalloc to link with'
fi

done_testing
