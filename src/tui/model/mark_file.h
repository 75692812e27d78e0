/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks in files: JSON of the schema "memtop-mark/1", see docs/json.md. Reading
 * and writing may take seconds and touch nothing but what they are given, so
 * that they can be left to another thread; the other functions are for the
 * thread that has the marks. A file may say what it likes: its size, its
 * shape and what it makes us keep are bounded.
 */
#ifndef MEMTOP_TUI_MODEL_MARK_FILE_H
#define MEMTOP_TUI_MODEL_MARK_FILE_H

#include "tui/model/mark.h"

#define MARK_FILE_BYTES (UINT64_C(64) << 20) /* longest file that is read */
#define MARK_FILE_ERROR 160

struct mark_file_site {
    char *stack; /* lines, leaf first; see stack_book.h */
    struct mark_figures figures;
};

struct mark_file {
    struct mark head; /* without sites and keys */
    struct mark_file_site *sites;
    size_t n_sites;
    bool owned;       /* stacks are its own, not a book's */
};

/* What is to be written of a mark with figures: `book` must know its sites. The
 * book must live as long as *out. Sites that never allocated are left out. False
 * without memory. */
bool mark_file_prepare(const struct mark *m, const struct stack_book *book,
                       const char *command, struct mark_file *out);

/* Write a new file. False with a sentence in error: there is one, ... */
bool mark_file_write(const struct mark_file *f, const char *path,
                     char error[MARK_FILE_ERROR]);

/* Read one. False with a sentence in error. */
bool mark_file_read(const char *path, struct mark_file *out, char error[MARK_FILE_ERROR]);

/* The mark that a file holds. NULL without memory. */
struct mark *mark_of_file(const struct mark_file *f, struct stack_book *book);

void mark_file_fini(struct mark_file *f);

#endif
