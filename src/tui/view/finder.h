/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching and filtering as views of frames have them: the line that asks, what is
 * searched for, and what the status line says of it. The views know what matches, and
 * where. Called by the call tree and the view of call sites. One thread.
 */
#ifndef MEMTOP_TUI_VIEW_FINDER_H
#define MEMTOP_TUI_VIEW_FINDER_H

#include "tui/model/pattern.h"
#include "tui/view/prompt.h"

enum finder_question { FINDER_NONE, FINDER_SEARCH, FINDER_FILTER };

struct finder {
    struct prompt prompt;
    enum finder_question question;
    struct pattern search;
    char message[80];             /* for the status line, until the next key */
};

/* Of an empty one, all zeros. */
void finder_init(struct finder *f);
void finder_fini(struct finder *f);

/* Ask for either; the hint is static. */
void finder_ask_search(struct finder *f);
void finder_ask_filter(struct finder *f, const char *now, const char *hint);

/* Take a key that is typed. Returns what was answered: FINDER_SEARCH, and `search` is
 * that; FINDER_FILTER, and the prompt's text is that; else FINDER_NONE. */
enum finder_question finder_key(struct finder *f, uint32_t key);

/* Whether something is searched for; else the message says that nothing is. */
bool finder_searches(struct finder *f);

/* What came of it, as a message. */
void finder_wrapped(struct finder *f);
void finder_not_found(struct finder *f);

/* What passes a filter, of all: for the status line. Returns bytes, as snprintf does. */
size_t finder_describe(char *out, size_t n, const char *filter, int64_t bytes, int64_t all_bytes,
                       int64_t blocks);

#endif
