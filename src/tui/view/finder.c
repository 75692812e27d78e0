/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searching and filtering, what views have in common.
 */
#include "tui/view/finder.h"

#include <stdio.h>

#include "tui/view/format.h"

void finder_init(struct finder *f)
{
    pattern_init(&f->search, "");
}

void finder_fini(struct finder *f)
{
    pattern_fini(&f->search);
}

void finder_ask_search(struct finder *f)
{
    f->question = FINDER_SEARCH;
    prompt_ask(&f->prompt, "Search: ", "");
    f->prompt.hint = "part of a name, /regex/, function: module: file:";
}

void finder_ask_filter(struct finder *f, const char *now, const char *hint)
{
    f->question = FINDER_FILTER;
    prompt_ask(&f->prompt, "Filter: ", now);
    f->prompt.hint = hint;
}

enum finder_question finder_key(struct finder *f, uint32_t key)
{
    if (prompt_key(&f->prompt, key) != PROMPT_DONE)
        return FINDER_NONE;
    if (f->question == FINDER_SEARCH) {
        pattern_fini(&f->search);
        pattern_init(&f->search, f->prompt.text);
    }
    return f->question;
}

bool finder_searches(struct finder *f)
{
    if (!f->search.places)
        snprintf(f->message, sizeof f->message, "nothing is searched for: / asks");
    return f->search.places != 0;
}

void finder_wrapped(struct finder *f)
{
    snprintf(f->message, sizeof f->message, "searched on from the other end");
}

void finder_not_found(struct finder *f)
{
    if (f->search.error[0])
        snprintf(f->message, sizeof f->message, "%.30s: %.40s", f->search.text, f->search.error);
    else
        snprintf(f->message, sizeof f->message, "not found: %.60s", f->search.text);
}

size_t finder_describe(char *out, size_t n, const char *filter, int64_t bytes, int64_t all_bytes,
                       int64_t blocks)
{
    char size[24], count[16], share[16];
    return (size_t)snprintf(out, n, "\"%.40s\": %s (%s) in %s block%s, ", filter,
                            format_bytes(size, sizeof size, bytes),
                            format_percent(share, sizeof share, bytes, all_bytes),
                            format_count(count, sizeof count, blocks), format_s(blocks));
}
