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
    return {name: sum(row[1 + i] for row in data["own"])
            for i, (name, _) in enumerate(data["values"])}


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


FORMATS = {f.__name__: f for f in (folded, flamegraph, pprof)}

if __name__ == "__main__":
    for name, total in FORMATS[sys.argv[1]](sys.argv[2]).items():
        print(name, total)
