#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Resident memory of a program and its segment together, against the program alone, in
# the standard and in the compact mode: rss.sh BUILD [BLOCKS]. The program has so many
# live blocks (10000000) some 150 bytes apart.
set -eu
build=$1 blocks=${2:-10000000}
resident() { # NAME=VALUE...: KiB
    python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
        env "$@" "$build/bench/churn" "$blocks" 1000
}
show() { # NAME KiB
    echo "$1 $(($2 / 1024)) MiB, ratio $(awk "BEGIN { printf \"%.3f\", $2 / $plain }")"
}
plain=$(resident MEMTOP=off)
show plain "$plain"
show standard "$(resident LD_PRELOAD="$build/.libs/libmemtop.so" MEMTOP_COMPACT=0)"
show compact "$(resident LD_PRELOAD="$build/.libs/libmemtop.so" MEMTOP_COMPACT=1)"
