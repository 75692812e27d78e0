#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Servers under load, with the agent in them and all their children: no request
# fails, they end as they do without it, and nothing of theirs was lost.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"
. "$srcdir/tests/json.sh"

holds='all(t["allocations"] - t["frees"] == t["live_blocks"] and t["lost"] == 0
           and t["allocations"] > 0 for t in [j["totals"]])'

# Every process that has a segment: its figures hold together.
check_all() { # TEXT LEAST
    local n=0 bad=0 pid
    for segment in "$MEMTOP_DIR"/memtop-*-*; do
        pid=${segment##*/memtop-}
        pid=${pid%%-*}
        "$MEMTOP" report --json "$pid" >"$TMP/one.json" 2>"$TMP/one.err" || continue
        n=$((n + 1))
        [ "$(value "$holds" "$TMP/one.json")" = True ] || {
            bad=$((bad + 1))
            value 'j["totals"]' "$TMP/one.json" | sed 's/^/# /'
        }
    done
    [ "$n" -ge "$2" ]
    ok $? "$1: $2 processes or more have the agent" || echo "# $n"
    is "$bad" 0 "$1: the figures of each hold together, 0 lost"
}

# as USER COMMAND: servers that refuse to run as root.
as() {
    local user=$1
    shift
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
    else
        "$@"
    fi
}

port() { # one that nobody listens on
    "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

chmod 755 "$TMP"
chmod 777 "$MEMTOP_DIR"

# ---- redis: a load, and the child that writes the database meanwhile
if command -v redis-server redis-benchmark redis-cli >/dev/null; then
    port=$(port)
    cli="redis-cli -p $port"
    mkdir "$TMP/redis"
    LD_PRELOAD=$MEMTOP_AGENT redis-server --port "$port" --dir "$TMP/redis" --save '' \
        --rdbcompression no >"$TMP/redis.log" 2>&1 &
    server=$!
    within 20 $cli ping >/dev/null
    redis-benchmark -p "$port" -n 40000 -r 20000 -d 60 -P 16 -q -t set,get,lpush,lpop,zadd \
        >"$TMP/out" 2>&1
    ok $? 'redis: the benchmark ends' || sed 's/^/# /' "$TMP/out"
    is "$($cli bgsave)" 'Background saving started' 'redis: BGSAVE'
    redis-benchmark -p "$port" -n 20000 -r 20000 -q -t set,del >"$TMP/out" 2>&1
    ok $? 'redis: a load while the child writes'
    within 60 sh -c "$cli info persistence | grep -q rdb_bgsave_in_progress:0"
    is "$($cli info persistence | tr -d '\r' | sed -n 's/^rdb_last_bgsave_status://p')" ok \
        'redis: the child has written'
    is "$(redis-check-rdb "$TMP/redis/dump.rdb" | grep -c 'RDB looks OK')" 1 \
        'redis: what it wrote is sound'
    check_all redis 1
    $cli shutdown nosave 2>"$TMP/err"
    wait $server
    is $? 0 'redis: ends as it should'
else
    skip 'there is no redis-server'
fi

# ---- PostgreSQL: a process for each connection, shared memory, its own allocator
pg=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
if [ -n "$pg" ] && [ -x "$pg/initdb" ] && getent passwd postgres >/dev/null; then
    data=$TMP/pg
    mkdir "$data"
    [ "$(id -u)" != 0 ] || chown postgres "$data"
    (cd / && LD_PRELOAD=$MEMTOP_AGENT as postgres "$pg/initdb" -D "$data/db" -A trust) >"$TMP/out" 2>&1
    ok $? 'PostgreSQL: initdb' || sed 's/^/# /' "$TMP/out"
    (cd / && LD_PRELOAD=$MEMTOP_AGENT exec setsid "$(command -v env)" bash -c '
        [ "$(id -u)" != 0 ] || set -- setpriv --reuid postgres --regid postgres --clear-groups "$@"
        exec "$@"' - "$pg/postgres" -D "$data/db" -k "$data" -c listen_addresses= \
        -c fsync=off) >"$TMP/pg.log" 2>&1 &
    server=$!
    to="-h $data -U postgres"
    within 30 "$pg/pg_isready" -q $to || sed 's/^/# /' "$TMP/pg.log"
    "$pg/pgbench" $to -i -q -s 2 postgres >"$TMP/out" 2>&1
    ok $? 'PostgreSQL: pgbench -i' || sed 's/^/# /' "$TMP/out"
    "$pg/pgbench" $to -c 4 -j 2 -t 300 postgres >"$TMP/out" 2>&1
    ok $? 'PostgreSQL: pgbench with 4 clients'
    is "$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$TMP/out")" 0 \
        'PostgreSQL: no transaction failed' || sed 's/^/# /' "$TMP/out"
    "$pg/pgbench" $to -C -S -c 2 -t 50 postgres >"$TMP/out" 2>&1
    is "$(sed -n 's/^number of failed transactions: \([0-9]*\).*/\1/p' "$TMP/out")" 0 \
        'PostgreSQL: a process for each transaction' || sed 's/^/# /' "$TMP/out"
    check_all PostgreSQL 5
    is "$("$pg/psql" $to -Atc 'select count(*) from pgbench_accounts' postgres)" 200000 \
        'PostgreSQL: the table is whole'
    kill -INT "$(head -n 1 "$data/db/postmaster.pid")"
    wait $server
    is $? 0 'PostgreSQL: ends as it should' || tail "$TMP/pg.log" | sed 's/^/# /'
else
    skip 'there is no PostgreSQL server'
fi

# ---- nginx: a master, workers, a reload under load
if command -v nginx >/dev/null; then
    port=$(port)
    mkdir "$TMP/nginx"
    head -c 100000 /dev/urandom >"$TMP/nginx/file"
    cat >"$TMP/nginx.conf" <<END
worker_processes 2;
pid $TMP/nginx.pid;
error_log $TMP/nginx.log;
env MEMTOP_DIR;
env LD_PRELOAD;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $TMP/nginx; proxy_temp_path $TMP/nginx;
    fastcgi_temp_path $TMP/nginx; uwsgi_temp_path $TMP/nginx; scgi_temp_path $TMP/nginx;
    server { listen 127.0.0.1:$port; root $TMP/nginx; gzip on; gzip_types *; }
}
END
    LD_PRELOAD=$MEMTOP_AGENT nginx -c "$TMP/nginx.conf" -g 'daemon off;' >"$TMP/out" 2>&1 &
    server=$!
    cat >"$TMP/load.py" <<'END'
import hashlib, http.client, sys, threading
port, n = int(sys.argv[1]), int(sys.argv[2])
wanted = hashlib.sha1(open(sys.argv[3], "rb").read()).digest()
bad = []
def run():
    for i in range(n):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for j in range(4):
            c.request("GET", "/file")
            if hashlib.sha1(c.getresponse().read()).digest() != wanted:
                bad.append(i)
        c.close()
threads = [threading.Thread(target=run) for i in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(bad))
END
    within 20 sh -c "exec 3<>/dev/tcp/127.0.0.1/$port" 2>/dev/null ||
        within 20 "$PYTHON" -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null
    is "$("$PYTHON" "$TMP/load.py" "$port" 60 "$TMP/nginx/file")" 0 'nginx: each reply is right'
    check_all nginx 3
    kill -HUP "$(cat "$TMP/nginx.pid")"
    is "$("$PYTHON" "$TMP/load.py" "$port" 60 "$TMP/nginx/file")" 0 \
        'nginx: each reply is right, with new workers'
    kill -QUIT "$(cat "$TMP/nginx.pid")"
    wait $server
    is $? 0 'nginx: ends as it should'
    is "$(grep -cE 'alert|crit|emerg|signal 11' "$TMP/nginx.log")" 0 'nginx: nothing in its log' ||
        sed 's/^/# /' "$TMP/nginx.log"
else
    skip 'there is no nginx'
fi
done_testing
