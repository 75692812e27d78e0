#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the stacks of an export add up to, read without any of our own code.

    export_sums.py FORMAT FILE     prints "NAME SUM" for each value it holds
"""
import sys


def folded(path):
    total = 0
    for line in open(path, encoding="utf-8"):
        stack, _, value = line.rstrip("\n").rpartition(" ")
        assert stack and value.isdigit() and not stack.startswith(";"), line
        total += int(value)
    return {"value": total}


FORMATS = {f.__name__: f for f in (folded,)}

if __name__ == "__main__":
    for name, total in FORMATS[sys.argv[1]](sys.argv[2]).items():
        print(name, total)
