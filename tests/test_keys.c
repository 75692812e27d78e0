/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: none means two things in one place, each has help, names are right. */
#include "tests/tap.h"

#include "tui/view/keys.h"

static bool clash(const struct key_row *a, const struct key_row *b)
{
    for (int i = 0; i < 3 && a->where & b->where; i++)
        for (int k = 0; k < 3 && a->keys[i]; k++)
            if (a->keys[i] == b->keys[k])
                return true;
    return false;
}

/* Keys of two rows may be the same only where no place has both. A view's
 * places always go with WHERE_TARGET, so rows for all targets count there. */
static void test_unique(void)
{
    size_t n;
    const struct key_row *rows = keys_rows(&n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++) {
            struct key_row a = rows[i], b = rows[k];
            unsigned views = WHERE_LIST | WHERE_GRAPHS | WHERE_OUTPUT | WHERE_SITES |
                             WHERE_MARKS | WHERE_BLOCKS | WHERE_TREE;
            if ((a.where & WHERE_TARGET && b.where & views) ||
                (b.where & WHERE_TARGET && a.where & views))
                a.where |= b.where |= views;
            if (clash(&a, &b))
                tap_ok(false, "rows %zu and %zu share a key", i, k);
        }
    tap_ok(n == ACTION_COUNT - 1, "one row for each action");
}

static void test_rows(void)
{
    size_t n;
    const struct key_row *rows = keys_rows(&n);
    bool complete = true, order = true;
    for (size_t i = 0; i < n; i++) {
        complete = complete && rows[i].keys[0] && rows[i].help && *rows[i].help && rows[i].where;
        order = order && rows[i].action == (enum action)(i + 1);
    }
    tap_ok(complete, "each row has a key, a place and help");
    tap_ok(order, "actions are in the table's order");
}

static void test_actions(void)
{
    unsigned list = WHERE_TARGET | WHERE_LIST;
    tap_ok(keys_action('q', list) == ACTION_QUIT, "q leaves");
    tap_ok(keys_action(KEYCODE_F10, WHERE_PICKER) == ACTION_QUIT, "so does F10");
    tap_ok(keys_action('?', WHERE_PICKER) == ACTION_HELP, "? helps");
    tap_ok(keys_action('\n', WHERE_PICKER) == ACTION_OPEN, "a line feed is Enter");
    tap_ok(keys_action('j', list) == ACTION_DOWN, "j goes down in a list");
    tap_ok(keys_action('I', WHERE_TARGET | WHERE_OUTPUT) == ACTION_NONE,
           "the output has nothing to reverse");
    tap_ok(keys_action('q', WHERE_TARGET | WHERE_OUTPUT | WHERE_TYPING) == ACTION_NONE,
           "while typing q belongs to the program");
    tap_ok(keys_action(KEY_CONTROL('z'), WHERE_TYPING) == ACTION_NONE, "and ^Z, and");
    tap_ok(keys_action(KEY_CONTROL('c'), WHERE_TYPING) == ACTION_NONE, "^C too");
    tap_ok(keys_action(KEY_CONTROL(']'), WHERE_TYPING) == ACTION_LEAVE, "^] leaves typing");
    tap_ok(keys_action(KEYCODE_NONE, list) == ACTION_NONE, "no key, no action");
}

static void test_names(void)
{
    char name[48];
    size_t n;
    tap_is_str(keys_name(name, sizeof name, 'q'), "q", "a letter");
    tap_is_str(keys_name(name, sizeof name, KEY_CONTROL('L')), "^L", "a control character");
    tap_is_str(keys_name(name, sizeof name, KEYCODE_F10), "F10", "a function key");
    tap_is_str(keys_name(name, sizeof name, KEYCODE_PAGE_UP), "PgUp", "a named key");
    tap_is_str(keys_name(name, sizeof name, KEYCODE_BACKTAB), "S-Tab", "the last named key");
    tap_is_str(keys_name(name, sizeof name, KEYCODE_ENTER), "Enter", "Enter is not ^M");
    tap_is_str(keys_names(name, sizeof name, keys_rows(&n)), "F1 ? h", "all keys of a row");
}

int main(void)
{
    test_unique();
    test_rows();
    test_actions();
    test_names();
    return tap_done();
}
