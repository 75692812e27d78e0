#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the stacks of an export add up to, read without any of our own code.

    export_sums.py FORMAT FILE     prints "NAME SUM" for each value it holds

Whatever contradicts the format ends in an exception.
"""
import gzip
import json
import re
import sys


def folded(path):
    total = 0
    for line in open(path, encoding="utf-8"):
        stack, _, value = line.rstrip("\n").rpartition(" ")
        assert stack and value.isdigit() and not stack.startswith(";"), line
        total += int(value)
    return {"value": total}


def flamegraph(path):
    page = open(path, encoding="utf-8").read()
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert "<" not in text and len(re.findall("<script", page)) == 2
    data = json.loads(text)
    nodes = list(zip(data["nodes"][::2], data["nodes"][1::2]))
    for i, (parent, frame) in enumerate(nodes):
        assert parent <= i and frame < len(data["frames"]), (i, parent, frame)
    assert len(set(nodes)) == len(nodes)
    assert all(t < len(data["texts"]) for f in data["frames"] for t in f)
    assert all(0 < row[0] <= len(nodes) for row in data["own"])
    names = [name for name, _ in data["values"]]
    if data["against"]:
        names += ["old_" + name for name in names]
    assert all(len(row) == 1 + len(names) for row in data["own"])
    return {name: sum(row[1 + i] for row in data["own"]) for i, name in enumerate(names)}


def varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return n, at


def message(data):
    """{field: [number or bytes, ..]} of a protocol buffer."""
    fields, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            assert at + value <= len(data)
            value, at = data[at:at + value], at + value
        else:
            assert tag & 7 == 0
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def numbers(packed):
    result, at = [], 0
    while at < len(packed):
        n, at = varint(packed, at)
        result.append(n)
    return result


def pprof(path):
    """As strict as Parca: ids count from 1, no reference leads nowhere."""
    profile = message(gzip.open(path).read())
    strings = [s.decode("utf-8") for s in profile[6]]
    assert strings[0] == "" and len(set(strings)) == len(strings)
    mappings, locations, functions = (
        [message(m) for m in profile.get(field, [])] for field in (3, 4, 5))
    for kind in mappings, locations, functions:
        assert [m[1][0] for m in kind] == list(range(1, len(kind) + 1))
    for f in functions:
        assert all(f.get(field, [0])[0] < len(strings) for field in (2, 3, 4))
    for location in locations:
        assert location.get(2, [0])[0] <= len(mappings)
        for line in map(message, location[4]):
            assert 1 <= line[1][0] <= len(functions)
    kinds = [message(t) for t in profile[1]]
    names = [strings[t[1][0]] + "/" + strings[t[2][0]] for t in kinds]
    assert strings[profile[14][0]] in [name.split("/")[0] for name in names]
    totals = [0] * len(names)
    for sample in map(message, profile[2]):
        values = numbers(sample[2][0])
        assert len(values) == len(names) and numbers(sample[1][0])
        assert all(1 <= i <= len(locations) for i in numbers(sample[1][0]))
        totals = [a + b for a, b in zip(totals, values)]
    return {"default": strings[profile[14][0]], **dict(zip(names, totals))}


def speedscope(path):
    data = json.load(open(path, encoding="utf-8"))
    assert data["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    frames, (profile,) = data["shared"]["frames"], data["profiles"]
    assert all(isinstance(f["name"], str) and set(f) <= {"name", "file"} for f in frames)
    assert profile["type"] == "sampled" and profile["unit"] in ("bytes", "none")
    assert isinstance(profile["name"], str) and profile["startValue"] == 0
    assert len(profile["samples"]) == len(profile["weights"])
    assert all(s and all(0 <= i < len(frames) for i in s) for s in profile["samples"])
    assert profile["endValue"] == sum(profile["weights"])
    assert data["activeProfileIndex"] == 0 and set(data) == {
        "$schema", "exporter", "name", "activeProfileIndex", "profiles", "shared"}
    return {"value": sum(profile["weights"])}


def csv(path):
    import csv as reader
    rows = list(reader.DictReader(open(path, encoding="utf-8", newline=""), strict=True))
    assert all(None not in row and None not in row.values() for row in rows)
    assert all(row["stack"].split(";")[-1] == row["function"].replace(";", ":") for row in rows)
    assert len({row["site"] for row in rows}) == len(rows)
    texts = {"site", "first_s", "estimated", "function", "module", "file", "line", "stack"}
    return {name: sum(int(row[name]) for row in rows) for name in rows[0] if name not in texts}


def metrics(path, ends):
    text = open(path, encoding="utf-8").read()
    lines = text.splitlines()
    assert text.endswith("\n") and (lines[-1] == "# EOF") == ends
    declared, totals = {}, {}
    for line in lines[:-1] if ends else lines:
        if line.startswith("# "):
            _, kind, name, rest = line.split(" ", 3)
            declared.setdefault(name, {})[kind] = rest
            continue
        name, labels, value = re.fullmatch(
            r'([a-z_]+)\{((?:[a-z]+="[^"\\\n]*",?)+)\} (-?[0-9.]+)', line).groups()
        family = re.sub("_total$", "", name) if ends else name
        counter = declared[family]["TYPE"] == "counter"
        assert "HELP" in declared[family] and counter == name.endswith("_total")
        assert family.endswith("_" + declared[family].get("UNIT", family.split("_")[-1]))
        totals[name] = totals.get(name, 0) + float(value)
    assert all(name in totals or name + "_total" in totals for name in declared)
    return {name: int(value) for name, value in totals.items()}


def openmetrics(path):
    return metrics(path, True)


def prometheus(path):
    return metrics(path, False)


def massif(path):
    lines = open(path, encoding="utf-8").read().splitlines()
    head = [line.split(": ")[0] for line in lines[:3]]
    assert head == ["desc", "cmd", "time_unit"]
    snapshots, at = [], 3
    row = re.compile(r"( *)n(\d+): (\d+) (.*)")

    def tree(depth):
        nonlocal at
        indent, children, size, rest = row.fullmatch(lines[at]).groups()
        assert len(indent) == depth, lines[at]
        at += 1
        if "below massif's threshold" not in rest and depth:
            assert re.match(r"0x[0-9A-F]+: .+ \(.+\)$", rest), rest
        parts = [tree(depth + 1) for _ in range(int(children))]
        assert sum(parts) <= int(size) and (depth or not parts or sum(parts) == int(size))
        return int(size)

    while at < len(lines):
        assert lines[at] == lines[at + 2] == "#-----------"
        assert lines[at + 1] == f"snapshot={len(snapshots)}"
        fields = dict(line.split("=") for line in lines[at + 3:at + 8])
        assert list(fields) == ["time", "mem_heap_B", "mem_heap_extra_B", "mem_stacks_B",
                                "heap_tree"]
        at += 8
        if fields["heap_tree"] != "empty":
            assert tree(0) == int(fields["mem_heap_B"])
        assert not snapshots or int(snapshots[-1]["time"]) <= int(fields["time"])
        snapshots.append(fields)
    (peak,) = [s for s in snapshots if s["heap_tree"] == "peak"]
    assert snapshots[-1]["heap_tree"] == "detailed"
    return {"peak": peak["mem_heap_B"], "end": snapshots[-1]["mem_heap_B"],
            "snapshots": len(snapshots)}


def dhat(path):
    data = json.load(open(path, encoding="utf-8"))
    for key in ("mode", "verb", "bklt", "bkacc", "tu", "Mtu", "tuth", "cmd", "pid", "te", "tg"):
        assert key in data, key
    assert data["dhatFileVersion"] == 2 and data["ftbl"][0] == "[root]"
    assert data["tg"] <= data["te"]
    points = data["pps"]
    for p in points:
        assert set(p) == {"tb", "tbk", "mb", "mbk", "gb", "gbk", "eb", "ebk", "fs"}
        assert p["fs"] and all(0 < i < len(data["ftbl"]) for i in p["fs"])
        assert p["mb"] >= max(p["gb"], p["eb"]) and p["mb"] <= p["tb"]
    assert len({tuple(p["fs"]) for p in points}) == len(points)
    return {key: sum(p[key] for p in points) for key in ("tb", "tbk", "gb", "gbk", "eb", "ebk")}


def heaptrack(path):
    """Played back as heaptrack's readers do it, numbers being references to lines above."""
    sums = dict.fromkeys(("live", "peak", "allocations", "temporary"), 0)
    lines = gzip.open(path).read().split(b"\n")
    assert lines[0] == b"v 10400 3" and lines[1].startswith(b"X ") and lines.pop() == b""
    strings, places, traces, sizes, last, time = 0, 0, 0, [], 0, 0
    for line in lines[2:]:
        kind, rest = line[:1], line[2:]
        if kind == b"s":
            length, text = rest.split(b" ", 1)
            assert int(length, 16) == len(text) and text.decode("utf-8")
            strings += 1
            continue
        numbers = [int(n, 16) for n in rest.split()]
        if kind == b"i":
            assert len(numbers) % 3 == 2 and numbers[1] <= strings
            assert all(n <= strings for i, n in enumerate(numbers[2:]) if i % 3 < 2)
            places += 1
        elif kind == b"t":
            assert 1 <= numbers[0] <= places and numbers[1] <= traces
            traces += 1
        elif kind == b"a":
            assert 1 <= numbers[1] <= traces
            sizes.append(numbers[0])
        elif kind == b"+":
            last = numbers[0]
            sums["allocations"] += 1
            sums["live"] += sizes[last]
            sums["peak"] = max(sums["peak"], sums["live"])
        elif kind == b"-":
            sums["temporary"] += numbers[0] == last
            sums["live"] -= sizes[numbers[0]]
            last = 0
        elif kind == b"c":
            assert numbers[0] >= time
            time = numbers[0]
        else:
            assert kind in (b"I", b"R"), line
    return sums


FORMATS = {f.__name__: f for f in (folded, flamegraph, pprof, speedscope, csv, openmetrics,
                                   prometheus, massif, dhat, heaptrack)}

if __name__ == "__main__":
    for name, total in FORMATS[sys.argv[1]](sys.argv[2]).items():
        print(name, total)
