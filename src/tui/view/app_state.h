/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the viewer is doing, shared by the parts of the event loop: app.c
 * (descriptors, time, life and death), app_leave.c (leaving, and dialogs' answers),
 * app_follow.c (what goes on between events), app_settings.c (what is remembered),
 * app_write.c (files that are written), app_input.c (keys and mouse) and app_draw.c
 * (the screen put together). Private to these.
 */
#ifndef MEMTOP_TUI_VIEW_APP_STATE_H
#define MEMTOP_TUI_VIEW_APP_STATE_H

#include "tui/view/app.h"
#include "tui/view/block_filter.h"
#include "tui/view/block_list.h"
#include "tui/view/block_sums.h"
#include "tui/view/dialog.h"
#include "tui/view/growth.h"
#include "tui/view/picker.h"
#include "tui/view/prompt.h"
#include "tui/view/screen.h"
#include "tui/view/settings.h"
#include "tui/view/site_set.h"
#include "tui/view/target.h"
#include "tui/view/terminal.h"
#include "tui/view/view.h"

struct app {
    const struct app_config *config;
    struct app_result *result;
    struct target target;
    struct growth growth;
    struct block_list blocks;
    struct block_filter filter;
    struct block_sums sums;
    struct site_set chosen;  /* the sites of a row of the tree */
    struct picker picker;
    bool picking;            /* the picker has the screen */
    bool from_picker;        /* leaving a target leads back to it */
    struct terminal *terminal; /* NULL: none */
    bool pty_open;
    struct canvas canvas;
    void *states[VIEW_COUNT];
    int current;             /* view */
    int back_from_sites;     /* the one that asked for them; -1 none */
    int back_from_blocks;
    int tab_row;             /* -1: no tabs on the screen */
    int tabs[VIEW_COUNT][2];
    bool help;
    int help_scroll;
    enum dialog dialog;
    struct settings settings;
    struct prompt prompt;    /* for the name of a file to be written */
    int writer;              /* process that writes it, 0 none */
    int writer_fd;           /* where that says what came of it */
    bool paused;
    bool unsettled;          /* the process is gone, the last read is to be made */
    char notice[160];        /* on the status line */
    uint64_t notice_until_ns;
    bool behind;             /* there is more to do in the next turn of the loop */
    bool answered;           /* a key was, and nothing was followed since */
    uint64_t worked_ns;      /* when something was, or was read */
    unsigned job;            /* of what is followed: whose turn it is */
    bool dirty;              /* something new is to be drawn */
    bool urgent;             /* at once: somebody pressed a key */
    bool more_input;         /* events may wait in the screen, which poll cannot know */
    bool anew;               /* whatever the terminal shows is void */
    bool leaving;
    int pidfd, signal_fd;
    uint64_t next_reopen_ns; /* after exec */
    uint64_t drawn_ns;       /* when the screen was last drawn */
};

/* Say something on the status line for a few seconds. */
__attribute__((format(printf, 2, 3)))
void app_notice(struct app *a, const char *format, ...);

/* Say on stderr why the viewer cannot go on; the terminal is not its own. Returns 1. */
__attribute__((format(printf, 1, 2)))
int app_fail(const char *format, ...);

/* Attach to a process from the picker. */
void app_pick(struct app *a, int pid);

/* Bring the agent into a process and say so. False: it is not there. */
bool app_attach(struct app *a, int pid);

/* Is the target shown one that the agent was brought into while it ran? */
bool app_is_attached(const struct app *a);

/* Is it one whose recording was ended, and that can be attached again? Do that. */
bool app_is_detached(const struct app *a);
void app_attach_again(struct app *a);

/* Switch it off there, and say what came of it. */
void app_detach(struct app *a, int pid);

/* Leave what is shown: back to the picker, ask, or end the loop. */
void app_leave(struct app *a);

/* End the loop, whatever became of the child going on; the same when our terminal has
 * gone, and with it the child's. */
void app_leave_running(struct app *a);
void app_hang_up(struct app *a);

/* Go to another snapshot of a recording. */
void app_step(struct app *a, enum action action);

/* Hold or go on. */
void app_pause(struct app *a);

/* Ask how much is to be recorded. */
void app_ask_tier(struct app *a);

/* Do as the dialog was answered. */
void app_answer(struct app *a, enum dialog_answer answer);

/* What views may see of all this. */
void app_context(struct app *a, struct view_context *x);

/* Whether the view in front wants the call sites. */
bool app_reads_sites(const struct app *a);

/* Go on with marks, and with what the view in front wants, for a slice; and when
 * that has something to do next (UINT64_MAX: never). Not while picking. */
void app_follow(struct app *a, uint64_t now_ns);
uint64_t app_follow_due(struct app *a);

/* Which keys are valid now: enum key_where. */
unsigned app_where(const struct app *a);

/* Those of the view in front, whatever lies over it. */
unsigned app_place(const struct app *a);

/* Do what a key stands for. */
void app_act(struct app *a, enum action action);

/* Take the events that the screen has, for a moment: a->more_input says that the next
 * turn of the loop goes on. */
void app_input(struct app *a);

/* Where a view's own part of the screen is. */
struct rect app_view_rect(const struct app *a, int view);

/* Take over the screen's size. */
void app_resize(struct app *a);

void app_draw(struct app *a);

/* What was remembered, and what the command line says, once views are there. And
 * what is remembered for the next time, when all files are written. */
void app_recall(struct app *a);
void app_remember(struct app *a);

/* Ask for the name of a file; the answer, key by key; and what came of it. */
void app_ask_file(struct app *a);
void app_file_key(struct app *a, uint32_t key);
void app_follow_writer(struct app *a);
void app_end_writer(struct app *a);

#endif
