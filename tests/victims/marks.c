/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks around marks: it prints the address and size of each block that is
 * alive, sets marks between them, and obeys lines on its input: "a" makes
 * blocks and sets a mark "a", "f" frees every other block, "q" ends it. Each
 * line that it prints is "block ADDRESS SIZE MARK": MARK counts the marks
 * before it; "ready" says that it waits.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/memtop.h"

#include "victim.h"

#define MOST 4096

static struct {
    void *p;
    size_t size;
    int mark;
} blocks[MOST];
static int n, marks;

static void add(size_t size)
{
    if (n < MOST)
        blocks[n].p = keep(malloc(hidden(size))), blocks[n].size = size,
        blocks[n++].mark = marks;
}

__attribute__((noinline)) static void make_small(void)
{
    for (int i = 0; i < 300; i++)
        add((size_t)(1 + i % 61));
}

__attribute__((noinline)) static void make_large(void)
{
    for (int i = 0; i < 20; i++)
        add((size_t)(20000 + 4096 * i));
    add(3000000);
}

static void mark(const char *name)
{
    memtop_mark(name);
    marks++;
}

static void say_all(void)
{
    for (int i = 0; i < n; i++)
        if (blocks[i].p)
            printf("block %p %zu %d\n", blocks[i].p, blocks[i].size, blocks[i].mark);
    printf("ready\n");
    fflush(stdout);
}

int main(void)
{
    static char buffer[1 << 16];
    char line[64];
    ssize_t got;
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    make_small();
    mark("first");
    make_large();
    mark("second\033[31m");
    make_small();
    say_all();
    while ((got = read(STDIN_FILENO, line, sizeof line)) > 0 && line[0] != 'q') {
        if (line[0] == 'a') {
            mark("a");
            make_small();
        }
        for (int i = 0; i < n && line[0] == 'f'; i += 2) {
            free(blocks[i].p);
            blocks[i].p = NULL;
        }
        say_all();
    }
    return 0;
}
