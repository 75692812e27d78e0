/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys: one table says which key does what, where, and what the help screen
 * and the key bar say about it. The screen yields the codes, the event loop
 * turns them into actions, views get actions only. Pure; any thread.
 */
#ifndef MEMTOP_TUI_VIEW_KEYS_H
#define MEMTOP_TUI_VIEW_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key is a code point, a control character, or one of these. */
enum key_code {
    KEYCODE_NONE = 0,
    KEYCODE_TAB = 9,
    KEYCODE_ENTER = 13,
    KEYCODE_ESCAPE = 27,
    KEYCODE_BACKSPACE = 127,
    KEYCODE_SPECIAL = 0x110000, /* above all code points */
    KEYCODE_UP = KEYCODE_SPECIAL,
    KEYCODE_DOWN,
    KEYCODE_LEFT,
    KEYCODE_RIGHT,
    KEYCODE_HOME,
    KEYCODE_END,
    KEYCODE_PAGE_UP,
    KEYCODE_PAGE_DOWN,
    KEYCODE_INSERT,
    KEYCODE_DELETE,
    KEYCODE_BACKTAB,
    KEYCODE_F0,
    KEYCODE_F1,
    KEYCODE_F2,
    KEYCODE_F3,
    KEYCODE_F4,
    KEYCODE_F5,
    KEYCODE_F6,
    KEYCODE_F10 = KEYCODE_F0 + 10,
    KEYCODE_F12 = KEYCODE_F0 + 12,
};
#define KEY_CONTROL(letter) ((letter) & 0x1f)

/* Where a key is valid. */
enum key_where {
    WHERE_TARGET = 1 << 0, /* in all views of a target */
    WHERE_PICKER = 1 << 1,
    WHERE_LIST   = 1 << 2, /* views that are tables */
    WHERE_GRAPHS = 1 << 3, /* the overview */
    WHERE_OUTPUT = 1 << 4, /* the program's output */
    WHERE_HELP   = 1 << 5,
    WHERE_TYPING = 1 << 6, /* the keys go to the program */
    WHERE_SITES  = 1 << 7, /* where rows are call sites */
    WHERE_MARKS  = 1 << 8, /* the view of marks */
    WHERE_BLOCKS = 1 << 9, /* the view of blocks */
    WHERE_TREE   = 1 << 10, /* the call tree */
    WHERE_TIME   = 1 << 11, /* the timeline */
    WHERE_FOUND  = 1 << 12, /* rows of frames, which are searched and filtered */
    WHERE_SIZES  = 1 << 16, /* the view of sizes and ages */
    WHERE_THREADS = 1 << 17, /* the view of threads */
    WHERE_FILE   = 1 << 18, /* in all views of a recording */
    WHERE_SORTED = 1 << 19, /* tables that can be sorted by their columns */
    WHERE_PROMPT = 1 << 22, /* a line is being typed: no key does anything else */
    WHERE_MENU   = 1 << 23, /* something is chosen from a menu, likewise */
    WHERE_DIALOG = 1 << 24, /* a question is answered, likewise */
    WHERE_ELSE   = WHERE_TYPING | WHERE_PROMPT | WHERE_MENU | WHERE_DIALOG,
    WHERE_UNITS  = WHERE_GRAPHS | WHERE_SIZES,
    WHERE_CHOICE = WHERE_SIZES | WHERE_THREADS,
    WHERE_ZOOM   = WHERE_GRAPHS | WHERE_TIME,
    WHERE_SHOWS  = 1 << 20, /* views whose figures can be written to a file */
    WHERE_DETACHED = 1 << 21, /* in all views of a process whose recording was ended */
    WHERE_ANY    = WHERE_TARGET | WHERE_PICKER | WHERE_HELP,
    WHERE_MOVE   = WHERE_LIST | WHERE_SIZES | WHERE_PICKER | WHERE_OUTPUT | WHERE_HELP,
    WHERE_ROWS   = WHERE_LIST | WHERE_PICKER,
};

/* action, where, keys (0: none), word on the key bar (NULL: not there), help.
 * Their order is that of the help screen and of the key bar; where two hold, the
 * first does. The views' own numbers are named by the table of views. */
#define KEYS(X)                                                                          \
    X(HELP, WHERE_ANY, KEYCODE_F1, '?', 'h', "Help", "this page")                        \
    X(QUIT, WHERE_ANY, 'q', KEYCODE_F10, KEY_CONTROL('c'), "Quit",                       \
      "leave a page, then the viewer")                                                   \
    X(ATTACH, WHERE_DETACHED, 'a', 0, 0, "Attach again", "attach to the process again")  \
    X(TYPE, WHERE_OUTPUT, 'i', KEYCODE_ENTER, 0, "Type",                                 \
      "type to the program")                                                             \
    X(LEAVE, WHERE_TYPING, KEYCODE_F12, KEY_CONTROL(']'), 0, "Stop typing",              \
      "stop typing to the program")                                                      \
    X(OPEN, WHERE_PICKER, KEYCODE_ENTER, 0, 0, "Attach", "attach to the process")        \
    X(DETAILS, WHERE_SITES, KEYCODE_ENTER, 0, 0, "Stack", "the whole stack of the call site") \
    X(TREE_OPEN, WHERE_TREE, KEYCODE_ENTER, 0, 0, "Open", "open or close; at an end: sites") \
    X(TREE_MODE, WHERE_TREE, 'i', 0, 0, "Mode", "from the start down, from allocators up, flat") \
    X(TREE_EXPAND, WHERE_TREE, '+', '=', KEYCODE_RIGHT, NULL, "open the row")            \
    X(TREE_COLLAPSE, WHERE_TREE, '-', KEYCODE_LEFT, 0, NULL, "close the row, or go above") \
    X(TREE_HOTTEST, WHERE_TREE, 'e', 0, 0, "Hottest", "open the way to the largest below the row") \
    X(TREE_ALL, WHERE_TREE, '*', 0, 0, NULL, "open all rows, or close them")             \
    X(TREE_ZOOM, WHERE_TREE, 'z', 0, 0, NULL, "show only what is below the row")         \
    X(TREE_UNZOOM, WHERE_TREE, 'o', KEYCODE_BACKSPACE, 0, NULL, "show again what was before") \
    X(SEARCH, WHERE_FOUND, '/', KEYCODE_F3, 0, "Search", "search functions, modules, files") \
    X(NEXT, WHERE_FOUND, 'n', 0, 0, NULL, "the next that is found, closed rows too")     \
    X(PREVIOUS, WHERE_FOUND, 'N', 0, 0, NULL, "the one before")                          \
    X(FILTER, WHERE_FOUND, '\\', KEYCODE_F4, 0, "Filter", "only stacks with such a frame") \
    X(TREE_PEAK, WHERE_TREE, 'P', 0, 0, "Peak", "the heap at its peak, or as it is now") \
    X(TREE_GROUP, WHERE_TREE, 'y', 0, 0, "Group", "by module, thread or size")           \
    X(TREE_HIDDEN, WHERE_TREE, 'H', 0, 0, NULL, "frames of allocators and of libc, too") \
    X(TREE_FOLD, WHERE_TREE, 'R', 0, 0, NULL, "recursion as one frame")                  \
    X(SORT, WHERE_FOUND, KEYCODE_F6, 's', 0, "Sort", "choose what to sort by")           \
    X(TREE_COLUMNS, WHERE_TREE, 'c', 0, 0, NULL, "choose columns")                       \
    X(TREE_SITES, WHERE_TREE, 'v', 0, 0, "Sites", "the call sites below the row")        \
    X(SELECT_SITES, WHERE_CHOICE, KEYCODE_ENTER, 0, 0, "Who", "the call sites of such blocks") \
    X(SELECT, WHERE_CHOICE, ' ', 0, 0, "Select", "only such blocks; on to another row; all") \
    X(OTHER_PANE, WHERE_SIZES, KEYCODE_LEFT, KEYCODE_RIGHT, 0, "Sizes, ages", "the other list") \
    X(CONTENTS, WHERE_BLOCKS, KEYCODE_ENTER, 0, 0, "Contents", "what is in the block")   \
    X(COMPARE, WHERE_MARKS, KEYCODE_ENTER, 0, 0, "Since", "growth since this mark")      \
    X(TAG, WHERE_MARKS, ' ', 0, 0, "A,B", "choose two marks for D")                      \
    X(RENAME, WHERE_MARKS, 'r', 0, 0, "Rename", "rename the mark")                       \
    X(DELETE, WHERE_MARKS, 'd', KEYCODE_DELETE, 0, "Delete", "delete the mark")          \
    X(SAVE, WHERE_MARKS, 'w', 0, 0, "Save", "save the mark in a file")                   \
    X(LOAD, WHERE_MARKS, 'L', 0, 0, "Load", "load a mark from a file")                   \
    X(BLOCKS, WHERE_SITES | WHERE_TREE, 'b', 0, 0, "Blocks", "live blocks of the site or row") \
    X(EARLIER, WHERE_TIME, KEYCODE_LEFT, ',', 0, "Back", "the cursor back in time")      \
    X(LATER, WHERE_TIME, KEYCODE_RIGHT, '.', 0, NULL, "the cursor on in time")           \
    X(FAR_EARLIER, WHERE_TIME, KEYCODE_PAGE_UP, KEY_CONTROL('b'), 0, NULL, "far back in time") \
    X(FAR_LATER, WHERE_TIME, KEYCODE_PAGE_DOWN, KEY_CONTROL('f'), 0, NULL, "far on in time") \
    X(OLDEST, WHERE_TIME, KEYCODE_HOME, 'g', 0, NULL, "the oldest record")               \
    X(NOW, WHERE_TIME, KEYCODE_END, 'G', 0, "Now", "the present, and go on with it")     \
    X(MARK_BEFORE, WHERE_TIME, '[', 0, 0, NULL, "the mark before the cursor")            \
    X(MARK_AFTER, WHERE_TIME, ']', 0, 0, NULL, "the mark after the cursor")              \
    X(PAUSE, WHERE_TARGET, 'p', 'Z', 0, "Pause", "hold the picture, or let it go on")    \
    X(TIER, WHERE_TARGET, 'M', 0, 0, NULL, "how much is recorded: exact, counters, sampled") \
    X(SNAPSHOT_BEFORE, WHERE_FILE, '{', 0, 0, "Before", "the snapshot before") \
    X(SNAPSHOT_AFTER, WHERE_FILE, '}', 0, 0, "After", "the next one")                    \
    X(SNAPSHOT_FIRST, WHERE_FILE, '(', 0, 0, NULL, "the first one")                      \
    X(SNAPSHOT_LAST, WHERE_FILE, ')', 0, 0, NULL, "the last one")                        \
    X(SNAPSHOT_PEAK, WHERE_FILE, '^', 0, 0, NULL, "the one with the most live bytes")    \
    X(NEXT_VIEW, WHERE_TARGET, KEYCODE_TAB, 0, 0, "View", "next view")                   \
    X(PREVIOUS_VIEW, WHERE_TARGET, KEYCODE_BACKTAB, 0, 0, NULL, "previous view")         \
    X(VIEW_1, WHERE_TARGET, '1', 0, 0, NULL, "first view")                               \
    X(VIEW_2, WHERE_TARGET, '2', 0, 0, NULL, "second view")                              \
    X(VIEW_3, WHERE_TARGET, '3', 0, 0, NULL, "third view")                               \
    X(VIEW_4, WHERE_TARGET, '4', 0, 0, NULL, "fourth view")                              \
    X(VIEW_5, WHERE_TARGET, '5', 0, 0, NULL, "fifth view")                               \
    X(VIEW_6, WHERE_TARGET, '6', 0, 0, NULL, "sixth view")                               \
    X(VIEW_7, WHERE_TARGET, '7', 0, 0, NULL, "seventh view")                             \
    X(VIEW_8, WHERE_TARGET, '8', 0, 0, NULL, "eighth view")                              \
    X(VIEW_9, WHERE_TARGET, '9', 0, 0, NULL, "ninth view")                               \
    X(TREE, WHERE_TARGET, KEYCODE_F5, 't', 0, NULL, "the call tree")                     \
    X(THREADS, WHERE_TARGET, 'T', 0, 0, NULL, "the threads")                             \
    X(MARK, WHERE_TARGET, 'm', 0, 0, "Mark", "set a mark: what comes later is compared with it") \
    X(DIFF, WHERE_TARGET, 'D', 0, 0, "Diff", "growth from mark to mark, since the last one, off") \
    X(WRITE, WHERE_SHOWS, 'w', 0, 0, NULL, "write what is shown: name.txt .csv .json .folded") \
    X(UNSELECT, WHERE_TARGET, 'x', 0, 0, NULL, "all blocks again, and the present")      \
    X(UP, WHERE_MOVE | WHERE_TIME, KEYCODE_UP, 'k', 0, NULL, "one row up")               \
    X(DOWN, WHERE_MOVE | WHERE_TIME, KEYCODE_DOWN, 'j', 0, NULL, "one row down")         \
    X(PAGE_UP, WHERE_MOVE, KEYCODE_PAGE_UP, KEY_CONTROL('b'), 0, NULL, "one page up")    \
    X(PAGE_DOWN, WHERE_MOVE, KEYCODE_PAGE_DOWN, KEY_CONTROL('f'), 0, NULL, "one page down") \
    X(FIRST, WHERE_MOVE, KEYCODE_HOME, 'g', 0, NULL, "first row")                        \
    X(LAST, WHERE_MOVE, KEYCODE_END, 'G', 0, NULL, "last row")                           \
    X(SORT_LEFT, WHERE_SORTED, '<', KEYCODE_LEFT, 0, NULL, "sort by the column to the left") \
    X(SORT_RIGHT, WHERE_SORTED, '>', KEYCODE_RIGHT, 0, "Sort", "sort by the column to the right") \
    X(REVERSE, WHERE_SORTED, 'I', 0, 0, "Reverse", "reverse the order")                    \
    X(UNITS, WHERE_UNITS, 'u', 0, 0, "Units", "sizes in blocks or in bytes")            \
    X(ZOOM_IN, WHERE_ZOOM, '+', '=', 0, "Zoom", "graphs: less time, finer steps")        \
    X(ZOOM_OUT, WHERE_ZOOM, '-', 0, 0, NULL, "graphs: more time, coarser steps")         \
    X(REDRAW, WHERE_ANY, KEY_CONTROL('l'), 0, 0, NULL, "draw the screen anew")           \
    X(SUSPEND, WHERE_ANY, KEY_CONTROL('z'), 0, 0, NULL, "suspend (fg resumes)")          \
    X(CANCEL, WHERE_ANY, KEYCODE_ESCAPE, 0, 0, NULL, "leave a page, cancel")

enum action {
    ACTION_NONE,
#define KEYS_ENUM(id, where, a, b, c, bar, help) ACTION_##id,
    KEYS(KEYS_ENUM)
#undef KEYS_ENUM
    ACTION_COUNT
};

struct key_row {
    enum action action;
    unsigned where;
    uint32_t keys[3];
    const char *bar;
    const char *help;
};

/* All rows, in the table's order. */
const struct key_row *keys_rows(size_t *n);

/* What a key does where any of `where` holds; ACTION_NONE if nothing. Where
 * keys go to the program, only those of WHERE_TYPING count; where a line is typed, something
 * chosen or answered, none. */
enum action keys_action(uint32_t key, unsigned where);

/* "q", "F10", "^L", "PgUp"; out has n bytes. Returns out. */
char *keys_name(char *out, size_t n, uint32_t key);

/* The key of such a name; KEYCODE_NONE: there is none. */
uint32_t keys_parse(const char *name);

/* "tree-open": what an action is called in the file of keys. Returns out. */
char *keys_action_name(char *out, size_t n, enum action action);

/* Give actions other keys, as a file says: `action = KEY KEY KEY` a line, # begins a
 * comment. All or, when something is wrong with it, none; then false, and what is
 * wrong in error. A file that is not there changes nothing. Before the viewer
 * begins. */
bool keys_load(const char *path, char *error, size_t n);

/* Two rows that cannot both be right: a key means two things in one place. NULL and
 * NULL if there are none. */
void keys_clash(const struct key_row **one, const struct key_row **other);

/* "F1 ? h": all keys of a row. Returns out. */
char *keys_names(char *out, size_t n, const struct key_row *row);

#endif
