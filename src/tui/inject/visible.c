/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Permissions along a path, for another user; see visible.h.
 */
#include "tui/inject/visible.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tui/reader/proc.h"

struct user {
    unsigned uid, gid; /* for the file system */
};

static bool user_of(int pid, struct user *out)
{
    char path[64], status[8192];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    if (proc_read_file(path, status, sizeof status) <= 0)
        return false;
    const char *uid = strstr(status, "\nUid:"), *gid = strstr(status, "\nGid:");
    return uid && gid && sscanf(uid, "\nUid: %*u %*u %*u %u", &out->uid) == 1 &&
           sscanf(gid, "\nGid: %*u %*u %*u %u", &out->gid) == 1;
}

/* bit: 4 to read, 1 to search. */
static bool permits(const struct user *u, const struct stat *st, unsigned bit)
{
    unsigned shift = st->st_uid == u->uid ? 6 : st->st_gid == u->gid ? 3 : 0;
    return u->uid == 0 || (st->st_mode >> shift & bit);
}

bool visible_to(int pid, const char *path)
{
    char here[PATH_MAX], there[PATH_MAX + 32];
    struct stat ours, theirs, st;
    struct user u;
    snprintf(there, sizeof there, "/proc/%d/root%s", pid, path);
    if (path[0] != '/' || strlen(path) >= sizeof here || !user_of(pid, &u) ||
        stat(path, &ours) != 0 || stat(there, &theirs) != 0 || ours.st_ino != theirs.st_ino ||
        ours.st_dev != theirs.st_dev || !permits(&u, &ours, 4))
        return false;
    strcpy(here, path);
    for (char *slash; (slash = strrchr(here, '/')) != NULL && slash != here;) {
        *slash = '\0';
        if (stat(here, &st) != 0 || !permits(&u, &st, 1))
            return false;
    }
    return true;
}
