/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What DWARF knows of an address: the function, the functions inlined there,
 * and the source line of each. One thread at a time per object.
 */
#ifndef MEMTOP_TUI_MODEL_INLINES_H
#define MEMTOP_TUI_MODEL_INLINES_H

#include <elfutils/libdw.h>

#include "tui/model/symbolize.h"

struct inlines;

/* dw: borrowed, outlives the object. NULL without memory. */
struct inlines *inlines_new(Dwarf *dw);
void inlines_free(struct inlines *in);

/* Add the frames of `address` to the empty *out. `symbol`: the linker name of
 * the function there, used where DWARF has none; may be NULL. False: nothing
 * known, *out is still empty. */
bool inlines_find(struct inlines *in, Dwarf_Addr address, const char *symbol,
                  struct frames *out);

#endif
