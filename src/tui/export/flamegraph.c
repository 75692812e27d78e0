/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flame graph: one HTML file that needs nothing else, flamegraph.html with
 * the figures in its middle. Stacks of the same names are merged here, so that
 * the file grows with what differs and not with the sites; all that can be
 * looked at (values, order, search) is left to the page.
 *
 * Where it is compared with another snapshot, of another run or build perhaps,
 * both are in the same tree. Then stacks are the same whose modules and functions
 * are, as in a diff: source files may have moved.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model/intern.h"
#include "tui/export/json_text.h"
#include "tui/export/walk.h"
#include "tui/report/report.h"

static const char page[] =
#include "tui/export/flamegraph_page.h"
    ;

#define MARKER "@DATA@\n" /* where the figures go */

/* Plain numbers, as they are compared byte by byte. */
struct frame_key {
    uint32_t function, module, file;
};

/* A node of the merged tree. Its number is 1 + that in `nodes`. */
struct node_key {
    uint32_t parent; /* 0: the root, which is no frame */
    uint32_t frame;
};

enum side { NEW, OLD, SIDES }; /* what is exported, and what it is compared with */

struct node_value {
    uint64_t own[SIDES * EXPORT_VALUES]; /* of stacks that end here, side by side */
};

struct tree {
    struct intern texts, frames, nodes;
    struct node_value *values; /* by number; [0] stays unused */
    uint32_t room;
    unsigned sides; /* 1 or SIDES */
};

static void tree_fini(struct tree *t)
{
    intern_fini(&t->texts);
    intern_fini(&t->frames);
    intern_fini(&t->nodes);
    free(t->values);
}

/* Values for nodes up to `node`. */
static int make_room(struct tree *t, uint32_t node)
{
    if (node < t->room)
        return 0;
    uint32_t room = 2 * node + 256;
    struct node_value *grown = realloc(t->values, room * sizeof *grown);
    if (!grown)
        return -1;
    memset(grown + t->room, 0, (room - t->room) * sizeof *grown);
    t->values = grown;
    t->room = room;
    return 0;
}

static uint32_t frame_number(struct tree *t, const struct walk_frame *f)
{
    const char *file = f->file && t->sides == 1 ? f->file : "";
    struct frame_key key = {
        .function = intern_text(&t->texts, f->function),
        .module = intern_text(&t->texts, f->module),
        .file = intern_text(&t->texts, file),
    };
    return intern_put(&t->frames, &key, sizeof key);
}

/* Merge the site just yielded into the tree. */
static int add_site(struct tree *t, enum side side, const struct walk *w,
                    const struct site_row *site)
{
    uint32_t node = 0;
    for (size_t i = w->depth; i-- > 0;) {
        struct node_key key = { .parent = node, .frame = frame_number(t, &w->frames[i]) };
        node = 1 + intern_put(&t->nodes, &key, sizeof key);
    }
    if (t->texts.failed || t->frames.failed || t->nodes.failed || make_room(t, node) != 0)
        return -1;
    for (unsigned v = 0; v < EXPORT_VALUES; v++)
        t->values[node].own[side * EXPORT_VALUES + v] +=
            export_value_of(site, (enum export_value)v);
    return 0;
}

static int add_sites(struct tree *t, enum side side, const struct export *e)
{
    struct walk w;
    int bad = 0;
    if (walk_init(&w, e) != 0)
        return -1;
    for (const struct site_row *site; bad == 0 && (site = walk_next(&w));)
        bad = add_site(t, side, &w, site);
    return walk_fini(&w) | bad;
}

/* ---- writing ------------------------------------------------------------- */
/* What a snapshot is of. */
static int put_target(FILE *out, const struct export *e)
{
    const struct target_info *t = &e->snapshot->target;
    fputs("\"command\": ", out);
    int bad = json_text(out, t->command);
    const char *slash = strrchr(t->executable, '/');
    fputs(",\n\"program\": ", out);
    bad |= json_text(out, slash ? slash + 1 : t->executable);
    fprintf(out, ",\n\"pid\": %d,\n\"state\": ", t->pid);
    bad |= json_text(out, report_state_name(t->state));
    fprintf(out, ",\n\"wall_ms\": %" PRIu64 ",\n\"taken_ms\": %" PRIu64, t->wall_ns / 1000000,
            (t->start_realtime_ns + t->wall_ns) / 1000000);
    fprintf(out, ",\n\"estimated\": %s", e->snapshot->totals.estimated ? "true" : "false");
    return bad;
}

static int put_head(FILE *out, const struct export *e)
{
    fputs("{\n", out);
    int bad = put_target(out, e);
    fputs(",\n\"against\": ", out);
    fputs(e->against ? "{\n" : "null", out);
    if (e->against) {
        bad |= put_target(out, e->against);
        fputs("\n}", out);
    }
    fprintf(out, ",\n\"inverted\": %s", e->inverted ? "true" : "false");
    fprintf(out, ",\n\"value\": \"%s\"", export_value_name(e->value));
    fputs(",\n\"values\": [", out);
    for (unsigned v = 0; v < EXPORT_VALUES; v++)
        if (export_knows(e, (enum export_value)v))
            fprintf(out, "%s[\"%s\", %s]", v ? ", " : "", export_value_name((enum export_value)v),
                    export_value_is_bytes((enum export_value)v) ? "true" : "false");
    fputs("]", out);
    return bad;
}

static int put_texts(FILE *out, const struct intern *texts)
{
    int bad = 0;
    fputs(",\n\"texts\": [", out);
    for (uint32_t i = 0; bad == 0 && i < texts->count; i++) {
        fputs(i ? ",\n" : "\n", out);
        bad = json_text(out, intern_get(texts, i));
    }
    fputs("]", out);
    return bad;
}

static void put_frames(FILE *out, const struct intern *frames)
{
    fputs(",\n\"frames\": [", out);
    for (uint32_t i = 0; i < frames->count; i++) {
        struct frame_key key;
        memcpy(&key, intern_get(frames, i), sizeof key);
        fprintf(out, "%s[%" PRIu32 ",%" PRIu32 ",%" PRIu32 "]", i ? "," : "", key.function,
                key.module, key.file);
    }
    fputs("]", out);
}

/* Pairs [parent, frame]; parents come first. */
static void put_nodes(FILE *out, const struct intern *nodes)
{
    fputs(",\n\"nodes\": [", out);
    for (uint32_t i = 0; i < nodes->count; i++) {
        struct node_key key;
        memcpy(&key, intern_get(nodes, i), sizeof key);
        fprintf(out, "%s%" PRIu32 ",%" PRIu32, i ? "," : "", key.parent, key.frame);
    }
    fputs("]", out);
}

/* Rows [node, value..], for nodes where stacks end; a comparison's go on with
 * the old values. */
static void put_values(FILE *out, const struct tree *t, const struct export *e)
{
    const char *separator = "";
    fputs(",\n\"own\": [", out);
    for (uint32_t i = 1; i < t->room; i++) {
        const uint64_t *own = t->values[i].own;
        uint64_t any = 0;
        for (unsigned v = 0; v < t->sides * EXPORT_VALUES; v++)
            any |= own[v];
        if (!any)
            continue;
        fprintf(out, "%s\n[%" PRIu32, separator, i);
        for (unsigned v = 0; v < t->sides * EXPORT_VALUES; v++)
            if (export_knows(e, (enum export_value)(v % EXPORT_VALUES)))
                fprintf(out, ",%" PRIu64, own[v]);
        fputc(']', out);
        separator = ",";
    }
    fputs("]\n}\n", out);
}

int export_flamegraph(FILE *out, const struct export *e)
{
    struct tree t = { .sides = e->against ? SIDES : 1 };
    const char *marker = strstr(page, MARKER);
    int bad = add_sites(&t, NEW, e);
    if (bad == 0 && e->against)
        bad = add_sites(&t, OLD, e->against);
    if (bad == 0) {
        fwrite(page, 1, (size_t)(marker - page), out);
        bad = put_head(out, e) | put_texts(out, &t.texts);
        put_frames(out, &t.frames);
        put_nodes(out, &t.nodes);
        put_values(out, &t, e);
        fputs(marker + strlen(MARKER), out);
    }
    tree_fini(&t);
    return bad;
}
