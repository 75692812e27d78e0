/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where it is not known how to borrow a thread of this processor: everything is
 * refused.
 */
#include "tui/inject/injector.h"

#include <stdio.h>

enum injector_status injector_check(int pid, char why[INJECTOR_TEXT])
{
    (void)pid;
    snprintf(why, INJECTOR_TEXT, "memtop can do that on x86-64 only: start it with memtop run");
    return INJECTOR_REFUSED;
}

enum injector_status injector_attach(int pid, const char *library, const char *options,
                                     struct injector_result *out)
{
    (void)library, (void)options;
    *out = (struct injector_result){ .stops = 0 };
    return injector_check(pid, out->why);
}

enum injector_status injector_detach(int pid, const char *library, struct injector_result *out)
{
    return injector_attach(pid, library, NULL, out);
}
