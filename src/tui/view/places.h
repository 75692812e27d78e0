/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places: where in the source the frames of a call site's stack are. Frames count as
 * labels_stack has them, leaf first, inlined ones included. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_PLACES_H
#define MEMTOP_TUI_VIEW_PLACES_H

#include "tui/model/snapshot.h"
#include "tui/model/source_file.h"
#include "tui/model/symbols.h"

#define PLACES_NONE SIZE_MAX

/* How many frames there are. */
size_t places_count(struct symbols *sy, const struct snapshot *s, uint32_t site);

/* The frame that the site is called by, see labels_site. PLACES_NONE: there is none. */
size_t places_own(struct symbols *sy, const struct snapshot *s, uint32_t site);

/* The innermost frame of this function, demangled in full, of this module.
 * PLACES_NONE: there is none, or its name is not known yet. */
size_t places_of(struct symbols *sy, const struct snapshot *s, uint32_t site,
                 const char *function, const char *module);

/* The place of a frame, its strings borrowed. False: it is not known. */
bool places_get(struct symbols *sy, const struct snapshot *s, uint32_t site, size_t frame,
                struct source_place *out);

#endif
