/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzz target: one file tests/fuzz/fuzz_NAME.c that defines these two, and a
 * folder tests/fuzz/corpus/NAME. With replay.c it is a test, which runs the corpus
 * and mutations of it; with libFuzzer it searches on:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc -I. \
 *         tests/fuzz/fuzz_archive.c src/tui/file/[a-z]*.c src/tui/model/[a-z]*.c \
 *         -lzstd -lz -ldw -lelf -ljansson -liberty -o fuzz_archive
 *     ./fuzz_archive tests/fuzz/corpus/archive
 */
#ifndef MEMTOP_TESTS_FUZZ_FUZZ_H
#define MEMTOP_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Feed the bytes to what is tested, which must neither crash nor run on. 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Write an input for the corpus, made of a real file, to stdout. 0, or 1. */
int fuzz_make_seed(const char *path);

#endif
