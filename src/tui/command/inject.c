/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop inject PID: brings the agent into a process that was started without
 * it. Also does that for memtop attach and for the viewer.
 */
#include "tui/command/inject.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/command/command.h"
#include "tui/command/spawn.h"
#include "tui/view/format.h"

#define AGENT_OPTIONS 4096 /* what the agent takes */

/* ---- what the agent is told --------------------------------------------------- */
static void add_line(char *text, const char *name, const char *value)
{
    size_t used = strlen(text);
    if (value && *value && !strchr(value, '\n'))
        snprintf(text + used, AGENT_OPTIONS - used, "%s=%s\n", name, value);
}

static void add_number(char *text, const char *name, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    if (value)
        add_line(text, name, digits);
}

/* Its own environment is not asked: it was not made for us. */
static void agent_options(const struct options *o, char text[AGENT_OPTIONS])
{
    text[0] = '\0';
    add_line(text, "MEMTOP_DIR", getenv("MEMTOP_DIR"));
    add_line(text, "MEMTOP_KEEP", o->keep ? "1" : NULL);
    add_line(text, "MEMTOP_FOLLOW", o->follow);
    add_number(text, "MEMTOP_MEMORY", o->memory);
    /* A distance alone is a wish to sample. */
    add_line(text, "MEMTOP_TIER", o->tier ? o->tier : o->sample ? "sampled" : NULL);
    add_number(text, "MEMTOP_SAMPLE", o->sample);
    add_line(text, "MEMTOP_COMPACT", o->compact ? "1" : NULL);
}

/* ---- what people are told ------------------------------------------------------ */
static void describe(char message[INJECT_MESSAGE], int pid, const char *what,
                     const struct injector_result *r)
{
    char held[32], waited[32];
    format_duration(held, sizeof held, r->stop_ns - r->waited_ns);
    format_duration(waited, sizeof waited, r->waited_ns);
    int n = snprintf(message, INJECT_MESSAGE, "process %d: %s; a thread was held for %s", pid,
                     what, held);
    if (r->waited_ns >= r->stop_ns / 10)
        snprintf(message + n, INJECT_MESSAGE - (size_t)n, ", and waited %s for a processor",
                 waited);
}

static void excuse(char message[INJECT_MESSAGE], int pid, const char *what,
                   const struct injector_result *r)
{
    snprintf(message, INJECT_MESSAGE, "process %d %s: %s", pid, what, r->why);
}

bool inject_start(int pid, const struct options *o, char message[INJECT_MESSAGE])
{
    char agent[PATH_MAX], lines[AGENT_OPTIONS];
    struct injector_result r;
    snprintf(message, INJECT_MESSAGE, "process %d: the agent was not found", pid);
    if (spawn_find_agent(agent, sizeof agent) != 0)
        return false;
    agent_options(o, lines);
    enum injector_status status = injector_attach(pid, agent, lines, &r);
    if (status == INJECTOR_OK)
        describe(message, pid, "the agent records from now on", &r);
    else if (status == INJECTOR_PRESENT)
        snprintf(message, INJECT_MESSAGE, "process %d has the agent already", pid);
    else
        excuse(message, pid, "cannot be attached", &r);
    return status == INJECTOR_OK || status == INJECTOR_PRESENT;
}

bool inject_stop(int pid, char message[INJECT_MESSAGE])
{
    char agent[PATH_MAX];
    struct injector_result r;
    snprintf(message, INJECT_MESSAGE, "process %d: the agent was not found", pid);
    if (spawn_find_agent(agent, sizeof agent) != 0)
        return false;
    enum injector_status status = injector_detach(pid, agent, &r);
    if (status == INJECTOR_OK)
        describe(message, pid, "the agent is off", &r);
    else if (status == INJECTOR_ABSENT)
        snprintf(message, INJECT_MESSAGE, "process %d: nothing records in it", pid);
    else
        excuse(message, pid, "cannot be detached", &r);
    return status == INJECTOR_OK || status == INJECTOR_ABSENT;
}

/* ---- the command ----------------------------------------------------------------- */
static int inject_main(const struct options *o)
{
    char message[INJECT_MESSAGE];
    int pid = options_pid(o->args[0]);
    if (!pid) {
        fprintf(stderr, "memtop inject: %s: not a process id: see memtop list\n", o->args[0]);
        return STATUS_USAGE;
    }
    bool done = inject_start(pid, o, message);
    command_fail("%s", message);
    return done ? STATUS_DONE : STATUS_FAILED;
}

const struct command command_inject = {
    .name = "inject",
    .args = "PID",
    .summary = "Start to record a process that runs already",
    .details = "It is what memtop attach does first. report, mark, export and mode then work as\n"
               "for a program that was started with the agent; memtop detach ends it. How long\n"
               "the process was held is printed.\n",
    .options = OPTION_KEEP | OPTION_FOLLOW | OPTION_MEMORY | OPTION_TIER | OPTION_SAMPLE |
               OPTION_COMPACT,
    .min_args = 1,
    .max_args = 1,
    .main = inject_main,
};
