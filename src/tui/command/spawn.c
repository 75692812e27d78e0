/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting of CMD. Between fork and exec only what is allowed there happens:
 * the program has no other thread yet, so that setenv is.
 */
#include "tui/command/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/command/command.h"
#include "tui/command/signals.h"

#define AGENT_FILE "libmemtop.so"
#ifndef PKGLIBDIR
#define PKGLIBDIR "/usr/local/lib/memtop"
#endif

/* ---- the agent's path ----------------------------------------------------- */
static bool use_path(char *out, size_t n, const char *dir, const char *file)
{
    char path[PATH_MAX], real[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s%s", dir, file);
    if (length < 0 || (size_t)length >= sizeof path || access(path, R_OK) != 0 ||
        !realpath(path, real) || strlen(real) >= n)
        return false;
    memcpy(out, real, strlen(real) + 1);
    return true;
}

/* In the build tree the program is DIR/memtop or DIR/.libs/memtop. */
static bool find_beside_program(char *out, size_t n)
{
    char exe[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (length <= 0)
        return false;
    exe[length] = '\0';
    char *slash = strrchr(exe, '/');
    if (!slash)
        return false;
    slash[1] = '\0';
    return use_path(out, n, exe, ".libs/" AGENT_FILE) || use_path(out, n, exe, AGENT_FILE);
}

int spawn_find_agent(char *out, size_t n)
{
    const char *given = getenv("MEMTOP_AGENT");
    if (given && *given) {
        if (!use_path(out, n, "", given)) {
            command_fail("%s: cannot be read, though MEMTOP_AGENT names it: %s", given,
                         strerror(errno));
            return -1;
        }
    } else if (!find_beside_program(out, n) && !use_path(out, n, PKGLIBDIR, "/" AGENT_FILE)) {
        command_fail("the agent " PKGLIBDIR "/" AGENT_FILE " is not there: install memtop "
                     "whole, or set MEMTOP_AGENT to the agent's path");
        return -1;
    }
    /* LD_PRELOAD is split at both, and there is no way to quote them. */
    if (strpbrk(out, " :")) {
        command_fail("%s: a path with a space or a colon cannot be preloaded: set "
                     "MEMTOP_AGENT to another", out);
        return -1;
    }
    return 0;
}

/* ---- environment ---------------------------------------------------------- */
/* "agent:LIB:what LD_PRELOAD had", without a second mention of the agent. The
 * caller frees. */
static char *preload_list(const char *agent, const char *further)
{
    const char *had = getenv("LD_PRELOAD");
    size_t room = strlen(agent) + (further ? strlen(further) : 0) + (had ? strlen(had) : 0) + 4;
    char *list = malloc(room);
    if (!list)
        return NULL;
    int at = snprintf(list, room, "%s%s%s", agent, further ? ":" : "", further ? further : "");
    while (had && *had) {
        size_t item = strcspn(had, ": ");
        bool ours = item == strlen(agent) && memcmp(had, agent, item) == 0;
        if (item && !ours)
            at += snprintf(list + at, room - (size_t)at, ":%.*s", (int)item, had);
        had += item + (had[item] != '\0');
    }
    return list;
}

/* In the child only, so that nothing else that the program starts later gets
 * the agent. */
static int set_environment(const struct options *o)
{
    char agent[PATH_MAX], memory[24], sample[24];
    if (spawn_find_agent(agent, sizeof agent) != 0)
        return -1;
    char *list = preload_list(agent, o->preload);
    snprintf(memory, sizeof memory, "%" PRIu64, o->memory);
    snprintf(sample, sizeof sample, "%" PRIu64, o->sample);
    int bad = !list || setenv("LD_PRELOAD", list, 1);
    /* Only the root leaves its data behind, to be read at its end; with --keep
     * each process does. */
    const char *keep = getenv("MEMTOP_KEEP");
    if (o->keep || !keep || !*keep || strcmp(keep, "0") == 0)
        bad |= setenv("MEMTOP_KEEP", o->keep ? "1" : "root", 1);
    if (o->follow)
        bad |= setenv("MEMTOP_FOLLOW", o->follow, 1);
    if (o->memory)
        bad |= setenv("MEMTOP_MEMORY", memory, 1);
    /* A distance alone is a wish to sample. */
    if (o->tier || o->sample)
        bad |= setenv("MEMTOP_TIER", o->tier ? o->tier : "sampled", 1);
    if (o->sample)
        bad |= setenv("MEMTOP_SAMPLE", sample, 1);
    if (o->compact)
        bad |= setenv("MEMTOP_COMPACT", "1", 1);
    bad |= unsetenv("MEMTOP");
    free(list);
    if (bad)
        command_fail("out of memory");
    return bad ? -1 : 0;
}

/* ---- the child ------------------------------------------------------------ */
static int connect_stdio(const struct spawn *sp)
{
    if (sp->terminal >= 0) {
        if (setsid() < 0 || ioctl(sp->terminal, TIOCSCTTY, 0) != 0)
            return -1;
        for (int fd = 0; fd <= 2; fd++)
            if (dup2(sp->terminal, fd) < 0)
                return -1;
    }
    if (sp->output >= 0 && (dup2(sp->output, 1) < 0 || dup2(sp->output, 2) < 0))
        return -1;
    return 0;
}

/* Becomes CMD, or tells the parent through `report` why it cannot. */
static void become(const struct spawn *sp, int report)
{
    char root[16];
    snprintf(root, sizeof root, "%d", (int)getpid());
    if (setenv("MEMTOP_ROOT", root, 1) == 0 && connect_stdio(sp) == 0) {
        signals_restore();
        execvp(sp->options->args[0], sp->options->args);
    }
    int error = errno;
    (void)!write(report, &error, sizeof error);
    _exit(STATUS_NOT_FOUND);
}

/* What became of exec: 0, or its errno. */
static int exec_result(int report)
{
    int error = 0;
    ssize_t n;
    do
        n = read(report, &error, sizeof error);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof error ? error : 0;
}

static int explain_exec(const char *program, int error)
{
    bool missing = error == ENOENT && (!strchr(program, '/') || access(program, F_OK) != 0);
    if (missing)
        command_fail("%s: command not found", program);
    else if (error == ENOENT)
        command_fail("%s: its interpreter does not exist", program);
    else
        command_fail("%s: cannot be run: %s", program, strerror(error));
    return missing || error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static pid_t fork_child(const struct spawn *sp, int pipe_ends[2])
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    close(pipe_ends[0]);
    if (set_environment(sp->options) == 0)
        become(sp, pipe_ends[1]);
    int error = -1; /* said already */
    (void)!write(pipe_ends[1], &error, sizeof error);
    _exit(STATUS_FAILED);
}

int spawn_start(const struct spawn *sp, pid_t *child)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return command_fail("no pipe: %s", strerror(errno));
    fflush(NULL);
    *child = fork_child(sp, ends);
    int fork_error = errno;
    close(ends[1]);
    int error = *child > 0 ? exec_result(ends[0]) : 0;
    close(ends[0]);
    if (*child < 0)
        return command_fail("no process could be made: %s", strerror(fork_error));
    if (error == 0)
        return STATUS_DONE;
    while (waitpid(*child, NULL, 0) < 0 && errno == EINTR)
        ;
    return error == -1 ? STATUS_FAILED : explain_exec(sp->options->args[0], error);
}

int spawn_status(int wait_status, int *code, int *signal)
{
    bool killed = WIFSIGNALED(wait_status);
    *signal = killed ? WTERMSIG(wait_status) : 0;
    *code = killed ? -1 : WEXITSTATUS(wait_status);
    return killed ? STATUS_SIGNAL + *signal : *code;
}

int spawn_wait(pid_t child, int *code, int *signal)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) {
            *code = -1;
            *signal = 0;
            return command_fail("lost the process: %s", strerror(errno));
        }
    return spawn_status(status, code, signal);
}
