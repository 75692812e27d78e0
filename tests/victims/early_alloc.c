/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations at the edges of a process's life: in an IFUNC resolver, a first
 * constructor, destructors of threads, exit handlers, a last destructor; and
 * blocks from each that are resized and freed later. Build: -pthread.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"

int __cxa_thread_atexit_impl(void (*function)(void *), void *arg, void *dso);
int answer(void);
extern void *__dso_handle;

static char *from_resolver, *from_constructor;
static pthread_key_t key;

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

static char *fresh(size_t size)
{
    char *p = keep(malloc(size));
    if (!p)
        _exit(2);
    memset(p, 0x11, size);
    return p;
}

static int the_answer(void)
{
    return 42;
}

typedef int answer_function(void);

/* Runs while the loader relocates the program: it may call little. */
static answer_function *choose(void)
{
    char *p = keep(calloc(10, 10));
    if (p) {
        p[99] = 7;
        p = keep(realloc(p, 200));
    }
    from_resolver = p;
    free(keep(malloc(24)));
    return the_answer;
}

int answer(void) __attribute__((ifunc("choose")));

__attribute__((constructor(101))) static void first(void)
{
    from_constructor = fresh(50);
    free(fresh(60));
    say("constructor\n");
}

__attribute__((destructor(101))) static void last(void)
{
    free(fresh(70));
    free(from_constructor);
    say("destructor\n");
}

static void at_exit(void)
{
    free(fresh(80));
    say("exit handler\n");
}

static void thread_gone(void *p)
{
    free(p);
    free(fresh(90));
    say("thread destructor\n");
}

static void key_gone(void *p)
{
    free(p);
    free(fresh(100));
    say("key destructor\n");
}

static void *thread(void *unused)
{
    __cxa_thread_atexit_impl(thread_gone, fresh(110), &__dso_handle);
    pthread_setspecific(key, fresh(120));
    return unused;
}

int main(void)
{
    pthread_t id;
    atexit(at_exit);
    pthread_key_create(&key, key_gone);
    pthread_create(&id, NULL, thread, NULL);
    pthread_join(id, NULL);
    __cxa_thread_atexit_impl(thread_gone, fresh(130), &__dso_handle);
    if (answer() != 42 || !from_resolver || from_resolver[99] != 7 || from_resolver[0] != 0)
        return 3;
    if (malloc_usable_size(from_resolver) < 200)
        return 4;
    from_resolver = keep(realloc(from_resolver, 5000));
    if (!from_resolver || from_resolver[99] != 7)
        return 5;
    free(from_resolver);
    from_constructor = keep(realloc(from_constructor, 3000));
    return from_constructor[49] == 0x11 ? 0 : 6;
}
