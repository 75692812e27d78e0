/* SPDX-License-Identifier: Apache-2.0 */
/* The canvas and what is drawn on it: clipping, widths, hostile text, bars,
 * graphs, in all three sets of glyphs. */
#include "tests/tap.h"

#include <locale.h>
#include <stdlib.h>

#include "tui/view/canvas.h"
#include "tui/view/graph.h"

static struct canvas canvas;

static void start(enum canvas_glyphs glyphs, int rows, int cols)
{
    canvas_fini(&canvas);
    canvas_init(&canvas, glyphs);
    if (canvas_resize(&canvas, rows, cols) != 0)
        abort();
}

/* The canvas as text, rows ended by '/'. */
static const char *shown(void)
{
    static char text[4096];
    char *data;
    size_t size;
    FILE *f = open_memstream(&data, &size);
    canvas_dump(&canvas, f);
    fclose(f);
    for (size_t i = 0; i < size; i++)
        if (data[i] == '\n')
            data[i] = '/';
    snprintf(text, sizeof text, "%s", data);
    free(data);
    return text;
}

static void test_text(void)
{
    start(GLYPHS_BRAILLE, 1, 10);
    tap_is_u64((uint64_t)canvas_text(&canvas, 0, 2, 8, ROLE_PLAIN, "hello"), 5, "columns used");
    tap_is_str(shown(), "  hello/", "plain text");

    start(GLYPHS_BRAILLE, 1, 10);
    canvas_text(&canvas, 0, 0, 6, ROLE_PLAIN, "something");
    tap_is_str(shown(), "somet…/", "a cut is marked");

    start(GLYPHS_ASCII, 1, 10);
    canvas_text(&canvas, 0, 0, 6, ROLE_PLAIN, "something");
    tap_is_str(shown(), "somet~/", "in ASCII too");

    start(GLYPHS_BRAILLE, 1, 20);
    canvas_text_middle(&canvas, 0, 0, 11, ROLE_PLAIN, "namespace::function");
    tap_is_str(shown(), "names…ction/", "cut in the middle");

    start(GLYPHS_BRAILLE, 1, 10);
    canvas_text_right(&canvas, 0, 0, 10, ROLE_PLAIN, "right");
    tap_is_str(shown(), "     right/", "against the right");
}

static void test_utf8(void)
{
    start(GLYPHS_BRAILLE, 1, 12);
    tap_is_u64((uint64_t)canvas_text(&canvas, 0, 0, 12, ROLE_PLAIN, "\xe6\xbc\xa2\xe5\xad\x97"),
               4, "wide characters take two columns");
    tap_is_str(shown(), "漢字/", "and come out whole");

    start(GLYPHS_BRAILLE, 1, 12);
    canvas_text(&canvas, 0, 0, 3, ROLE_PLAIN, "漢字");
    tap_is_str(shown(), "漢…/", "a wide character is never halved");

    start(GLYPHS_BRAILLE, 1, 12);
    tap_is_u64((uint64_t)canvas_text(&canvas, 0, 0, 12, ROLE_PLAIN, "e\xcc\x81z"), 2,
               "a combining accent takes no column");
    tap_is_str(shown(), "e\xcc\x81z/", "and stays with its letter");

    start(GLYPHS_BRAILLE, 1, 12);
    canvas_text(&canvas, 0, 0, 12, ROLE_PLAIN, "a\033[2Jb\x7f" "c\xff\xc0\xaf");
    tap_is_str(shown(), "a?[2Jb?c??" "?/", "controls and invalid bytes become ?");

    start(GLYPHS_BRAILLE, 1, 12);
    canvas_text(&canvas, 0, 0, 12, ROLE_PLAIN, "a\xe2\x80\xae" "b\xc2\x9b" "c");
    tap_is_str(shown(), "ab?c/", "overrides of direction are left out, C1 controls are ?");

    start(GLYPHS_ASCII, 1, 12);
    canvas_text(&canvas, 0, 0, 12, ROLE_PLAIN, "caf\xc3\xa9");
    tap_is_str(shown(), "caf?/", "nothing but ASCII where that is asked for");
}

static void test_clipping(void)
{
    start(GLYPHS_BRAILLE, 2, 4);
    canvas_text(&canvas, -1, 0, 4, ROLE_PLAIN, "no");
    canvas_text(&canvas, 2, 0, 4, ROLE_PLAIN, "no");
    canvas_text(&canvas, 0, 7, 4, ROLE_PLAIN, "no");
    canvas_text(&canvas, 0, 0, 0, ROLE_PLAIN, "no");
    canvas_text(&canvas, 0, 0, -3, ROLE_PLAIN, "no");
    canvas_fill(&canvas, 5, -9, 100, ROLE_PLAIN, 'x');
    canvas_paint(&canvas, 9, 9, 9, ROLE_CURSOR);
    tap_is_str(shown(), "//", "outside of the canvas nothing happens");
    canvas_text(&canvas, 1, 2, 10, ROLE_PLAIN, "wide");
    tap_is_str(shown(), "/  wi/", "text ends at the edge");
    start(GLYPHS_BRAILLE, 0, 0);
    canvas_text(&canvas, 0, 0, 5, ROLE_PLAIN, "x");
    tap_is_str(shown(), "x/", "the smallest canvas has one cell");
}

static void test_bars(void)
{
    start(GLYPHS_BRAILLE, 4, 8);
    graph_bar(&canvas, 0, 0, 8, ROLE_NET, 1);
    graph_bar(&canvas, 1, 0, 8, ROLE_NET, 0.5 + 1.0 / 64);
    graph_bar(&canvas, 2, 0, 8, ROLE_NET, 1e-9);
    graph_bar(&canvas, 3, 0, 8, ROLE_NET, 0);
    tap_is_str(shown(), "████████/████▏/▏//", "bars have eighths, and show the least");

    start(GLYPHS_BRAILLE, 2, 8);
    graph_net_bar(&canvas, 0, 0, 8, 0.25, 0.75);
    graph_net_bar(&canvas, 1, 0, 8, 2.0, 5.0);
    tap_is_str(shown(), "██░░░░/████████/", "net is dark, overall shaded, both bounded");

    start(GLYPHS_ASCII, 1, 8);
    graph_net_bar(&canvas, 0, 0, 8, 0.25, 0.75);
    tap_is_str(shown(), "##----/", "the same in ASCII");
}

static void test_areas(void)
{
    static const double samples[] = { 0, 1, 2, 4, -1, 8 };
    struct rect area = { .rows = 2, .cols = 3 };
    start(GLYPHS_BRAILLE, 2, 3);
    tap_is_u64((uint64_t)graph_samples(&canvas, 3), 6, "braille shows two samples in a cell");
    graph_area(&canvas, area, ROLE_GRAPH, samples, 8);
    tap_is_str(shown(), "  ⢸/⢀⣼⢸/", "braille");

    start(GLYPHS_BLOCKS, 2, 6);
    area.cols = 6;
    graph_area(&canvas, area, ROLE_GRAPH, samples, 8);
    tap_is_str(shown(), "     █/ ▂▄█ █/", "blocks");

    start(GLYPHS_ASCII, 2, 6);
    graph_area(&canvas, area, ROLE_GRAPH, samples, 8);
    tap_is_str(shown(), "     #/ .:# #/", "ASCII");
}

static void test_scales(void)
{
    tap_is_u64((uint64_t)graph_ceiling(0), 1, "no scale below 1");
    tap_is_u64((uint64_t)graph_ceiling(1.5), 2, "1.5");
    tap_is_u64((uint64_t)graph_ceiling(5), 5, "5 fits into 5");
    tap_is_u64((uint64_t)graph_ceiling(51), 100, "51");
    tap_is_u64((uint64_t)graph_ceiling(2001), 5000, "2001");
    tap_is_u64((uint64_t)graph_ceiling_bytes(4097), 8192, "bytes in powers of two");
}

int main(void)
{
    if (!setlocale(LC_ALL, "C.UTF-8")) {
        tap_skip("no locale C.UTF-8 for widths");
        return tap_done();
    }
    test_text();
    test_utf8();
    test_clipping();
    test_bars();
    test_areas();
    test_scales();
    canvas_fini(&canvas);
    return tap_done();
}
