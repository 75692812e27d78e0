# SPDX-License-Identifier: Apache-2.0
"""A program to watch: indexes words, forgets the index, begins again.

    PYTHONMALLOC=malloc memtop run -- python3 examples/words.py [SECONDS]

The heap grows while documents are read into the index, holds while it is
queried, and falls when the index is dropped: a saw-tooth in the viewer.
"""
import os
import random
import sys
import time

LETTERS = "etaoinshrdlucmfwyp"


def word(rng):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(2, 9)))


def read_document(rng, vocabulary):
    return " ".join(rng.choice(vocabulary) for _ in range(200))


def index_document(index, number, text):
    for position, item in enumerate(text.split()):
        index.setdefault(item, []).append((number, position))


def query(index, rng, vocabulary):
    documents = [{n for n, _ in index.get(rng.choice(vocabulary), ())} for _ in range(3)]
    return len(set.intersection(*documents))


def main():
    deadline = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else 10)
    rng = random.Random(1)
    vocabulary = [word(rng) for _ in range(5000)]
    rounds = found = 0
    while time.monotonic() < deadline:
        index = {}
        for number in range(4000):
            index_document(index, number, read_document(rng, vocabulary))
        for _ in range(200):
            found += query(index, rng, vocabulary)
        rounds += 1
    print(f"{rounds} indexes built, {found} documents found", flush=True)
    os._exit(0)  # not tidied up: the last index is in the report of the end


if __name__ == "__main__":
    main()
