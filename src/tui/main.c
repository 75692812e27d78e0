/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memtop's main: finds the command by name in one table and calls it. Knows
 * nothing of what commands do.
 */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tui/command/command.h"
#include "tui/command/output.h"
#include "tui/command/signals.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "(unversioned)"
#endif

static const struct command *const commands[] = {
    &command_run, &command_attach, &command_list, &command_stat, &command_report,
    &command_diff, &command_clean, &command_mode, &command_mark, &command_export,
    &command_snapshot, &command_record, &command_view_file, &command_inject, &command_detach,
    &command_keys,
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

int command_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("memtop: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return STATUS_FAILED;
}

static void print_usage(FILE *out)
{
    fputs("Usage: memtop                 choose a process to look at\n"
          "       memtop PID             look at a process that has the agent\n"
          "       memtop COMMAND ..      one of:\n", out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-8s %s\n", commands[i]->name, commands[i]->summary);
    fputs("memtop COMMAND --help says more; memtop --version names the version.\n", out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

/* What is printed on stdout before any command: 0, or 1 if it got lost. */
static int finish_stdout(void)
{
    struct output out;
    output_open(&out, NULL, stdout);
    return output_close(&out) == 0 ? STATUS_DONE : STATUS_FAILED;
}

static int run_command(const struct command *c, int argc, char **argv)
{
    struct options o;
    switch (options_parse(&o, c, argc, argv)) {
    case OPTIONS_GO: return c->main(&o);
    case OPTIONS_HELP: return finish_stdout();
    case OPTIONS_WRONG: break;
    }
    return STATUS_USAGE;
}

static int choose_process(void)
{
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return command_view(0, &(struct options){ .ascii = false });
    print_usage(stderr);
    return STATUS_USAGE;
}

int main(int argc, char **argv)
{
    signals_start();
    setlocale(LC_ALL, "");
    if (argc < 2)
        return choose_process();
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_usage(stdout);
        return finish_stdout();
    }
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts("memtop " PACKAGE_VERSION);
        return finish_stdout();
    }
    const struct command *c = find_command(word);
    if (c)
        return run_command(c, argc - 1, argv + 1);
    if (options_pid(word)) /* "memtop PID" is "memtop attach PID" */
        return run_command(&command_attach, argc, argv);
    fprintf(stderr, "memtop: %s: no such command or option: see memtop --help\n", word);
    return STATUS_USAGE;
}
