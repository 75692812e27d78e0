#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a tool's own code takes of whole programs, in samples, side by side.

Times of a program that takes seconds tell no tenth on a noisy machine, because all of the
program is in them. The share of the samples that are outside of the program and its
libraries repeats within a twentieth. The table says it in 100 of the samples inside, medians
of rounds in turn: the C library, the loader and the kernel are outside, too, so that plain
has some. What makes the program's own code slower is not in it. Usage: shares.py BUILDDIR
[--rounds N] [--only WORD]. Needs perf.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

import bench

SYSTEM = re.compile(r"^(\[.*|ld-linux.*|ld-musl.*|libc\.so.*|libc-.*|libpthread.*)$")


def samples(tool, argv, workdir):
    """Of a run, how much of each object; {}: there was none that counts."""
    data = os.path.join(workdir, "perf.data")
    env = tool.prepare(workdir)
    preload = env.pop("LD_PRELOAD", "") # not for perf
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "10000", "-o", data, "env",
                    f"LD_PRELOAD={preload}"] + argv, env=env, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    report = subprocess.run(["perf", "report", "-i", data, "--sort", "dso", "-F", "period,dso"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                            check=True).stdout
    os.unlink(data)
    if not tool.check(argv, workdir):
        return {}
    rows = re.findall(r"^ *(\d+) +(\S+) *$", report, re.M)
    return {name: int(period) for period, name in rows}


def outside(found, inside):
    """In 100 of what is inside."""
    within = sum(n for name, n in found.items() if name in inside)
    return 100 * (sum(found.values()) - within) / within if within else None


def table(name, found, rounds):
    inside = {n for r in rounds for n in r.get("plain", {}) if not SYSTEM.match(n)}
    added, plain = {}, None
    for tool in found:
        known = [outside(r[tool.name], inside) for r in rounds if r.get(tool.name)]
        if not known:
            continue
        median = statistics.median(known)
        plain = median if plain is None else plain
        added[tool.name] = median - plain
        print(f"| {name} | {tool.name} | {median:.1f} | {median - plain:+.1f} | "
              f"{min(known):.1f} to {max(known):.1f} |", flush=True)
    for tool in ("memtop", "floor, told"):
        if tool in added and "heaptrack" in added:
            print(f"\n{name}: {tool} 1/{added['heaptrack'] / added[tool]:.1f} of heaptrack\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if not shutil.which("perf"):
        sys.exit("shares: there is no perf: install linux-perf")
    found = [t for t in bench.tools(os.path.abspath(options.build))
             if t.name in ("plain", "counters", "memtop", "floor, all", "floor, told",
                           "heaptrack")]
    workdir = tempfile.mkdtemp(prefix="memtop-bench-", dir="/dev/shm")
    sources = tempfile.mkdtemp(prefix="memtop-bench-")
    print("| work | tool | outside, in 100 inside | added | all rounds |\n|---|---|---|---|---|")
    try:
        for name, frames, _, argv in bench.program_workloads(sources):
            if options.only and options.only not in name:
                continue
            bench.tell_floors(found, frames, argv, sources)
            rounds = [{t.name: samples(t, argv, workdir) for t in found}
                      for _ in range(options.rounds)]
            table(name, found, rounds)
    finally:
        shutil.rmtree(workdir)
        shutil.rmtree(sources)


if __name__ == "__main__":
    main()
