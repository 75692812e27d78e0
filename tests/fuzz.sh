#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The corpora of the fuzz targets, and mutations of them. A crash has a status of
# its own; what the sanitizers find has one as well.
. "${srcdir:-$(dirname "$0")/..}/tests/lib.sh"

for target in archive maps mark perfmap rules segment; do
    [ -x "$builddir/tests/fuzz/fuzz_$target" ] ||
        { skip "$target: not on this machine"; continue; }
    run "$target: the corpus and 1500 mutations of each of its files" \
        "$builddir/tests/fuzz/fuzz_$target" 1500 "$srcdir/tests/fuzz/corpus/$target"/*
done

done_testing
