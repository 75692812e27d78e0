/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: none means two things in one place, each has help, names are right. */
#include <stdio.h>

#include "tests/tap.h"

#include "tui/view/keys.h"

static void test_unique(void)
{
    const struct key_row *one, *other;
    size_t n;
    keys_rows(&n);
    keys_clash(&one, &other);
    tap_ok(!one, "no key means two things in one place");
    if (one)
        tap_ok(false, "%s and %s share a key", one->help, other->help);
    tap_ok(n == ACTION_COUNT - 1, "one row for each action");
}

static const char path[] = "test_keys.tmp";

static bool load(const char *text, char error[160])
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
    error[0] = '\0';
    bool loaded = keys_load(path, error, 160);
    remove(path);
    return loaded;
}

static void test_read_back(void)
{
    size_t n;
    const struct key_row *rows = keys_rows(&n);
    char name[16], action[48];
    bool back = true;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < 3 && rows[i].keys[k]; k++)
            back = back && keys_parse(keys_name(name, sizeof name, rows[i].keys[k])) ==
                               rows[i].keys[k];
    tap_ok(back, "each key's name is read back as it");
    tap_ok(keys_parse("F12") == KEYCODE_F12 && keys_parse("^X") == KEY_CONTROL('x') &&
               keys_parse("\u00e4") == 0xe4, "F12, ^X, a letter beyond ASCII");
    tap_ok(!keys_parse("F13") && !keys_parse("") && !keys_parse("ab"), "these are none");
    tap_is_str(keys_action_name(action, sizeof action, ACTION_TREE_OPEN), "tree-open",
               "an action's name");
}

static void test_file(void)
{
    char error[160];
    unsigned list = WHERE_TARGET | WHERE_LIST;
    tap_ok(keys_load("no such file", error, sizeof error), "no file changes nothing");
    tap_ok(!load("mark = x y\nfrobnicate = z\n", error), "an unknown action");
    tap_is_str(error, "test_keys.tmp:2: no such action: frobnicate (memtop keys prints them all)",
               "is named");
    tap_ok(keys_action('m', list) == ACTION_MARK, "and nothing of the file holds");
    tap_ok(!load("mark = hello", error), "an unknown key");
    tap_is_str(error, "test_keys.tmp:1: no such key: hello", "is named");
    tap_ok(!load("mark =", error) && !load("mark", error) && !load("mark = a b c d", error),
           "too few keys, no keys, too many");
    tap_ok(!load("mark = q", error), "a key that has a meaning there");
    tap_is_str(error, "test_keys.tmp: the key q is both quit and mark", "both are named");
    tap_ok(keys_action('q', list) == ACTION_QUIT, "which stays");
    tap_ok(load("# swapped\nmark = p F7 # this\n\npause = m\n", error), "two that change places");
    tap_ok(keys_action('p', list) == ACTION_MARK && keys_action('m', list) == ACTION_PAUSE &&
               keys_action(KEYCODE_F0 + 7, list) == ACTION_MARK &&
               keys_action('Z', list) == ACTION_NONE, "do so");
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
    test_read_back();
    test_rows();
    test_actions();
    test_names();
    test_file();
    return tap_done();
}
