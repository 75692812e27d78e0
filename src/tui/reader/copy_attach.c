/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the header says of an attach and of a detach; see copy.h.
 */
#include "tui/reader/copy.h"

/* A forked child was there from its start on: what it does not know, it inherited. */
struct attach_info copy_attach(const struct seg_header *h)
{
    if (!(h->flags & SEG_FLAG_ATTACHED) || (h->flags & SEG_FLAG_FORKED))
        return (struct attach_info){ .late = false };
    struct attach_info a = {
        .late = true,
        .before = h->before <= SEG_BEFORE_TCMALLOC ? (enum seg_before)h->before
                                                   : SEG_BEFORE_UNKNOWN,
        .modules = h->front_modules,
        .slots = h->front_slots,
        .skipped = h->front_skipped,
    };
    a.before_bytes = a.before == SEG_BEFORE_UNKNOWN ? 0 : h->before_bytes;
    return a;
}

enum target_state copy_end(const struct seg_header *h)
{
    return h->flags & SEG_FLAG_DETACHED ? TARGET_DETACHED : TARGET_EXITED;
}
