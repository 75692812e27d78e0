/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line to type in.
 */
#include "tui/view/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/view/keys.h"

void prompt_ask(struct prompt *p, const char *question, const char *text)
{
    p->question = question;
    p->hint = NULL;
    snprintf(p->text, sizeof p->text, "%s", text);
}

static void erase(char *text)
{
    size_t n = strlen(text);
    while (n && ((unsigned char)text[--n] & 0xc0) == 0x80)
        text[n] = '\0';
    text[n] = '\0';
}

enum prompt_answer prompt_key(struct prompt *p, uint32_t key)
{
    char bytes[4];
    size_t n = strlen(p->text);
    if (key == KEYCODE_ENTER || key == '\n') {
        p->question = NULL;
        return PROMPT_DONE;
    }
    if (key == KEYCODE_ESCAPE || key == KEY_CONTROL('c')) {
        p->question = NULL;
        return PROMPT_CANCELLED;
    }
    if (key == KEYCODE_BACKSPACE || key == KEY_CONTROL('h')) {
        erase(p->text);
    } else if (key == KEY_CONTROL('u')) {
        p->text[0] = '\0';
    } else if (key >= ' ' && key < KEYCODE_SPECIAL && n + 5 < sizeof p->text) {
        size_t length = canvas_encode(bytes, key);
        memcpy(p->text + n, bytes, length);
        p->text[n + length] = '\0';
    }
    return PROMPT_TYPING;
}

char *prompt_path(const struct prompt *p, char *out, size_t n)
{
    const char *home = strncmp(p->text, "~/", 2) == 0 ? getenv("HOME") : NULL;
    snprintf(out, n, "%s%s", home ? home : "", p->text + (home ? 1 : 0));
    return out;
}

void prompt_draw(const struct prompt *p, struct canvas *c, struct rect a)
{
    int row = a.row + a.rows - 1;
    if (!p->question || a.rows < 1)
        return;
    canvas_fill(c, row, a.col, a.cols, ROLE_HEAD, ' ');
    int used = canvas_text(c, row, a.col, a.cols, ROLE_HEAD, p->question);
    const char *text = p->text; /* of a long one the end, where it is typed */
    while (*text && canvas_width(c, text) > a.cols - used - 1)
        do
            text++;
        while (((unsigned char)*text & 0xc0) == 0x80);
    used += canvas_text(c, row, a.col + used, a.cols - used - 1, ROLE_HEAD, text);
    canvas_text(c, row, a.col + used, 1, ROLE_HEAD, "_");
    if (!*text && p->hint && canvas_width(c, p->hint) < a.cols - used - 2)
        canvas_text_right(c, row, a.col + used + 2, a.cols - used - 2, ROLE_HEAD, p->hint);
}
