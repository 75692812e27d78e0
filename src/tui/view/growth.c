/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks are taken, compared and summed; see growth.h. Files are growth_job.c's.
 */
#include "tui/view/growth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/view/format.h"
#include "tui/view/growth_job.h"

#define MS UINT64_C(1000000)
#define PASS_NS (1000 * MS) /* live blocks are summed again after so long, and */
#define PASS_SHARE 20       /* after so many times what it took */
#define EVENTS_MOST (MARKS_MAX / 2) /* marks of the program that are kept */
#define NAMING_NS (50 * MS)

void growth_init(struct growth *g)
{
    *g = (struct growth){ .mode = GROWTH_OFF };
    stack_book_init(&g->book);
}

/* ---- what is compared ----------------------------------------------------------- */

static void end_pass(struct growth *g)
{
    block_walk_free(g->pass);
    g->pass = NULL;
}

static void compare(struct growth *g, enum growth_mode mode, const struct mark *from,
                    const struct mark *to)
{
    end_pass(g);
    g->mode = mode;
    g->from = from;
    g->to = to;
    g->figures = g->alive_known = g->naming = false;
    g->diff.n = 0;
    g->diffed = 0;
    g->next_pass_ns = 0;
    g->version++;
    if (mode != GROWTH_OFF && g->no_births)
        snprintf(g->message, sizeof g->message, "what is still alive is not known: %s",
                 SNAPSHOT_NO_BIRTHS);
}

void growth_rest(struct growth *g)
{
    end_pass(g);
    g->next_pass_ns = 0;
}

static bool has_figures(const struct growth *g)
{
    return g->from->counted && (!g->to || g->to->counted);
}

void growth_since(struct growth *g, size_t mark)
{
    if (mark < g->n_marks)
        compare(g, GROWTH_SINCE, g->marks[mark], NULL);
}

static void compare_pair(struct growth *g, const struct mark *a, const struct mark *b)
{
    if (a->counted && b->counted)
        compare(g, GROWTH_PAIR, a, b);
    else
        compare(g, GROWTH_SINCE, a, NULL);
}

void growth_toggle(struct growth *g)
{
    size_t n = g->n_marks;
    bool pair = g->tags[0] && g->tags[1];
    if (!n)
        snprintf(g->message, sizeof g->message, "no marks yet: m sets one");
    else if (g->mode == GROWTH_OFF && pair)
        compare_pair(g, g->tags[0], g->tags[1]);
    else if (g->mode == GROWTH_OFF && n > 1)
        compare_pair(g, g->marks[n - 2], g->marks[n - 1]);
    else if (g->mode == GROWTH_OFF || (g->mode == GROWTH_PAIR && !pair))
        growth_since(g, n - 1);
    else
        compare(g, GROWTH_OFF, NULL, NULL);
}

struct growth_births growth_births(const struct growth *g)
{
    struct growth_births births = { .since = 0, .until = UINT64_MAX };
    if (g->mode == GROWTH_OFF || g->no_births || g->from->foreign || (g->to && g->to->foreign))
        return births;
    births.since = g->from->stamp;
    if (g->to)
        births.until = g->to->stamp;
    return births;
}

char *growth_describe(const struct growth *g, const struct snapshot *s, char *out, size_t n)
{
    char age[24];
    out[0] = '\0';
    if (g->mode == GROWTH_PAIR)
        snprintf(out, n, "from %.40s to %.40s", g->from->name, g->to->name);
    else if (g->mode == GROWTH_SINCE && g->from->foreign)
        snprintf(out, n, "against %.40s of another run", g->from->name);
    else if (g->mode == GROWTH_SINCE)
        snprintf(out, n, "since %.40s, %s ago", g->from->name,
                 format_duration(age, sizeof age, s->target.wall_ns > g->from->wall_ns
                                                      ? s->target.wall_ns - g->from->wall_ns : 0));
    return out;
}

/* ---- marks ---------------------------------------------------------------------- */

static bool add_mark(struct growth *g, struct mark *m)
{
    if (!m || g->n_marks == MARKS_MAX) {
        snprintf(g->message, sizeof g->message, m ? "there are %d marks: delete some first"
                                                  : "not enough memory", MARKS_MAX);
        mark_free(m);
        return false;
    }
    if (!m->name[0]) {
        char name[MARK_NAME];
        snprintf(name, sizeof name, "mark %u", ++g->auto_number);
        mark_rename(m, name);
    }
    g->marks[g->n_marks++] = m;
    g->version++;
    return true;
}

bool growth_mark(struct growth *g, struct target *t)
{
    char live[24];
    target_read_now(t);
    if (!add_mark(g, mark_take(&t->snapshot, "")))
        return false;
    const struct mark *m = g->marks[g->n_marks - 1];
    snprintf(g->message, sizeof g->message, "%s is set at %s live: D shows what grew", m->name,
             format_bytes(live, sizeof live, mark_live_bytes(&m->totals)));
    return true;
}

static void remove_at(struct growth *g, size_t i)
{
    struct mark *m = g->marks[i];
    if (g->from == m || g->to == m)
        compare(g, GROWTH_OFF, NULL, NULL);
    for (int k = 0; k < 2; k++)
        g->tags[k] = g->tags[k] == m ? NULL : g->tags[k];
    mark_free(m);
    memmove(&g->marks[i], &g->marks[i + 1], (--g->n_marks - i) * sizeof *g->marks);
    g->version++;
}

void growth_delete(struct growth *g, size_t mark)
{
    if (mark >= g->n_marks)
        return;
    const char *what = growth_job_uses(g->job, g->marks[mark]) ? "is being saved" : "is deleted";
    snprintf(g->message, sizeof g->message, "%s %s", g->marks[mark]->name, what);
    if (!growth_job_uses(g->job, g->marks[mark]))
        remove_at(g, mark);
}

void growth_rename(struct growth *g, size_t mark, const char *name)
{
    if (mark < g->n_marks && *name)
        mark_rename(g->marks[mark], name);
}

/* A, then B; a third one takes B's place. */
void growth_tag(struct growth *g, size_t mark)
{
    if (mark >= g->n_marks)
        return;
    struct mark *m = g->marks[mark];
    if (g->tags[0] == m) {
        g->tags[0] = g->tags[1];
        g->tags[1] = NULL;
    } else if (g->tags[1] == m) {
        g->tags[1] = NULL;
    } else {
        g->tags[g->tags[0] ? 1 : 0] = m;
    }
    if (g->mode == GROWTH_PAIR)
        compare(g, GROWTH_OFF, NULL, NULL);
}

void growth_forget(struct growth *g)
{
    growth_job_wait(g);
    compare(g, GROWTH_OFF, NULL, NULL);
    for (size_t i = g->n_marks; i-- > 0;)
        if (!g->marks[i]->foreign)
            remove_at(g, i);
    stack_book_forget_sites(&g->book);
    g->begun = false;
    g->last_event = 0;
}

void growth_fini(struct growth *g)
{
    growth_forget(g);
    while (g->n_marks)
        remove_at(g, g->n_marks - 1);
    stack_book_fini(&g->book);
    mark_diff_fini(&g->diff);
    free(g->alive);
    free(g->next);
    growth_init(g);
}

/* ---- marks that the program set ------------------------------------------------- */

static bool is_in_use(const struct growth *g, const struct mark *m)
{
    return m == g->from || m == g->to || m == g->tags[0] || m == g->tags[1] ||
           growth_job_uses(g->job, m);
}

/* A program may set marks without end: its oldest ones make room. */
static void make_room(struct growth *g)
{
    size_t events = 0;
    for (size_t i = 0; i < g->n_marks; i++)
        events += g->marks[i]->number != 0;
    for (size_t i = 0; i < g->n_marks && events >= EVENTS_MOST; i++)
        if (g->marks[i]->number && !is_in_use(g, g->marks[i])) {
            remove_at(g, i);
            return;
        }
}

/* A recording has a snapshot soon after each mark. */
static struct mark *mark_of_recording(const struct target *t, const struct mark_event *e)
{
    size_t i = 0, last = archive_count(t->archive) - 1;
    struct snapshot s;
    struct mark *m = NULL;
    while (i < last && archive_moment(t->archive, i)->wall_ns < e->ns)
        i++;
    snapshot_init(&s);
    if (archive_is_recording(t->archive) && archive_load(t->archive, i, &s))
        m = mark_take(&s, e->name);
    snapshot_fini(&s);
    return m ? m : mark_of_event(&t->snapshot, e);
}

/* Those from before we looked have only their moment. Of the others the figures
 * are copied at once, which is within one refresh of the event. */
static bool take_events(struct growth *g, struct target *t)
{
    const struct snapshot *s = &t->snapshot;
    size_t first = s->n_marks;
    while (first > 0 && s->marks[first - 1].number > g->last_event)
        first--;
    bool fresh = first < s->n_marks, late = !g->begun;
    if (s->n_marks - first > EVENTS_MOST)
        first = s->n_marks - EVENTS_MOST;
    g->begun = true;
    if (!fresh)
        return false;
    if (!late)
        target_read_now(t);
    for (size_t i = first; i < s->n_marks; i++) {
        const struct mark_event *e = &s->marks[i];
        struct mark *m = t->archive ? mark_of_recording(t, e)
                         : late     ? mark_of_event(s, e) : mark_take(s, e->name);
        if (m) {
            m->number = e->number;
            m->late_ns = late || s->target.wall_ns < e->ns ? 0 : s->target.wall_ns - e->ns;
            m->wall_ns = e->ns;
            m->stamp = e->stamp;
        }
        g->last_event = e->number;
        make_room(g);
        if (add_mark(g, m) && !late)
            snprintf(g->message, sizeof g->message, "the program set a mark: %s", m->name);
    }
    return true;
}

/* ---- the comparison ------------------------------------------------------------- */

static bool update_diff(struct growth *g, struct target *t)
{
    bool by_key = g->from->foreign || (g->to && g->to->foreign);
    if (!has_figures(g) || (g->diffed == t->sites_version && !g->naming))
        return false;
    if (by_key)
        g->naming = !stack_book_name_sites(&g->book, t->symbols, &t->snapshot, GROWTH_SLICE_MS);
    if (g->naming && g->figures)
        return false; /* what is shown is complete, though not new */
    if (!mark_diff(g->from, g->to, &t->snapshot, &g->book, &g->diff))
        return false;
    g->figures = true;
    g->diffed = t->sites_version;
    g->version++;
    return true;
}

/* ---- allocated since and still alive -------------------------------------------- */

static void sum_block(void *data, const struct block_row *row)
{
    struct growth *g = data;
    if (row->birth < g->births.since || row->birth >= g->births.until ||
        row->site >= g->n_next)
        return;
    g->next[row->site].blocks += row->blocks;
    g->next[row->site].bytes += row->bytes;
}

static bool begin_pass(struct growth *g, struct target *t, uint64_t now)
{
    size_t n = t->snapshot.n_sites + 4096; /* some may come meanwhile */
    struct growth_alive *next = realloc(g->next, n * sizeof *next);
    if (!next)
        return false;
    memset(next, 0, n * sizeof *next);
    g->next = next;
    g->births = growth_births(g);
    g->n_next = n;
    g->pass = block_walk_new(t);
    g->pass_begin_ns = now;
    g->begun_final = t->ended;
    return g->pass != NULL;
}

static bool finish_pass(struct growth *g)
{
    struct growth_alive *old = g->alive;
    uint64_t now = target_now(), took = now - g->pass_begin_ns;
    size_t n_old = g->n_alive;
    end_pass(g);
    g->alive = g->next;
    g->n_alive = g->n_next;
    g->next = old;
    g->n_next = n_old;
    g->alive_known = true;
    g->final = g->begun_final;
    g->next_pass_ns = now + (took * PASS_SHARE > PASS_NS ? took * PASS_SHARE : PASS_NS);
    g->version++;
    return true;
}

/* After the end of the target one pass more is made, and that is the last. */
static bool wants_alive(const struct growth *g, const struct target *t)
{
    return growth_births(g).since && block_walk_possible(t) &&
           !(t->ended && g->alive_known && g->final);
}

static bool update_alive(struct growth *g, struct target *t, uint64_t now)
{
    if (t->ended && !g->ended)
        g->next_pass_ns = now; /* nothing to spare it for any more */
    g->ended = t->ended;
    if (!wants_alive(g, t))
        return false;
    if (!g->pass && (now < g->next_pass_ns || !begin_pass(g, t, now))) {
        if (!g->pass && now >= g->next_pass_ns)
            g->next_pass_ns = now + PASS_NS;
        return false;
    }
    return block_walk_step(g->pass, GROWTH_SLICE_MS, sum_block, g) == READER_OK &&
           finish_pass(g);
}

/* ---- the loop's side ------------------------------------------------------------ */

bool growth_follow(struct growth *g, struct target *t, uint64_t now, bool shown)
{
    bool news = false;
    if (!t->filled)
        return false;
    g->no_births = !snapshot_has_births(&t->snapshot);
    news |= growth_job_follow(g, t);
    news |= take_events(g, t);
    if (g->mode == GROWTH_OFF || !shown)
        return news;
    news |= update_diff(g, t);
    news |= update_alive(g, t, now);
    return news;
}

uint64_t growth_due(const struct growth *g, const struct target *t, bool shown)
{
    uint64_t now = target_now();
    if (!t->filled)
        return UINT64_MAX;
    if (g->job || (shown && g->mode != GROWTH_OFF && g->naming))
        return now + NAMING_NS;
    if (!shown || g->mode == GROWTH_OFF)
        return UINT64_MAX;
    if (has_figures(g) && !g->figures)
        return now;
    if (!wants_alive(g, t))
        return UINT64_MAX;
    return g->pass ? now : g->next_pass_ns;
}
