/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings by jansson, numbers by printf. Called by the writers.
 */
#include "tui/export/json_text.h"

#include <jansson.h>
#include <stdlib.h>

#include "tui/report/safe_text.h"

int json_text(FILE *out, const char *text)
{
    char *clean = safe_text_utf8(text);
    json_t *piece = clean ? json_string_nocheck(clean) : NULL;
    char *coded = piece ? json_dumps(piece, JSON_ENCODE_ANY) : NULL;
    for (const char *p = coded; p && *p; p++)
        if (*p == '<')
            fputs("\\u003c", out);
        else
            fputc(*p, out);
    int status = coded ? 0 : -1;
    free(coded);
    json_decref(piece);
    free(clean);
    return status;
}
