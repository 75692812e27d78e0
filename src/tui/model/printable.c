/* SPDX-License-Identifier: Apache-2.0 */
/* Text made fit for terminals. Called with names out of ELF files, perf maps
 * and segments, which a hostile target may have written. Never fails and
 * never writes beyond the room it is given. Any thread. */
#include "tui/model/printable.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 character at `s`, 0 if there is none that may be shown.
 * C1 controls count as none: some terminals obey them. */
static size_t character(const unsigned char *s, size_t n)
{
    static const unsigned lowest[] = {0, 0, 0xa0, 0x800, 0x10000};
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > n)
        return 0;
    unsigned code = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    if (code < lowest[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    return len;
}

void printable_copy(char *to, size_t room, const char *text, size_t n)
{
    size_t used = 0, safe = 0; /* safe: where "..." still fits */
    for (size_t i = 0; i < n && text[i];) {
        size_t len = character((const unsigned char *)text + i, n - i);
        size_t out = len ? len : 1;
        if (used + out > room - 1) {
            memcpy(to + safe, "...", 3);
            used = safe + 3;
            break;
        }
        if (len)
            memcpy(to + used, text + i, len);
        else
            to[used] = '?';
        used += out;
        i += out;
        if (used + 3 <= room - 1)
            safe = used;
    }
    to[used] = '\0';
}

char *printable_dup(const char *text, size_t n, size_t max)
{
    n = strnlen(text, n);
    size_t room = (n < max ? n : max) + 1;
    if (room < 4)
        room = 4;
    char *copy = malloc(room);
    if (copy)
        printable_copy(copy, room, text, n);
    return copy;
}
