/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop list: the processes that have the agent, the dead ones that can be
 * reported, and those that could get the agent, or why not.
 */
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tui/command/command.h"
#include "tui/command/output.h"
#include "tui/inject/injector.h"
#include "tui/reader/reader.h"
#include "tui/report/report.h"
#include "tui/report/safe_text.h"
#include "tui/view/format.h"

static void user_name(char out[33], unsigned uid)
{
    const struct passwd *pw = getpwuid(uid);
    snprintf(out, 33, "%u", uid);
    if (pw)
        safe_text_line(out, 33, pw->pw_name);
}

static uint64_t now_realtime_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* 0 for the dead, whose end is not known here. */
static uint64_t uptime_ns(const struct found *f)
{
    uint64_t now = now_realtime_ns();
    return f->alive && now > f->start_realtime_ns ? now - f->start_realtime_ns : 0;
}

static void print_row(const struct found *f)
{
    char user[33], live[32] = "?", uptime[32] = "-", command[sizeof f->command];
    user_name(user, f->uid);
    if (f->readable)
        format_bytes(live, sizeof live, f->live_bytes);
    if (f->alive)
        format_duration(uptime, sizeof uptime, uptime_ns(f));
    printf("%8d  %-12.32s  %-8s  %10s  %8s  %s\n", f->pid, user, report_state_name(f->state),
           live, uptime, safe_text_line(command, sizeof command, f->command));
}

static void print_table(const struct found *found, size_t n)
{
    printf("%8s  %-12s  %-8s  %10s  %8s  %s\n", "PID", "USER", "STATE", "LIVE", "UPTIME",
           "COMMAND");
    for (size_t i = 0; i < n; i++)
        print_row(&found[i]);
}

/* ---- processes without the agent ---------------------------------------------- */
/* Whether it can be attached, the reason in `why` if not. False: it is gone, or
 * is not there for us. */
static bool judge(const struct found *f, bool *can, char why[INJECTOR_TEXT])
{
    enum injector_status status = injector_check(f->pid, why);
    *can = status == INJECTOR_OK;
    return status != INJECTOR_GONE;
}

static void print_bare(const struct found *bare, size_t n)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        char user[33], uptime[32], command[sizeof bare->command], why[INJECTOR_TEXT];
        bool can;
        if (!judge(&bare[i], &can, why))
            continue;
        if (!any)
            printf("\nWithout the agent, which memtop attach and memtop inject load:\n"
                   "%8s  %-12s  %8s  %-6s  %s\n", "PID", "USER", "UPTIME", "ATTACH", "COMMAND");
        any = true;
        user_name(user, bare[i].uid);
        format_duration(uptime, sizeof uptime, uptime_ns(&bare[i]));
        safe_text_line(command, sizeof command, bare[i].command);
        printf("%8d  %-12.32s  %8s  %-6s  ", bare[i].pid, user, uptime, can ? "yes" : "no");
        if (can)
            printf("%s\n", command);
        else
            printf("%.60s: %s\n", command, why);
    }
}

static void set_text(json_t *object, const char *key, const char *text)
{
    char *clean = safe_text_utf8(text);
    json_object_set_new(object, key, clean ? json_string_nocheck(clean) : json_null());
    free(clean);
}

static json_t *row_object(const struct found *f)
{
    char user[33];
    json_t *j = json_object();
    user_name(user, f->uid);
    json_object_set_new(j, "pid", json_integer(f->pid));
    json_object_set_new(j, "uid", json_integer(f->uid));
    set_text(j, "user", user);
    set_text(j, "state", report_state_name(f->state));
    json_object_set_new(j, "readable", json_boolean(f->readable));
    json_object_set_new(j, "live_bytes",
                        f->readable ? json_integer(f->live_bytes) : json_null());
    json_object_set_new(j, "uptime_s",
                        f->alive ? json_real((double)uptime_ns(f) / 1e9) : json_null());
    json_object_set_new(j, "segment_bytes", json_integer((json_int_t)f->segment_bytes));
    json_object_set_new(j, "kept", json_boolean(f->keep));
    set_text(j, "command", f->command);
    set_text(j, "path", f->path);
    return j;
}

static json_t *bare_object(const struct found *f, bool can, const char *why)
{
    char user[33];
    json_t *j = json_object();
    user_name(user, f->uid);
    json_object_set_new(j, "pid", json_integer(f->pid));
    json_object_set_new(j, "uid", json_integer(f->uid));
    set_text(j, "user", user);
    json_object_set_new(j, "uptime_s", json_real((double)uptime_ns(f) / 1e9));
    json_object_set_new(j, "attachable", json_boolean(can));
    if (can)
        json_object_set_new(j, "why", json_null());
    else
        set_text(j, "why", why);
    set_text(j, "command", f->command);
    return j;
}

/* Takes the row. */
static void print_object(json_t *row, bool first)
{
    printf("%s\n", first ? "" : ",");
    json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(row);
}

static void print_json(const struct found *found, size_t n, const struct found *bare,
                       size_t n_bare)
{
    char why[INJECTOR_TEXT];
    bool can, first = true;
    printf("{\n\"schema\": \"memtop/1\",\n\"processes\": [");
    for (size_t i = 0; i < n; i++)
        print_object(row_object(&found[i]), i == 0);
    printf("\n],\n\"without_agent\": [");
    for (size_t i = 0; i < n_bare; i++)
        if (judge(&bare[i], &can, why)) {
            print_object(bare_object(&bare[i], can, why), first);
            first = false;
        }
    printf("\n]\n}\n");
}

static int list_main(const struct options *o)
{
    struct found *found, *bare;
    size_t n, n_bare;
    enum reader_status status = reader_find_all(&found, &n);
    if (status != READER_OK)
        return command_fail("%s", reader_message(status));
    status = reader_find_bare(found, n, &bare, &n_bare);
    if (status != READER_OK)
        command_fail("%s", reader_message(status));
    struct output out;
    output_open(&out, NULL, stdout);
    if (o->json) {
        print_json(found, n, bare, n_bare);
    } else {
        print_table(found, n);
        print_bare(bare, n_bare);
    }
    free(found);
    free(bare);
    return output_close(&out) == 0 ? STATUS_DONE : STATUS_FAILED;
}

const struct command command_list = {
    .name = "list",
    .args = "",
    .summary = "List the processes, which have the agent, and which could be attached",
    .details = "Those without the agent are yours, or everybody's for root. Of the dead those are\n"
               "listed that left data.\n",
    .options = OPTION_JSON,
    .max_args = 0,
    .main = list_main,
};
