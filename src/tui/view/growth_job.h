/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to growth: a file that is written or read by a thread, so that the
 * screen does not wait. All functions are the event loop's.
 */
#ifndef MEMTOP_TUI_VIEW_GROWTH_JOB_H
#define MEMTOP_TUI_VIEW_GROWTH_JOB_H

#include "tui/view/growth.h"

/* Is this mark being saved? job may be NULL. */
bool growth_job_uses(const struct growth_job *job, const struct mark *m);

/* Name what is to be written, and take what the thread has done. Returns whether
 * there is something to say. */
bool growth_job_follow(struct growth *g, struct target *t);

/* Let the thread end and forget the job. */
void growth_job_wait(struct growth *g);

#endif
