#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long the viewer's screen stands still after a key: keys.py BUILD [--sites N]
[--blocks N] [--size ROWSxCOLUMNS] [--file] [--only VIEW].

Starts bench/crowd, a process with many call sites and live blocks, and the viewer on it,
or on a snapshot of it (--file), in a terminal of its own; presses every key that a view
knows in every view, and prints for each view the keys with the longest pauses of the
event loop, on the wall and on a processor (bench/stalls.c). Exit status 1: one took more
than 100 ms of a processor.
"""
import argparse
import fcntl
import mmap
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

LIMIT_MS = 100
VIEWS = ["Overview", "Tree", "Sites", "Blocks", "Sizes", "Threads", "Time", "Marks", "Output"]
# Keys that would leave the viewer, or stop it.
NEVER = {"^C", "^Z", "q", "F10"}
BYTES = {"Enter": b"\r", "Esc": b"\x1b", "Tab": b"\t", "Space": b" ", "Bksp": b"\x7f",
         "Up": b"\x1bOA", "Down": b"\x1bOB", "Right": b"\x1bOC", "Left": b"\x1bOD",
         "Home": b"\x1bOH", "End": b"\x1bOF", "PgUp": b"\x1b[5~", "PgDn": b"\x1b[6~",
         "Del": b"\x1b[3~", "Ins": b"\x1b[2~", "S-Tab": b"\x1b[Z", "F1": b"\x1bOP",
         "F3": b"\x1bOR", "F4": b"\x1bOS", "F5": b"\x1b[15~", "F6": b"\x1b[17~",
         "F12": b"\x1b[24~"}
# What takes more than a key: (name, keys with a pause behind each).
MORE = {
    "Tree": [("filter", [b"\\", b"step_7\r"]), ("no filter", [b"\\", b"\x15\r"]),
             ("search", [b"/", b"step_9\r", b"n", b"n"]),
             ("group by thread", [b"y", b"jj\r"]), ("by size", [b"y", b"j\r"]),
             ("by module", [b"y", b"g\x1bOB\r"]), ("no group", [b"y", b"g\r"]),
             ("all open, zoom", [b"*", b"jjj", b"z", b"o"]),
             ("inverted, all open", [b"i", b"*", b"*", b"i", b"i"]),
             ("sites of a row", [b"v", b"\x1b"]), ("blocks of a row", [b"b", b"\x1b"]),
             ("growth", [b"m", b"D", b"D"])],
    "Sites": [("filter", [b"\\", b"step_7\r"]), ("regex", [b"\\", b"\x15/_[5-7]$/\r"]),
              ("no filter", [b"\\", b"\x15\r"]),
              ("search", [b"/", b"step_9\r", b"n", b"N"]), ("none", [b"/", b"nobody\r"]),
              ("sort menu", [b"s", b"jjj\r", b"s", b"g\r"]),
              ("the other end", [b"G", b"I", b"G", b"g", b"I"]), ("growth", [b"D", b"G", b"D"]),
              ("blocks", [b"b", b"G", b"I", b">", b"\r", b"\x1b", b"\x1b"])],
    "Sizes": [("who", [b" ", b"\r", b"G", b"5", b"x"])],
    "Threads": [("who", [b" ", b"\r", b"6", b"x"])],
    "Time": [("back, its tree", [b"g", b"t", b"x", b"7"])],
    "Marks": [("rename", [b"r", b"\x15new\r"]), ("since", [b"\r", b"8"]),
              ("two", [b"m", b"m", b" ", b"j ", b"D", b"D", b"8"])],
}


def keys_of(memtop):
    """All keys there are, by name."""
    names = []
    for line in subprocess.check_output([memtop, "keys"], text=True).splitlines():
        for name in line.split("=", 1)[1].split(" # ", 1)[0].split():
            if name not in names and name not in NEVER:
                names.append(name)
    return names


def bytes_of(name):
    if name in BYTES:
        return BYTES[name]
    if len(name) == 2 and name[0] == "^":
        return bytes([ord(name[1]) & 0x1f])
    return name.encode() if len(name) == 1 else None


class Viewer:
    def __init__(self, build, command, size, folder):
        self.path = os.path.join(folder, "stalls")
        with open(self.path, "wb") as f:
            f.write(bytes(16))
        self.fd = os.open(self.path, os.O_RDWR)
        self.map = mmap.mmap(self.fd, 16)
        self.pid, self.pty = pty.fork()
        if self.pid == 0:
            env = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8",
                       XDG_CONFIG_HOME="/dev/null", STALLS=self.path,
                       LD_PRELOAD=os.path.join(build, "bench/.libs/libstalls.so"))
            os.execve(command[0], command, env)
        fcntl.ioctl(self.pty, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.settle(3)

    def drain(self, seconds):
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return
            if select.select([self.pty], [], [], left)[0]:
                try:
                    os.read(self.pty, 1 << 20)
                except OSError:
                    sys.exit("keys.py: the viewer has ended")

    def settle(self, seconds):
        self.drain(seconds)
        self.map[0:16] = bytes(16)

    def press(self, key, pause=0.25):
        """The longest pauses until a while after the key, in ms."""
        self.map[0:16] = bytes(16)
        os.write(self.pty, key)
        self.drain(pause)
        return tuple(ns / 1e6 for ns in struct.unpack("QQ", self.map[0:16]))

    def close(self):
        os.close(self.pty)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


def measure(viewer, view, names):
    """(wall, cpu, what) of each key and of each sequence."""
    found = []
    tab = str(VIEWS.index(view) + 1).encode()
    found.append((*viewer.press(tab, 1.5), "to the view"))
    for name in names:
        key = bytes_of(name)
        if not key:
            sys.exit(f"keys.py: how is {name} typed?")
        found.append((*viewer.press(key), name))
        viewer.press(b"\x1b", 0.05)
        found.append((*viewer.press(tab, 0.1), f"back after {name}"))
    for what, keys in MORE.get(view, []):
        viewer.press(tab, 0.5)
        for i, key in enumerate(keys):
            found.append((*viewer.press(key, 0.6), f"{what}, {i + 1}"))
    return found


def start_crowd(options, folder):
    env = dict(os.environ, MEMTOP_DIR=folder,
               LD_PRELOAD=os.path.join(options.build, ".libs/libmemtop.so"))
    crowd = subprocess.Popen([os.path.join(options.build, "bench/crowd"), str(options.sites),
                              str(options.blocks)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, env=env)
    if crowd.stdout.readline() != b"ready\n":
        sys.exit("keys.py: crowd did not start")
    return crowd


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--sites", type=int, default=100000)
    parser.add_argument("--blocks", type=int, default=10000000)
    parser.add_argument("--size", default="60x200")
    parser.add_argument("--file", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    memtop = os.path.join(options.build, "memtop")
    size = tuple(int(n) for n in options.size.split("x"))
    folder = tempfile.mkdtemp(prefix="memtop-keys-", dir="/dev/shm")
    os.environ["MEMTOP_DIR"] = folder
    worst = 0
    crowd = viewer = None
    try:
        crowd = start_crowd(options, folder)
        command = [memtop, "attach", str(crowd.pid)]
        if options.file:
            file = os.path.join(folder, "snapshot")
            subprocess.check_call([memtop, "snapshot", "--blocks", "-o", file, str(crowd.pid)],
                                  stdout=subprocess.DEVNULL)
            command = [memtop, "view", file]
        viewer = Viewer(options.build, command, size, folder)
        print("| view | key | wall ms | processor ms |\n|---|---|---|---|")
        names = keys_of(memtop)
        for view in VIEWS:
            if options.only and options.only != view:
                continue
            found = sorted(measure(viewer, view, names), key=lambda f: f[1], reverse=True)
            worst = max(worst, found[0][1])
            for wall, cpu, what in found[:3]:
                print(f"| {view} | {what} | {wall:.0f} | {cpu:.0f} |", flush=True)
    finally:
        if viewer:
            viewer.close()
        if crowd:
            crowd.kill()
            crowd.wait()
        shutil.rmtree(folder)
    print(f"\nlongest: {worst:.0f} ms of a processor")
    sys.exit(worst > LIMIT_MS)


if __name__ == "__main__":
    main()
