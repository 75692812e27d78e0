/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions over modules' files. Called by the symbols' worker alone. Rows of
 * one file (a library that was unloaded and loaded again) share a session,
 * and the session not used for longest makes room for a new one. */
#include "tui/model/namer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/modulefile.h"
#include "tui/model/perfmap.h"
#include "tui/model/printable.h"

#define SESSIONS_MAX 256
#define JIT_NAME_MAX 511

struct session {
    struct module_row module;    /* path and build-id say which file it is */
    struct symbolize *symbolize; /* NULL: no file may be believed */
    uint64_t used;
};

struct namer {
    struct namer_target target;
    struct perfmap *jit;
    struct session *sessions[SESSIONS_MAX];
    size_t n_sessions;
    uint64_t clock; /* counts uses */
};

struct namer *namer_new(const struct namer_target *target)
{
    struct namer *namer = calloc(1, sizeof *namer);
    if (!namer)
        return NULL;
    namer->target = *target;
    namer->jit = perfmap_new();
    return namer;
}

static void close_session(struct session *session)
{
    symbolize_close(session->symbolize);
    free(session);
}

void namer_free(struct namer *namer)
{
    if (!namer)
        return;
    for (size_t i = 0; i < namer->n_sessions; i++)
        close_session(namer->sessions[i]);
    perfmap_free(namer->jit);
    free(namer);
}

/* ---- sessions --------------------------------------------------------------- */
/* Without a build-id only the very same mapping is surely the same file. */
static bool same_file(const struct module_row *a, const struct module_row *b)
{
    if (a->build_id_bytes != b->build_id_bytes || strcmp(a->path, b->path) != 0)
        return false;
    if (a->build_id_bytes)
        return memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0;
    return a->start == b->start && a->end == b->end;
}

static struct session *find_session(struct namer *namer, const struct module_row *module)
{
    for (size_t i = 0; i < namer->n_sessions; i++)
        if (same_file(&namer->sessions[i]->module, module))
            return namer->sessions[i];
    return NULL;
}

/* A free place in the table. */
static struct session **make_room(struct namer *namer)
{
    if (namer->n_sessions < SESSIONS_MAX)
        return &namer->sessions[namer->n_sessions++];
    size_t oldest = 0;
    for (size_t i = 1; i < SESSIONS_MAX; i++)
        if (namer->sessions[i]->used < namer->sessions[oldest]->used)
            oldest = i;
    close_session(namer->sessions[oldest]);
    return &namer->sessions[oldest];
}

static struct session *new_session(struct namer *namer, const struct module_row *module)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    session->module = *module;
    bool is_program = strcmp(module->path, namer->target.executable) == 0;
    int fd = modulefile_open(namer->target.pid, is_program, module);
    if (fd >= 0)
        session->symbolize = symbolize_open(fd, module->path, namer->target.pid);
    *make_room(namer) = session;
    return session;
}

static struct symbolize *session_for(struct namer *namer, const struct module_row *module)
{
    struct session *session = find_session(namer, module);
    if (!session)
        session = new_session(namer, module);
    if (!session)
        return NULL;
    session->used = ++namer->clock;
    return session->symbolize;
}

/* ---- names ------------------------------------------------------------------ */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void namer_module(const struct module_row *module, enum namer_answer answer,
                  char *to, size_t room)
{
    const char *name = module ? base_name(module->path)
                              : answer == NAMER_NAMED ? "[JIT]" : "?";
    printable_copy(to, room, *name ? name : "?", strlen(*name ? name : "?"));
}

static void add_text(struct frames *out, const char *text)
{
    frames_add(out, strdup(text), NULL, 0);
}

/* "libfoo.so+0x1234": what other tools accept, too. */
static void add_offset(struct frames *out, const struct module_row *module, uint64_t pc)
{
    char name[128], text[160];
    namer_module(module, NAMER_PLACED, name, sizeof name);
    snprintf(text, sizeof text, "%s+0x%" PRIx64, name, pc - module->bias);
    add_text(out, text);
}

static enum namer_answer name_jit(struct namer *namer, uint64_t pc, uint64_t address,
                                  struct frames *out)
{
    const struct namer_target *t = &namer->target;
    size_t n = 0;
    const char *name = namer->jit ? perfmap_find(namer->jit, address, &n) : NULL;
    if (!name && namer->jit &&
        perfmap_refresh(namer->jit, t->pid, t->inner_pid, t->uid, t->start_realtime_ns))
        name = perfmap_find(namer->jit, address, &n);
    if (name) {
        frames_add(out, printable_dup(name, n, JIT_NAME_MAX), NULL, 0);
        return NAMER_NAMED;
    }
    char text[32];
    snprintf(text, sizeof text, "0x%" PRIx64, pc);
    add_text(out, text);
    return NAMER_UNKNOWN;
}

enum namer_answer namer_name(struct namer *namer, const struct module_row *module,
                             uint64_t pc, bool exact, bool full, struct frames *out)
{
    uint64_t address = exact ? pc : pc - 1; /* within the call, not behind it */
    if (!module)
        return name_jit(namer, pc, address, out);
    struct symbolize *m = session_for(namer, module);
    if (m && (full ? symbolize_full : symbolize_name)(m, address - module->bias, out))
        return NAMER_NAMED;
    add_offset(out, module, pc);
    return NAMER_PLACED;
}
