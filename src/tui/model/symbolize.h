/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One module's file, asked for names through elfutils. Addresses are the
 * file's own: what is mapped at A is asked for as A - bias. Used by the
 * symbols' worker; one thread at a time per object.
 *
 * Two questions, since their costs differ by orders of magnitude:
 * symbolize_name reads the symbol table, symbolize_full the DWARF.
 */
#ifndef MEMTOP_TUI_MODEL_SYMBOLIZE_H
#define MEMTOP_TUI_MODEL_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMES_MAX 64 /* functions inlined into each other at one address */

struct frame {
    char *function; /* as shown; owned */
    char *raw;      /* the linker's name where that is another; owned, NULL unknown */
    char *file;     /* owned, NULL unknown */
    unsigned line;
};

/* The caller's storage, all zeros before use; at[0] is the innermost. */
struct frames {
    size_t n;
    char *directory; /* where the unit was compiled; owned, NULL unknown */
    struct frame at[FRAMES_MAX];
};

/* Add a frame; takes over the strings, which may be NULL: a frame without a
 * function is not added. */
void frames_add(struct frames *frames, char *function, char *file, unsigned line);
/* Tell the linker's name of the frame that was added last; copied, NULL is fine. */
void frames_set_raw(struct frames *frames, const char *raw);
void frames_clear(struct frames *frames);

struct symbolize;

/* fd: the module's ELF file, taken over. path: the module's own, to find its
 * debug file beside it; pid: the living target or 0. NULL: no use. */
struct symbolize *symbolize_open(int fd, const char *path, int pid);
void symbolize_close(struct symbolize *m); /* NULL is fine */

/* The function at `address` from the symbol tables into the empty *out. False
 * if there is none, and then *out is still empty. */
bool symbolize_name(struct symbolize *m, uint64_t address, struct frames *out);

/* The function, what was inlined there, and source lines. False as above. */
bool symbolize_full(struct symbolize *m, uint64_t address, struct frames *out);

#endif
