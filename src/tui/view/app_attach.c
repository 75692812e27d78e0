/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that were started without the agent: it is brought in when one is
 * chosen, and may be switched off when it is left. How, the caller of app_run
 * knows.
 */
#include <stdio.h>

#include "tui/view/app_state.h"

bool app_attach(struct app *a, int pid)
{
    char message[APP_MESSAGE];
    if (!a->config->attach)
        return false;
    bool done = a->config->attach(a->config->data, pid, message);
    app_notice(a, "%s", message);
    return done;
}

bool app_is_attached(const struct app *a)
{
    return !a->picking && !a->target.ended && a->target.filled && a->config->detach &&
           (a->target.snapshot.target.flags & SEG_FLAG_ATTACHED);
}

/* That it still runs is known by its descriptor. */
bool app_is_detached(const struct app *a)
{
    return !a->picking && a->target.filled && a->target.reader && a->config->attach &&
           a->pidfd >= 0 && a->target.snapshot.target.state == TARGET_DETACHED;
}

/* The segment is let go of before, so that the new one can take its place. */
void app_attach_again(struct app *a)
{
    if (app_is_detached(a) && app_attach(a, a->target.pid))
        app_pick(a, a->target.pid);
}

void app_detach(struct app *a, int pid)
{
    char message[APP_MESSAGE];
    a->config->detach(a->config->data, pid, message);
    app_notice(a, "%s", message);
    if (a->leaving)
        snprintf(a->result->message, sizeof a->result->message, "%s", message);
}
