#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent costs, side by side with no agent and with other tools.

Each workload runs under each tool in turn, round after round, so that a noisy
machine is noisy for all; the table shows medians. A run in which the tool did
not load is refused. Usage: bench.py BUILDDIR [--rounds N] [--only WORD] [--quick]
[--peers]: the profilers of jemalloc and tcmalloc as well, with fewer iterations for
all, because those take microseconds for each block. They replace the allocator, too.
A "-" stands for runs that they did not survive, or recorded nothing in.
"""

import argparse
import glob
import os
import pty
import re
import resource
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

LIBDIRS = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64"]


def find_library(name):
    for d in LIBDIRS:
        if os.path.exists(os.path.join(d, name)):
            return os.path.join(d, name)
    return None


class Tool:
    """How a workload is run under a tool, and how to see that it was."""

    def __init__(self, name, preload=None, env=None, trace=None, may_fail=False, learns=False):
        """learns: each workload is to be run once before, with FLOOR_LEARN=FILE, and then with
        FLOOR_TOLD=FILE."""
        self.name, self.preload, self.env, self.trace = name, preload, env or {}, trace
        self.may_fail, self.learns = may_fail, learns

    def prepare(self, workdir):
        """An empty workdir and the environment for a run."""
        for leftover in glob.glob(workdir + "/*"):
            os.unlink(leftover)
        env = dict(os.environ, **{k: v.replace("@", workdir) for k, v in self.env.items()})
        if self.preload:
            env["LD_PRELOAD"] = self.preload
        return env

    def check(self, argv, workdir):
        """The tool must have recorded something. False: it has not, but may fail."""
        traces = glob.glob(self.trace.replace("@", workdir)) if self.trace else []
        if not self.trace or any(os.path.getsize(t) > 2000 for t in traces):
            return True
        if not self.may_fail:
            sys.exit(f"bench: {self.name} did not load in: {' '.join(argv)}")
        return False

    def learn(self, argv, path):
        """Have it told what the workload's stacks are. Takes ten seconds and more."""
        env = dict(os.environ, LD_PRELOAD=self.preload, FLOOR_LEARN=path)
        subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)
        self.env = dict(self.env, FLOOR_TOLD=path)

    def run(self, argv, workdir):
        """What it did, and its processor time; (None, None): nothing that counts."""
        env = self.prepare(workdir)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(argv, env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        good = self.check(argv, workdir) and (done.returncode == 0 or not self.may_fail)
        return (done, cpu) if good else (None, None)


def peers():
    """Allocators that profile: each block, as far as they can."""
    jemalloc, tcmalloc = find_library("libjemalloc.so.2"), find_library("libtcmalloc.so.4")
    if jemalloc:
        conf = "prof:true,prof_final:true,lg_prof_sample:0,prof_prefix:@/jemalloc"
        yield Tool("jemalloc", jemalloc, {"MALLOC_CONF": conf}, trace="@/jemalloc*.heap",
                   may_fail=True)
    if tcmalloc:
        yield Tool("tcmalloc", tcmalloc, {"HEAPPROFILE": "@/tcmalloc"}, trace="@/tcmalloc*.heap",
                   may_fail=True)


def tools(build):
    agent = os.path.join(build, ".libs/libmemtop.so")
    if not os.path.exists(agent):
        sys.exit(f"bench: no {agent}: run make first")
    keep = {"MEMTOP_DIR": "@", "MEMTOP_KEEP": "1"}
    found = [Tool("plain"),
             Tool("counters", agent, dict(keep, MEMTOP_TIER="counters"), trace="@/memtop-*"),
             Tool("memtop", agent, keep, trace="@/memtop-*"),
             Tool("sampled", agent, dict(keep, MEMTOP_TIER="sampled"), trace="@/memtop-*")]
    floor = os.path.join(build, "bench/.libs/libfloor.so")
    if os.path.exists(floor):
        found.append(Tool("floor", floor, {"FLOOR_FRAMES": "0"}))
        found.append(Tool("floor, counts", floor, {"FLOOR_FRAMES": "0", "FLOOR_COUNTS": "1"}))
        found.append(Tool("floor, stacks", floor)) # of as many frames as the workload says
        found.append(Tool("floor, all", floor, {"FLOOR_COUNTS": "1"}))
        found.append(Tool("floor, told", floor, {"FLOOR_COUNTS": "1"}, learns=True))
    heaptrack = "/usr/lib/heaptrack/libheaptrack_preload.so"
    if os.path.exists(heaptrack): # writes raw data, as heaptrack --raw does
        found.append(Tool("heaptrack", heaptrack, {"DUMP_HEAPTRACK_OUTPUT": "@/heaptrack"},
                          trace="@/heaptrack"))
    memusage = find_library("libmemusage.so")
    if memusage:
        found.append(Tool("memusage", memusage, {"MEMUSAGE_OUTPUT": "@/memusage"},
                          trace="@/memusage"))
    return found


def small_workloads(bin_dir, few_blocks, scale):
    """Name, frames of a stack, command."""
    for depth in (4, 20, 60):
        yield f"pairs depth {depth}, one stack", depth, [f"{bin_dir}/pairs", str(depth), "same",
                                                         str(3000000 // scale)]
    for depth in (20, 60):
        yield f"pairs depth {depth}, 4 leaf frames vary", depth, [
            f"{bin_dir}/pairs", str(depth), "leaf", str(2000000 // scale)]
    yield "pairs depth 20, leaf frames in order", 20, [f"{bin_dir}/pairs", "20", "seq",
                                                       str(2000000 // scale)]
    yield "pairs depth 20, whole stack varies", 20, [f"{bin_dir}/pairs", "20", "all",
                                                     str(1000000 // scale)]
    for threads in (2, 4):
        yield f"pairs depth 20, {threads} threads", 20, [
            f"{bin_dir}/pairs", "20", "same", str(2000000 // scale), str(threads)]
    yield "one thread allocates, another frees", 4, [f"{bin_dir}/handover",
                                                     str(1000000 // scale)]
    for blocks, label in ((10000, "10k"), (1000000, "1M"), (10000000, "10M")):
        if few_blocks and blocks > 1000000:
            continue
        yield f"churn over {label} live blocks", 4, [f"{bin_dir}/churn", str(blocks),
                                                     str(3000000 // scale)]
    yield "C++ containers", 4, [f"{bin_dir}/containers", str(300 // scale)]


PYTHON_WORK = ("import json,re\n"
               "d=[{'key%d'%i:[j*1.5 for j in range(20)],'t':'x'*(i%50)} for i in range(3000)]\n"
               "for _ in range(4):\n"
               "    s=json.dumps(d); e=json.loads(s); re.findall('[0-9]+',s)\n")
SQLITE_WORK = ("create table t(a integer primary key, b text, c real);"
               "with recursive n(i) as (select 1 union all select i+1 from n where i<200000)"
               " insert into t select i, 'row '||i, i*1.5 from n;"
               "create index tb on t(b); select count(*), sum(c) from t where b like 'row 1%';"
               "select b, count(*) from t group by substr(b,1,7) order by 2 desc limit 3;")


def program_workloads(workdir):
    """Whole programs: name, frames of a stack on the average, how many times the rounds,
    because some are short, and command. Their processor time is taken."""
    if shutil.which("python3"):
        os.environ["PYTHONMALLOC"] = "malloc"
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else "python3"
        yield "python3 (malloc)", 19, 3, [python, "-c", PYTHON_WORK]
    if shutil.which("sqlite3"):
        yield "sqlite3", 13, 3, ["sqlite3", ":memory:", SQLITE_WORK]
    if shutil.which("g++"):
        source = os.path.join(workdir, "source.cc")
        with open(source, "w") as f:
            f.write("#include <map>\n#include <regex>\n#include <string>\n#include <iostream>\n"
                    "int main(){std::map<std::string,int> m;std::regex r(\"a*\");"
                    "std::cout<<m.size();}\n")
        pre = os.path.join(workdir, "source.ii")
        subprocess.run(["g++", "-E", source, "-o", pre], check=True)
        cc1plus = subprocess.run(["g++", "-print-prog-name=cc1plus"], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout.strip()
        yield "gcc's cc1plus -O1", 27, 1, [cc1plus, "-fpreprocessed", "-O1", "-quiet", pre, "-o",
                                           "/dev/null"]


def allocations_of(build, argv):
    """How many allocations a program makes, as the agent counts them."""
    done = subprocess.run([os.path.join(build, "memtop"), "stat", "--json", "--top", "0", "-o",
                           "/dev/stdout", "--"] + argv, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    found = re.search(r'"allocations": *(\d+)', done.stdout)
    return int(found.group(1)) if found else 0


def table_row(name, unit, found, rounds):
    """`rounds`: of each, what each tool took. What a tool adds is compared within a round,
    so that a machine that is now fast and now slow is so for both."""
    plain = [r["plain"] for r in rounds if "plain" in r]
    if not plain:
        return
    added = {}
    for tool in found[1:]:
        known = [r[tool.name] - r["plain"] for r in rounds if tool.name in r and "plain" in r]
        if known:
            added[tool.name] = statistics.median(known)
    cells = [f"{statistics.median(plain):8.1f}"]
    cells += [f"{added[t.name]:+8.1f}" if t.name in added else "-" for t in found[1:]]
    ratio = ""
    if "heaptrack" in added and added.get("memtop", 0) > 0:
        ratio = f"1/{added['heaptrack'] / added['memtop']:.1f}"
    print(f"| {name} | {unit} | " + " | ".join(cells) + f" | {ratio} |", flush=True)


def bench_small(options, found, workdir):
    scale = 30 if options.peers else 10 if options.quick else 1
    for name, frames, argv in small_workloads(os.path.join(options.build, "bench"),
                                       options.quick or options.peers, scale):
        if options.only and options.only not in name:
            continue
        os.environ["FLOOR_FRAMES"] = str(frames)
        times_more = 3 if name.startswith("pairs") else 1 # they are short
        rounds = [{} for _ in range(options.rounds * times_more)]
        for times in rounds:
            for tool in (t for t in found if not t.learns): # some are of several threads
                done, _ = tool.run(argv, workdir)
                match = done and re.search(r"^\w+ ([0-9.]+) \d+$", done.stdout, re.M)
                if match:
                    times[tool.name] = float(match.group(1))
        table_row(name, "ns", found, rounds)


def tell_floors(found, frames, argv, sources):
    """What they are to know of a program: frames of a stack on the average, and its stacks."""
    os.environ["FLOOR_FRAMES"] = str(frames)
    for tool in found:
        if tool.learns:
            tool.learn(argv, os.path.join(sources, "told"))


def bench_programs(options, found, workdir):
    sources = tempfile.mkdtemp(prefix="memtop-bench-")
    for name, frames, times_more, argv in program_workloads(sources):
        if options.only and options.only not in name:
            continue
        count = allocations_of(options.build, argv)
        if count == 0:
            print(f"bench: {name}: no allocations were counted: left out", file=sys.stderr)
            continue
        tell_floors(found, frames, argv, sources)
        rounds = [{} for _ in range(options.rounds * times_more)]
        for times in rounds:
            for tool in found:
                _, cpu = tool.run(argv, workdir)
                if cpu is not None:
                    times[tool.name] = cpu * 1e9 / count
        table_row(f"{name}, {count} allocations", "ns/allocation", found, rounds)
    shutil.rmtree(sources)


def redis_rate(tool, workdir):
    """Requests a second of a redis-server under a tool; None if it won't start."""
    env = tool.prepare(workdir)
    socket = workdir + "/socket"
    server = ["redis-server", "--port", "0", "--unixsocket", socket, "--save", ""]
    process = subprocess.Popen(server, env=env, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if os.path.exists(socket):
                break
            if process.poll() is not None:
                return None
            time.sleep(0.05)
        done = subprocess.run(["redis-benchmark", "-s", socket, "-q", "-n", "200000", "-r",
                               "100000", "-d", "100", "-t", "set"], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not tool.check(server, workdir):
            return None
        found = re.findall(r"SET: ([0-9.]+) requests per second", done.stdout)
        return float(found[-1]) if found else None
    finally:
        process.terminate()
        process.wait()


def bench_redis(options, found, workdir):
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        return
    found = [t for t in found if not t.name.startswith("floor")] # redis has another allocator
    rates = {t.name: [] for t in found}
    for _ in range(options.rounds):
        for tool in found:
            rates[tool.name].append(redis_rate(tool, workdir))
    print("\nredis-server, SET requests a second against plain:", end="")
    plain = statistics.median(rates["plain"])
    for name, values in rates.items():
        known = [v for v in values if v]
        print(f" {name} {statistics.median(known) / plain:.2f}" if known
              else f" {name} does not start", end="")
    print(flush=True)


def bench_floor(options):
    """What is not to be had for less: see floor.c."""
    for blocks in (1, 10000) if options.quick else (1, 10000, 1000000, 10000000):
        lines = []
        for _ in range(options.rounds):
            done = subprocess.run([os.path.join(options.build, "bench/floor"), str(blocks),
                                   "300000" if options.quick else "3000000"], text=True,
                                  check=True, stdout=subprocess.PIPE)
            lines.append(done.stdout.strip())
        # the run whose last figure is the median one
        lines.sort(key=lambda line: float(line.rsplit(" ", 1)[1]))
        print("\n" + lines[len(lines) // 2], flush=True)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_for(fd, seconds, until=None):
    seen, end = b"", time.perf_counter() + seconds
    while time.perf_counter() < end:
        if select.select([fd], [], [], max(0, end - time.perf_counter()))[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError: # the viewer has ended
                break
            if until and until in seen:
                break
    return seen


def bench_viewer(options):
    """Attach to a program that makes a million allocations a second."""
    agent = os.path.join(options.build, ".libs/libmemtop.so")
    target = subprocess.Popen([os.path.join(options.build, "bench/steady"), "1000000", "60"],
                              env=dict(os.environ, LD_PRELOAD=agent), stdout=subprocess.DEVNULL)
    time.sleep(1)
    firsts, shares = [], []
    for _ in range(3):
        start = time.perf_counter()
        pid, fd = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(os.path.join(options.build, "memtop"), ["memtop", str(target.pid)])
        read_for(fd, 5, until=b"Live")
        firsts.append((time.perf_counter() - start) * 1e3)
        read_for(fd, 1)
        before, then = cpu_seconds(pid), time.perf_counter()
        read_for(fd, 4)
        shares.append((cpu_seconds(pid) - before) / (time.perf_counter() - then) * 100)
        os.write(fd, b"q")
        read_for(fd, 0.3)
        os.close(fd)
        os.waitpid(pid, 0)
    target.kill()
    target.wait()
    print(f"\nviewer, target at 1M allocations/s: first screen {statistics.median(firsts):.0f} ms,"
          f" {statistics.median(shares):.1f}% of a core")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    found = tools(options.build) + (list(peers()) if options.peers else [])
    workdir = tempfile.mkdtemp(prefix="memtop-bench-", dir="/dev/shm")
    print("| work | unit | plain | " + " | ".join("+ " + t.name for t in found[1:]) +
          " | memtop / heaptrack |")
    print("|---" * (len(found) + 3) + "|")
    try:
        bench_small(options, found, workdir)
        bench_programs(options, found, workdir)
        if not options.only or options.only in "floor":
            bench_floor(options)
        if not options.only or options.only in "redis":
            bench_redis(options, found, workdir)
        if not options.only or options.only in "viewer":
            bench_viewer(options)
    finally:
        shutil.rmtree(workdir)


if __name__ == "__main__":
    main()
