/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the viewer is left, and what becomes of the program then; and the answers to
 * what dialogs ask.
 */
#include "tui/view/app_state.h"

#include <signal.h>
#include <unistd.h>

#include "tui/model/tier.h"

static void leave_target(struct app *a)
{
    if (!a->picking && a->from_picker) {
        a->picking = true;
        a->picker.next_ns = 0;
        growth_forget(&a->growth);
        block_list_forget(&a->blocks);
        block_filter_forget(&a->filter);
        block_sums_forget(&a->sums);
        target_fini(&a->target);
        target_init(&a->target, a->config->sources);
    } else if (a->config->child && !a->result->child_exited && a->pidfd >= 0) {
        a->dialog = DIALOG_QUIT;
    } else {
        a->leaving = true;
    }
}

void app_leave(struct app *a)
{
    if (app_is_attached(a))
        a->dialog = DIALOG_DETACH;
    else
        leave_target(a);
}

/* The segment is closed before, so that it can go. */
static void leave_detached(struct app *a)
{
    int pid = a->target.pid;
    a->dialog = DIALOG_CLOSED;
    leave_target(a);
    target_fini(&a->target);
    target_init(&a->target, a->config->sources);
    app_detach(a, pid);
}

/* The child leads a process group of its own, unless it left it. */
static void send_signal(const struct app *a, int signal)
{
    int pid = a->config->pid;
    if (a->result->child_exited)
        return;
    kill(getpgid(pid) == pid ? -pid : pid, signal);
    kill(getpgid(pid) == pid ? -pid : pid, SIGCONT);
}

void app_leave_running(struct app *a)
{
    a->leaving = true;
    a->result->left_running = a->config->child && !a->result->child_exited;
}

/* Our terminal is gone. A program that we started would have lost it as well
 * without us; what is to survive that ignores the signal. */
void app_hang_up(struct app *a)
{
    app_leave_running(a);
    if (a->result->left_running)
        send_signal(a, SIGHUP);
}

void app_ask_tier(struct app *a)
{
    if (a->target.ended || !a->target.reader)
        app_notice(a, "it has ended");
    else
        a->dialog = DIALOG_TIER;
}

static void set_tier(struct app *a, enum seg_tier tier)
{
    a->dialog = DIALOG_CLOSED;
    if (!a->target.reader)
        return;
    enum reader_status status = reader_set_tier(a->target.reader, tier, 0);
    if (status == READER_OK)
        app_notice(a, "%s: takes effect when the program next allocates", tier_name(tier));
    else
        app_notice(a, "not changed: %s", reader_message(status));
}

void app_answer(struct app *a, enum dialog_answer answer)
{
    switch (answer) {
    case ANSWER_EXACT:
        set_tier(a, SEG_TIER_EXACT);
        break;
    case ANSWER_COUNTERS:
        set_tier(a, SEG_TIER_COUNTERS);
        break;
    case ANSWER_SAMPLED:
        set_tier(a, SEG_TIER_SAMPLED);
        break;
    case ANSWER_LEAVE:
        app_leave_running(a);
        break;
    case ANSWER_DETACH:
        leave_detached(a);
        break;
    case ANSWER_STAY:
        a->dialog = DIALOG_CLOSED;
        leave_target(a);
        break;
    case ANSWER_TERMINATE:
        send_signal(a, SIGTERM);
        a->dialog = DIALOG_WAITING;
        break;
    case ANSWER_KILL:
        send_signal(a, SIGKILL);
        break;
    case ANSWER_CANCEL:
        a->dialog = DIALOG_CLOSED;
        break;
    case ANSWER_NONE:
        break;
    }
}
