/* SPDX-License-Identifier: Apache-2.0 */
/*
 * C++ operators new and delete, under their mangled names. Where the next ones
 * reach malloc by themselves, these are a jump to them and leave no frame on
 * the stack. Where an allocator hands out memory without malloc, calls are
 * recorded here. Runs inside malloc; exceptions of the next operator pass
 * through without finding anything to clean up.
 */
#include "agent/hooks.h"

/* A new_handler may run inside the next operator, and allocates on the
 * program's behalf: the tracker is entered only afterwards. */
static inline void *record_new(void *p, size_t size, const struct stack_frame *caller)
{
    return hook_allocated(tracker_enter(), SEG_FN_NEW, p, size, caller);
}

/* There is no next operator for the whole program: a plugin brought its C++
 * runtime along for itself, and that would call malloc now. */
static inline void *new_of_malloc(size_t size, size_t align,
                                  const struct stack_frame *caller)
{
    if (size == 0)
        size = 1;
    if (!real_ready())
        return arena_alloc(align ? align : ARENA_ALIGN, size);
    if (align == 0)
        return hook_malloc(size, caller);
    struct thread *t = tracker_enter();
    return hook_allocated(t, SEG_FN_ALIGNED_ALLOC, real.aligned_alloc(align, size),
                          size, caller);
}

/* The second function is reached by a jump, too, so that it finds the caller's
 * frame. Only the runtime of the caller can throw its std::bad_alloc. */
#define HOOK_NEW(id, name, params, args, align)                                 \
    typedef void *type_##id params;                                             \
    HOOK type_##id hook_##id __asm__(name);                                     \
    static __attribute__((noinline)) void *other_##id params                    \
    {                                                                           \
        type_##id *next = NULL;                                                 \
        if (real_ready())                                                       \
            next = (type_##id *)real_operators.direct[REAL_##id];               \
        if (next)                                                               \
            return record_new(next args, size, HOOK_CALLER());                  \
        void *p = new_of_malloc(size, (align), HOOK_CALLER());                  \
        if (p)                                                                  \
            return p;                                                           \
        next = (type_##id *)real_cxx_find_for(REAL_##id,                        \
                                              __builtin_return_address(0));     \
        return next ? next args : NULL;                                         \
    }                                                                           \
    HOOK void *hook_##id params                                                 \
    {                                                                           \
        type_##id *next = (type_##id *)real_operators.forward[REAL_##id];       \
        return __builtin_expect(next != NULL, 1) ? next args : other_##id args; \
    }

#define HOOK_DELETE(id, name, params, args)                                     \
    typedef void type_##id params;                                              \
    HOOK type_##id hook_##id __asm__(name);                                     \
    static __attribute__((noinline)) void other_##id params                     \
    {                                                                           \
        if (!hook_must_release(p))                                              \
            return;                                                             \
        type_##id *next = (type_##id *)real_operators.direct[REAL_##id];        \
        if (!next) {                                                            \
            hook_free(p);                                                       \
            return;                                                             \
        }                                                                       \
        struct thread *t = hook_releasing(SEG_FN_DELETE, p);                    \
        next args;                                                              \
        hook_released(t);                                                       \
    }                                                                           \
    HOOK void hook_##id params                                                  \
    {                                                                           \
        type_##id *next = (type_##id *)real_operators.forward[REAL_##id];       \
        if (__builtin_expect(next != NULL, 1))                                  \
            next args;                                                          \
        else                                                                    \
            other_##id args;                                                    \
    }

#define HOOK_N(id, name)   HOOK_NEW(id, name, (size_t size), (size), 0)
#define HOOK_N_T(id, name) HOOK_NEW(id, name, (size_t size, const void *tag), \
                                    (size, tag), 0)
#define HOOK_N_A(id, name) HOOK_NEW(id, name, (size_t size, size_t align), \
                                    (size, align), align)
#define HOOK_N_AT(id, name) \
    HOOK_NEW(id, name, (size_t size, size_t align, const void *tag), \
             (size, align, tag), align)
#define HOOK_D(id, name)   HOOK_DELETE(id, name, (void *p), (p))
#define HOOK_D_S(id, name) HOOK_DELETE(id, name, (void *p, size_t size), (p, size))
#define HOOK_D_T(id, name) HOOK_DELETE(id, name, (void *p, const void *tag), (p, tag))
#define HOOK_D_A(id, name) HOOK_DELETE(id, name, (void *p, size_t align), (p, align))
#define HOOK_D_SA(id, name) \
    HOOK_DELETE(id, name, (void *p, size_t size, size_t align), (p, size, align))
#define HOOK_D_AT(id, name) \
    HOOK_DELETE(id, name, (void *p, size_t align, const void *tag), (p, align, tag))

#define HOOK_OPERATOR(id, name, takes) HOOK_##takes(id, name)
REAL_OPERATORS(HOOK_OPERATOR, REAL_SIZE_LETTER)
