/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings from a segment, made fit for a terminal; see copy.h. A target's
 * arguments must not be able to move the viewer's cursor.
 */
#include <string.h>

#include "tui/reader/copy.h"

/* Decode one UTF-8 character. Returns its bytes, 0 if it is not valid. */
static size_t decode(const unsigned char *p, size_t n, uint32_t *out)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3
                    : p[0] < 0xf8 ? 4 : 0;
    if (length == 0 || length > n)
        return 0;
    uint32_t c = length == 1 ? p[0] : p[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    *out = c;
    return c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : length;
}

/* Controls, and marks that turn the direction of writing. */
static bool is_harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

size_t text_copy(char *to, size_t size, const char *from, size_t n)
{
    size_t at = 0;
    n = strnlen(from, n);
    while (n > 0) {
        uint32_t c;
        size_t length = decode((const unsigned char *)from, n, &c);
        bool keep = length && !is_harmful(c);
        size_t step = length ? length : 1, written = keep ? length : 1;
        if (at + written >= size)
            break;
        if (keep)
            memcpy(to + at, from, length);
        else
            to[at] = '?';
        at += written;
        from += step;
        n -= step;
    }
    to[at] = '\0';
    return at;
}

size_t text_copy_command(char *to, size_t size, const char *from, size_t n)
{
    size_t at = 0;
    to[0] = '\0';
    while (n > 0) {
        size_t length = strnlen(from, n);
        at += text_copy(to + at, size - at, from, length);
        size_t step = length < n ? length + 1 : length;
        from += step;
        n -= step;
        if (n == 0 || at + 2 >= size)
            break;
        to[at++] = ' ';
        to[at] = '\0';
    }
    return at;
}
