/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys: the table of keys.h made into an array, and names for keys.
 */
#include "tui/view/keys.h"

#include <stdio.h>
#include <string.h>

#include "tui/view/canvas.h"
#include "tui/view/keys_table.h"

static struct key_row rows[] = {
#define KEYS_ROW(id, places, a, b, c, word, text) \
    { .action = ACTION_##id, .where = (places), .keys = { (a), (b), (c) }, \
      .bar = (word), .help = (text) },
    KEYS(KEYS_ROW)
#undef KEYS_ROW
};

const struct key_row *keys_rows(size_t *n)
{
    *n = sizeof rows / sizeof *rows;
    return rows;
}

void keys_set(enum action action, const uint32_t keys[3])
{
    memcpy(rows[action - 1].keys, keys, sizeof rows[action - 1].keys);
}

enum action keys_action(uint32_t key, unsigned where)
{
    if (key == KEYCODE_NONE)
        return ACTION_NONE;
    if (key == '\n')
        key = KEYCODE_ENTER;
    if (where & WHERE_ELSE)
        where &= WHERE_ELSE;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; k < 3 && rows[i].where & where; k++)
            if (rows[i].keys[k] == key)
                return rows[i].action;
    return ACTION_NONE;
}

static const char *special_name(uint32_t key)
{
    static const char *const names[] = {
        [KEYCODE_UP - KEYCODE_SPECIAL] = "Up",
        [KEYCODE_DOWN - KEYCODE_SPECIAL] = "Down",
        [KEYCODE_LEFT - KEYCODE_SPECIAL] = "Left",
        [KEYCODE_RIGHT - KEYCODE_SPECIAL] = "Right",
        [KEYCODE_HOME - KEYCODE_SPECIAL] = "Home",
        [KEYCODE_END - KEYCODE_SPECIAL] = "End",
        [KEYCODE_PAGE_UP - KEYCODE_SPECIAL] = "PgUp",
        [KEYCODE_PAGE_DOWN - KEYCODE_SPECIAL] = "PgDn",
        [KEYCODE_INSERT - KEYCODE_SPECIAL] = "Ins",
        [KEYCODE_DELETE - KEYCODE_SPECIAL] = "Del",
        [KEYCODE_BACKTAB - KEYCODE_SPECIAL] = "S-Tab",
    };
    switch (key) {
    case KEYCODE_TAB: return "Tab";
    case KEYCODE_ENTER: return "Enter";
    case KEYCODE_ESCAPE: return "Esc";
    case KEYCODE_BACKSPACE: return "Bksp";
    case ' ': return "Space";
    default:
        return key >= KEYCODE_SPECIAL && key < KEYCODE_F0 ? names[key - KEYCODE_SPECIAL]
                                                          : NULL;
    }
}

char *keys_name(char *out, size_t n, uint32_t key)
{
    const char *special = special_name(key);
    char bytes[5] = { 0 };
    if (special)
        snprintf(out, n, "%s", special);
    else if (key >= KEYCODE_F0)
        snprintf(out, n, "F%u", key - KEYCODE_F0);
    else if (key < ' ')
        snprintf(out, n, "^%c", (int)(key + '@'));
    else {
        canvas_encode(bytes, key);
        snprintf(out, n, "%s", bytes);
    }
    return out;
}

char *keys_names(char *out, size_t n, const struct key_row *row)
{
    size_t used = 0;
    char name[16];
    out[0] = '\0';
    for (int k = 0; k < 3 && row->keys[k] && used < n; k++)
        used += (size_t)snprintf(out + used, n - used, "%s%s", k ? " " : "",
                                 keys_name(name, sizeof name, row->keys[k]));
    return out;
}
