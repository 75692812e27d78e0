/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks written and read with jansson. Frames are named once, in a table; a
 * site is a list of their indexes. One site stands on a line, so that files can
 * be compared and searched.
 */
#include "tui/model/mark_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/model/printable.h"
#include "tui/model/tier.h"

#define SCHEMA      "memtop-mark/1"
#define FRAME_BYTES 4096               /* longest line of a stack */
#define TEXT_BYTES  (UINT64_C(256) << 20) /* all stacks of a file together */
#define PIECE_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

/* ---- between marks and files ----------------------------------------------------- */

bool mark_file_prepare(const struct mark *m, const struct stack_book *book,
                       const char *command, struct mark_file *out)
{
    *out = (struct mark_file){ .head = *m, .sites = calloc(m->n_sites + 1, sizeof *out->sites) };
    out->head.sites = NULL;
    out->head.keys = NULL;
    if (!m->foreign)
        printable_copy(out->head.command, sizeof out->head.command, command, strlen(command));
    for (size_t i = 0; out->sites && i < m->n_sites; i++) {
        uint32_t key = m->foreign ? m->keys[i] : stack_book_site(book, i);
        if (m->sites[i].allocations)
            out->sites[out->n_sites++] = (struct mark_file_site){
                .stack = key < book->n ? book->texts[key] : NULL, .figures = m->sites[i] };
    }
    return out->sites != NULL;
}

struct mark *mark_of_file(const struct mark_file *f, struct stack_book *book)
{
    struct mark *m = malloc(sizeof *m);
    if (!m)
        return NULL;
    *m = f->head;
    m->sites = calloc(f->n_sites + 1, sizeof *m->sites);
    m->keys = calloc(f->n_sites + 1, sizeof *m->keys);
    m->n_sites = f->n_sites;
    m->counted = m->foreign = true;
    bool done = m->sites && m->keys;
    for (size_t i = 0; done && i < f->n_sites; i++) {
        m->sites[i] = f->sites[i].figures;
        m->keys[i] = stack_book_add(book, f->sites[i].stack);
        done = m->keys[i] != STACK_BOOK_NONE;
    }
    if (!done) {
        mark_free(m);
        return NULL;
    }
    return m;
}

void mark_file_fini(struct mark_file *f)
{
    for (size_t i = 0; f->owned && i < f->n_sites; i++)
        free(f->sites[i].stack);
    free(f->sites);
    *f = (struct mark_file){ .n_sites = 0 };
}

/* ---- writing ------------------------------------------------------------------------ */

static void put(FILE *out, json_t *piece)
{
    if (!piece || json_dumpf(piece, out, PIECE_FLAGS) != 0)
        fputs("null", out);
    json_decref(piece);
}

static json_t *text(const char *s)
{
    json_t *j = json_string(s);
    return j ? j : json_string("?");
}

static json_t *number(uint64_t n)
{
    return json_integer(n <= INT64_MAX ? (json_int_t)n : INT64_MAX);
}

static void set_figures(json_t *j, const struct mark_figures *f)
{
    json_object_set_new(j, "allocations", number(f->allocations));
    json_object_set_new(j, "frees", number(f->frees));
    json_object_set_new(j, "bytes_allocated", number(f->bytes_allocated));
    json_object_set_new(j, "bytes_freed", number(f->bytes_freed));
}

static void write_head(FILE *out, const struct mark *m)
{
    json_t *totals = json_object();
    fprintf(out, "{\"schema\": \"" SCHEMA "\",\n\"name\": ");
    put(out, text(m->name));
    fputs(",\n\"command\": ", out);
    put(out, text(m->command));
    fputs(",\n\"realtime_s\": ", out);
    put(out, json_real((double)m->realtime_ns / 1e9));
    fputs(",\n\"wall_s\": ", out);
    put(out, json_real((double)m->wall_ns / 1e9));
    fputs(",\n\"tier\": ", out);
    put(out, text(tier_name(m->tier)));
    fputs(",\n\"estimated\": ", out);
    put(out, json_boolean(m->estimated));
    fputs(",\n\"totals\": ", out);
    set_figures(totals, &m->totals);
    put(out, totals);
}

/* The frames of a stack as indexes, named in `frames` at their first time. */
static json_t *stack_array(struct stack_book *frames, const char *stack)
{
    json_t *array = json_array();
    char line[STACK_BOOK_BYTES];
    while (stack && *stack) {
        size_t n = strcspn(stack, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, stack);
        json_array_append_new(array, json_integer(stack_book_add(frames, line)));
        stack += n + (stack[n] == '\n');
    }
    return array;
}

static void write_frames(FILE *out, const struct stack_book *frames)
{
    fputs(",\n\"frames\": [", out);
    for (size_t i = 0; i < frames->n; i++) {
        fputs(i ? ",\n" : "\n", out);
        put(out, text(frames->texts[i]));
    }
    fputs("]", out);
}

static void write_sites(FILE *out, const struct mark_file *f, struct stack_book *frames)
{
    fputs(",\n\"sites\": [", out);
    for (size_t i = 0; i < f->n_sites; i++) {
        json_t *site = json_object();
        json_object_set_new(site, "stack", stack_array(frames, f->sites[i].stack));
        set_figures(site, &f->sites[i].figures);
        fputs(i ? ",\n" : "\n", out);
        put(out, site);
    }
    fputs("]}\n", out);
}

static void write_all(FILE *out, const struct mark_file *f)
{
    struct stack_book frames;
    stack_book_init(&frames);
    for (size_t i = 0; i < f->n_sites; i++)
        json_decref(stack_array(&frames, f->sites[i].stack));
    write_head(out, &f->head);
    write_frames(out, &frames);
    write_sites(out, f, &frames);
    stack_book_fini(&frames);
}

bool mark_file_write(const struct mark_file *f, const char *path, char error[MARK_FILE_ERROR])
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) {
        snprintf(error, MARK_FILE_ERROR, "%.100s: %s", path, strerror(errno));
        return false;
    }
    write_all(out, f);
    bool bad = ferror(out) != 0;
    bad |= fclose(out) != 0;
    if (bad) {
        snprintf(error, MARK_FILE_ERROR, "%.100s: %s", path, strerror(errno));
        unlink(path);
    }
    return !bad;
}

/* ---- reading ------------------------------------------------------------------------ */

static bool get_number(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *j = json_object_get(object, key);
    if (!json_is_integer(j) || json_integer_value(j) < 0)
        return false;
    *out = (uint64_t)json_integer_value(j);
    return true;
}

static bool get_figures(const json_t *object, struct mark_figures *f)
{
    return get_number(object, "allocations", &f->allocations) &&
           get_number(object, "frees", &f->frees) &&
           get_number(object, "bytes_allocated", &f->bytes_allocated) &&
           get_number(object, "bytes_freed", &f->bytes_freed);
}

static uint64_t get_seconds(const json_t *object, const char *key)
{
    double s = json_number_value(json_object_get(object, key));
    return s > 0 && s < 1e10 ? (uint64_t)(s * 1e9) : 0;
}

static void get_text(const json_t *object, const char *key, char *to, size_t size)
{
    const char *s = json_string_value(json_object_get(object, key));
    s = s ? s : "";
    printable_copy(to, size, s, strlen(s));
}

static bool get_head(const json_t *root, struct mark *m)
{
    char tier[16];
    get_text(root, "name", m->name, sizeof m->name);
    get_text(root, "command", m->command, sizeof m->command);
    get_text(root, "tier", tier, sizeof tier);
    m->realtime_ns = get_seconds(root, "realtime_s");
    m->wall_ns = get_seconds(root, "wall_s");
    m->estimated = json_is_true(json_object_get(root, "estimated"));
    m->counted = m->foreign = true;
    return tier_parse(tier, &m->tier) && get_figures(json_object_get(root, "totals"), &m->totals);
}

/* A stack's text out of frames' indexes. NULL: they make no sense. */
static char *get_stack(const json_t *stack, const json_t *frames, uint64_t *room)
{
    char *out, *grown;
    size_t used = 0, index;
    json_t *frame;
    if (!json_is_array(stack) || !(out = malloc(STACK_BOOK_BYTES)))
        return NULL;
    json_array_foreach(stack, index, frame) {
        json_int_t at = json_is_integer(frame) ? json_integer_value(frame) : -1;
        const char *line = at >= 0 ? json_string_value(json_array_get(frames, (size_t)at)) : NULL;
        if (!line || strlen(line) > FRAME_BYTES || used + strlen(line) + 2 > STACK_BOOK_BYTES) {
            free(out);
            return NULL;
        }
        if (used)
            out[used++] = '\n';
        printable_copy(out + used, STACK_BOOK_BYTES - used, line, strlen(line));
        used += strlen(out + used);
    }
    out[used] = '\0';
    grown = realloc(out, used + 1);
    if (used + 1 > *room) {
        free(grown ? grown : out);
        return NULL;
    }
    *room -= used + 1;
    return grown ? grown : out;
}

static bool get_sites(const json_t *root, struct mark_file *f)
{
    const json_t *sites = json_object_get(root, "sites");
    const json_t *frames = json_object_get(root, "frames");
    uint64_t room = TEXT_BYTES;
    size_t n = json_array_size(sites), index;
    json_t *site;
    if (!json_is_array(sites) || !json_is_array(frames) || n > SEG_SITES_MAX ||
        !(f->sites = calloc(n + 1, sizeof *f->sites)))
        return false;
    f->owned = true;
    json_array_foreach(sites, index, site) {
        struct mark_file_site *s = &f->sites[f->n_sites];
        s->stack = get_stack(json_object_get(site, "stack"), frames, &room);
        if (!s->stack)
            return false;
        f->n_sites++;
        if (!get_figures(site, &s->figures))
            return false;
    }
    return true;
}

/* Opened without waiting, in case it is a pipe. */
static FILE *open_file(const char *path, char error[MARK_FILE_ERROR])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(error, MARK_FILE_ERROR, "%.100s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        snprintf(error, MARK_FILE_ERROR, "%.100s: not a file", path);
    } else if ((uint64_t)st.st_size > MARK_FILE_BYTES) {
        snprintf(error, MARK_FILE_ERROR, "%.100s: longer than 64 MiB", path);
    } else {
        return fdopen(fd, "r");
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

bool mark_file_read(const char *path, struct mark_file *out, char error[MARK_FILE_ERROR])
{
    json_error_t why;
    *out = (struct mark_file){ .n_sites = 0 };
    error[0] = '\0';
    FILE *in = open_file(path, error);
    if (!in)
        return false;
    json_t *root = json_loadf(in, 0, &why);
    fclose(in);
    char schema[32];
    get_text(root, "schema", schema, sizeof schema);
    bool done = false;
    if (!root)
        snprintf(error, MARK_FILE_ERROR, "%.80s: no JSON: line %d: %.40s", path, why.line,
                 why.text);
    else if (strcmp(schema, SCHEMA) != 0)
        snprintf(error, MARK_FILE_ERROR, "%.80s: not a mark of memtop (" SCHEMA ")", path);
    else if (!get_head(root, &out->head) || !get_sites(root, out))
        snprintf(error, MARK_FILE_ERROR, "%.80s: a mark that is damaged or too large", path);
    else
        done = true;
    json_decref(root);
    if (!done)
        mark_file_fini(out);
    return done;
}
