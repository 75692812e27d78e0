/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: waits for the terminal, the pty, names, signals, the end of
 * the process and the time of the next reading, and draws when there is
 * something new.
 */
#include "tui/view/app_state.h"

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS UINT64_C(1000000)
#define FRAME_NS   (50 * MS)   /* at most 20 pictures a second */
#define NOTICE_NS  (5000 * MS)
#define WORK_NS    (100 * MS)  /* what takes long goes on so often, whatever is pressed */
#define REOPEN_NS  (100 * MS)
#define PATIENCE_CHILD_MS 3000
#define PATIENCE_MS       1000

/* ---- small things --------------------------------------------------------------- */
void app_notice(struct app *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(a->notice, sizeof a->notice, format, args);
    va_end(args);
    a->notice_until_ns = target_now() + NOTICE_NS;
    a->dirty = true;
}

/* Whether the view in front shows only the blocks that are meant. */
static bool is_selected(const struct app *a)
{
    unsigned reads = view_table[a->current]->reads;
    return (block_filter_on(&a->filter) && reads & (VIEW_READS_FILTER | VIEW_READS_SELECTED)) ||
           (choice_of_live(&a->filter.what) && !block_filter_short(&a->filter) &&
            reads & VIEW_READS_BLOCKS);
}

void app_context(struct app *a, struct view_context *x)
{
    *x = (struct view_context){
        .snapshot = &a->target.snapshot,
        .sites_version = a->target.sites_version,
        .symbols = a->target.symbols,
        .names_version = a->target.symbols_seen,
        .sources = a->target.sources,
        .rates = &a->target.rates,
        .site_rates = &a->target.site_rates,
        .thread_rates = &a->target.thread_rates,
        .trend = &a->target.trend,
        .watch = &a->target.watch,
        .then = view_time_record(a->states[view_index(&view_time)], &a->target.snapshot),
        .rss = a->target.rss,
        .rss_peak = a->target.rss_peak,
        .state = a->target.state,
        .ended = a->target.ended,
        .paused = a->paused,
        .no_blocks = a->target.archive && !block_walk_possible(&a->target),
        .terminal = a->terminal,
        .growth = &a->growth,
        .blocks = &a->blocks,
        .filter = &a->filter,
        .selected = is_selected(a),
        .sums = &a->sums,
    };
}

/* ---- the process ------------------------------------------------------------------ */
static bool is_child(const struct app *a)
{
    return a->config->child && a->target.pid == a->config->pid;
}

static void watch(struct app *a, int pid)
{
    if (a->pidfd >= 0)
        close(a->pidfd);
    a->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    /* What is gone already is found out by reading. */
    a->unsettled = false;
}

static void reap(struct app *a)
{
    if (a->config->child && !a->result->child_exited &&
        waitpid(a->config->pid, &a->result->wait_status, WNOHANG) == a->config->pid)
        a->result->child_exited = true;
}

/* The process is gone: read for the last time and say how it ended. */
static void settle(struct app *a)
{
    if (!a->unsettled || a->paused)
        return;
    a->unsettled = false;
    target_finish(&a->target);
    if (is_child(a) && a->result->child_exited)
        target_set_wait_status(&a->target, a->result->wait_status);
    a->target.replaced = false;
    a->target.ended = true;
    a->dirty = true;
}

static void process_ended(struct app *a)
{
    close(a->pidfd);
    a->pidfd = -1;
    reap(a);
    a->unsettled = true;
    if (a->dialog == DIALOG_TIER || a->dialog == DIALOG_DETACH)
        a->dialog = DIALOG_CLOSED;
    else if (a->dialog != DIALOG_CLOSED)
        a->leaving = true; /* that was what was waited for */
    a->dirty = true;
}

static void reopen(struct app *a, uint64_t now)
{
    if (!a->target.replaced || now < a->next_reopen_ns)
        return;
    a->next_reopen_ns = now + REOPEN_NS;
    growth_rest(&a->growth);
    block_list_forget(&a->blocks);
    block_filter_forget(&a->filter);
    block_sums_forget(&a->sums);
    enum reader_status status = target_open(&a->target, a->target.pid);
    if (status == READER_OK) {
        growth_forget(&a->growth);
        view_sites_only(a->states[view_index(&view_sites)], NULL);
        target_refresh(&a->target, now, false);
        app_notice(a, "exec put another program in its place");
    } else if (status == READER_NO_SEGMENT) {
        snprintf(a->target.state, sizeof a->target.state, "exec: no agent in it");
    }
}

void app_pick(struct app *a, int pid)
{
    if (!pid)
        return;
    enum reader_status status = target_open(&a->target, pid);
    if (status == READER_NO_SEGMENT && a->config->attach) {
        if (!app_attach(a, pid))
            return;
        status = target_open(&a->target, pid);
    }
    growth_forget(&a->growth);
    if (status != READER_OK) {
        app_notice(a, "process %d: %s", pid, reader_message(status));
        return;
    }
    watch(a, pid);
    view_sites_only(a->states[view_index(&view_sites)], NULL);
    a->picking = false;
    a->paused = false;
    a->current = 0;
    a->back_from_sites = a->back_from_blocks = -1;
    target_refresh(&a->target, target_now(), false);
}

void app_pause(struct app *a)
{
    a->paused = !a->paused;
    target_derive(&a->target);
    settle(a);
}

/* ---- the loop ----------------------------------------------------------------------- */
enum { POLL_SCREEN, POLL_SIGNALS, POLL_PTY, POLL_SYMBOLS, POLL_SOURCES, POLL_PROCESS,
       POLL_COUNT };

static void prepare_poll(const struct app *a, struct pollfd fds[POLL_COUNT])
{
    bool pty = a->terminal && a->pty_open;
    short pty_events = pty && terminal_wants_write(a->terminal) ? POLLIN | POLLOUT : POLLIN;
    struct symbols *sy = a->target.symbols;
    struct sources *so = a->target.sources;
    fds[POLL_SCREEN] = (struct pollfd){ .fd = screen_fd(), .events = POLLIN };
    fds[POLL_SIGNALS] = (struct pollfd){ .fd = a->signal_fd, .events = POLLIN };
    fds[POLL_PTY] = (struct pollfd){ .fd = pty ? a->config->pty_fd : -1, .events = pty_events };
    fds[POLL_SYMBOLS] = (struct pollfd){ .fd = sy ? symbols_fd(sy) : -1, .events = POLLIN };
    fds[POLL_SOURCES] = (struct pollfd){ .fd = so ? sources_fd(so) : -1, .events = POLLIN };
    fds[POLL_PROCESS] = (struct pollfd){ .fd = a->pidfd, .events = POLLIN };
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When something is to be done even if nothing happens. */
static uint64_t due(struct app *a)
{
    uint64_t when = UINT64_MAX;
    if (a->picking)
        when = a->picker.next_ns;
    else if (!a->paused)
        when = target_due(&a->target, app_reads_sites(a));
    if (a->target.replaced)
        when = earlier(when, a->next_reopen_ns);
    when = a->behind || a->more_input ? 0 : earlier(when, app_follow_due(a));
    if (a->notice[0])
        when = earlier(when, a->notice_until_ns);
    if (a->dirty)
        when = earlier(when, a->urgent ? 0 : a->drawn_ns + FRAME_NS);
    return when;
}

static int timeout_ms(struct app *a)
{
    uint64_t when = due(a), now = target_now();
    if (when == UINT64_MAX)
        return -1;
    /* Rounded up, or the last millisecond would be spent spinning. */
    return when <= now ? 0 : (int)earlier((when - now + MS - 1) / MS, 60000);
}

/* A short name's arrival is no reason to draw when nobody waits for one. */
static void names_arrived(struct app *a)
{
    unsigned generation = symbols_generation(a->target.symbols);
    if (generation != a->target.symbols_seen)
        a->dirty = true;
    a->target.symbols_seen = generation;
}

static void pump(struct app *a)
{
    unsigned before = terminal_generation(a->terminal);
    a->pty_open = terminal_pump(a->terminal);
    if (view_table[a->current] == &view_output && !a->picking &&
        terminal_generation(a->terminal) != before)
        a->dirty = true;
}

static void take_signal(struct app *a)
{
    struct signalfd_siginfo info;
    if (read(a->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGHUP)
        app_hang_up(a);
    else
        app_leave_running(a);
}

static void source_arrived(struct app *a)
{
    sources_drain(a->target.sources);
    a->dirty = true;
}

static void take_events(struct app *a, const struct pollfd fds[POLL_COUNT])
{
    if (fds[POLL_SIGNALS].revents)
        take_signal(a);
    if (fds[POLL_PTY].revents)
        pump(a);
    if (fds[POLL_SYMBOLS].revents)
        names_arrived(a);
    if (fds[POLL_SOURCES].revents)
        source_arrived(a);
    if (fds[POLL_PROCESS].revents)
        process_ended(a);
    if (fds[POLL_SCREEN].revents & (POLLHUP | POLLERR | POLLNVAL))
        app_hang_up(a);
    app_input(a);
}

/* Read the target, or what the picker lists. Returns whether that took its time. */
static bool read_due(struct app *a, uint64_t now)
{
    bool news = false;
    if (a->picking)
        a->dirty |= picker_refresh(&a->picker, now);
    else if (!a->paused)
        news = target_refresh(&a->target, now, app_reads_sites(a));
    a->dirty |= news;
    return news;
}

/* A key is answered first, and a turn of the loop does one long thing at most, so that
 * no key waits for all of them. What is behind comes with the next turn, or where keys
 * come one upon the other, now and then. */
static void do_due(struct app *a)
{
    uint64_t now = target_now();
    if (a->notice[0] && now >= a->notice_until_ns) {
        a->notice[0] = '\0';
        a->dirty = true;
    }
    reopen(a, now);
    settle(a);
    bool answer = a->urgent && (!a->behind || now < a->worked_ns + WORK_NS);
    a->answered |= answer;
    if (!answer)
        a->worked_ns = now;
    a->behind = answer || read_due(a, now);
    if (a->behind || a->picking)
        return;
    app_follow(a, now);
    a->dirty |= a->answered; /* it was drawn as it was before */
    a->answered = false;
}

static void draw_if_due(struct app *a)
{
    struct timespec before, after;
    if (!a->dirty || (!a->urgent && target_now() < a->drawn_ns + FRAME_NS))
        return;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    app_draw(a);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    uint64_t cost = (uint64_t)((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec -
                               before.tv_nsec);
    a->target.draw_cost_ns = (a->target.draw_cost_ns * 3 + cost) / 4;
    a->drawn_ns = target_now();
}

static void loop(struct app *a)
{
    struct pollfd fds[POLL_COUNT];
    while (!a->leaving) {
        do_due(a);
        draw_if_due(a);
        prepare_poll(a, fds);
        if (poll(fds, POLL_COUNT, timeout_ms(a)) < 0)
            memset(fds, 0, sizeof fds); /* EINTR: the window's size, or continued */
        take_events(a, fds);
    }
}

/* ---- beginning and end ---------------------------------------------------------------- */
static bool may_come(enum reader_status status, bool child)
{
    return status == READER_NOT_READY ||
           (child && (status == READER_NO_SEGMENT || status == READER_NO_PROCESS));
}

/* Open the target's segment, waiting for it a while. */
static enum reader_status await_segment(struct app *a)
{
    const struct app_config *config = a->config;
    int patience = config->patience_ms ? config->patience_ms
                 : config->child ? PATIENCE_CHILD_MS : PATIENCE_MS;
    uint64_t until = target_now() + (uint64_t)patience * MS;
    for (;;) {
        reap(a);
        enum reader_status status = target_open(&a->target, config->pid);
        if (status == READER_OK || !may_come(status, config->child) ||
            a->result->child_exited || target_now() > until)
            return status;
        poll(NULL, 0, 2);
    }
}

/* The child ended before there was anything to see: show what it printed. */
static void pass_output(const struct app_config *config)
{
    char bytes[4096];
    ssize_t n;
    struct pollfd fd = { .fd = config->pty_fd, .events = POLLIN };
    while (config->pty_fd >= 0 && poll(&fd, 1, 0) > 0 &&
           (n = read(config->pty_fd, bytes, sizeof bytes)) > 0)
        if (write(STDOUT_FILENO, bytes, (size_t)n) < 0)
            return;
}

int app_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("memtop: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return 1;
}

static int start_target(struct app *a)
{
    enum reader_status status = await_segment(a);
    if (status == READER_OK) {
        watch(a, a->config->pid);
        a->unsettled = a->result->child_exited;
        return 0;
    }
    if (a->result->child_exited) {
        pass_output(a->config);
        return app_fail("the program ended before memtop's agent came up in it");
    }
    return app_fail("process %d: %s", a->config->pid, reader_message(status));
}

static int start(struct app *a)
{
    const struct app_config *config = a->config;
    if (config->archive && !target_open_archive(&a->target, config->archive, config->index))
        return app_fail("the file is damaged: its last snapshot cannot be read");
    return config->pid ? start_target(a) : 0;
}

static void block_signals(struct app *a, sigset_t *before)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGQUIT);
    sigprocmask(SIG_BLOCK, &ours, before);
    a->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int init_views(struct app *a)
{
    for (int i = 0; i < VIEW_COUNT; i++) {
        a->states[i] = calloc(1, view_table[i]->state_bytes);
        if (!a->states[i])
            return app_fail("not enough memory");
        if (view_table[i]->init)
            view_table[i]->init(a->states[i]);
    }
    app_recall(a);
    return 0;
}

static void fini_views(struct app *a)
{
    for (int i = 0; i < VIEW_COUNT; i++) {
        if (a->states[i] && view_table[i]->fini)
            view_table[i]->fini(a->states[i]);
        free(a->states[i]);
    }
}

/* With the target open, or the picker: until somebody leaves. */
static int show(struct app *a)
{
    const char *why = screen_open(a->config->ascii);
    if (why)
        return app_fail("%s", why);
    canvas_init(&a->canvas, screen_glyphs());
    if (a->config->pty_fd >= 0) {
        a->terminal = terminal_new(a->config->pty_fd, a->config->output_fd, 24, 80);
        a->pty_open = a->terminal != NULL;
    }
    app_resize(a);
    if (a->canvas.cells)
        loop(a);
    screen_close();
    int failed = a->canvas.cells ? 0 : app_fail("not enough memory");
    if (a->terminal && a->pty_open)
        terminal_pump(a->terminal); /* its last words belong into --output */
    terminal_free(a->terminal);
    canvas_fini(&a->canvas);
    return failed;
}

const char *app_obstacle(void)
{
    return screen_check();
}

int app_run(const struct app_config *config, struct app_result *result)
{
    sigset_t before;
    struct sigaction ignore = { .sa_handler = SIG_IGN }, pipe_before;
    struct app *a = calloc(1, sizeof *a);
    *result = (struct app_result){ .child_exited = false };
    if (!a)
        return app_fail("not enough memory");
    a->config = config;
    a->result = result;
    a->pidfd = a->signal_fd = -1;
    a->back_from_sites = a->back_from_blocks = -1;
    a->picking = a->from_picker = !config->pid && !config->archive;
    if (config->notice)
        app_notice(a, "%s", config->notice);
    target_init(&a->target, config->sources);
    growth_init(&a->growth);
    picker_init(&a->picker);
    block_signals(a, &before);
    sigaction(SIGPIPE, &ignore, &pipe_before);
    int failed = init_views(a) || start(a) || show(a);
    app_remember(a);
    reap(a);
    fini_views(a);
    picker_fini(&a->picker);
    growth_fini(&a->growth);
    block_list_fini(&a->blocks);
    block_filter_fini(&a->filter);
    block_sums_fini(&a->sums);
    site_set_fini(&a->chosen);
    target_fini(&a->target);
    if (a->pidfd >= 0)
        close(a->pidfd);
    close(a->signal_fd);
    sigaction(SIGPIPE, &pipe_before, NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(a);
    return failed;
}
