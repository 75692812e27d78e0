/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 checked byte by byte, independent of the locale. Called by the reports
 * for every string of foreign origin. Never prints, any thread.
 */
#include "tui/report/safe_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The length of the well-formed character at p, 0 if there is none. Overlong
 * forms, surrogates and what lies beyond U+10FFFF are not well-formed. */
static size_t utf8_length(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    size_t n = p[0] >= 0xc2 && p[0] < 0xe0 ? 2
             : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
             : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return n;
}

char *safe_text_utf8(const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    const unsigned char *p = (const unsigned char *)text;
    char *out = malloc(strlen(text) * 3 + 1);
    if (!out)
        return NULL;
    char *q = out;
    while (*p) {
        size_t n = utf8_length(p);
        memcpy(q, n ? (const char *)p : replacement, n ? n : 3);
        q += n ? n : 3;
        p += n ? n : 1;
    }
    *q = '\0';
    return out;
}

/* C0, DEL and the C1 range, which some terminals obey. */
static bool is_control(const unsigned char *p, size_t n)
{
    return (n == 1 && (*p < 0x20 || *p == 0x7f)) ||
           (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

char *safe_text_line(char *out, size_t size, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t used = 0;
    while (*p) {
        size_t n = utf8_length(p);
        bool bad = n == 0 || is_control(p, n);
        if (used + (bad ? 1 : n) >= size)
            break;
        if (bad)
            out[used++] = '?';
        else
            for (size_t i = 0; i < n; i++)
                out[used++] = (char)p[i];
        p += n ? n : 1;
    }
    out[used] = '\0';
    return out;
}
