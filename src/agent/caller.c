/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a stack to its site: the recent ones, then the memo and a walk, then the hash of
 * the whole stack, and for those that nobody met the trie.
 *
 * Runs inside malloc, with the thread's gate shut.
 */
#include "agent/caller.h"

#include "agent/known.h"
#include "agent/modules.h"
#include "agent/record.h"
#include "agent/trie.h"
#include "agent/verify.h"

static uint32_t flags_of(enum stack_end end)
{
    return end == STACK_CUT       ? SEG_SITE_CUT
           : end == STACK_BROKEN  ? SEG_SITE_BROKEN
           : end == STACK_FOREIGN ? SEG_SITE_FOREIGN
                                  : 0;
}

/* A stack that is not known: pcs[0..fresh) and the memo's `kept` outermost
 * frames. Ask the trie. */
static __attribute__((noinline)) uint32_t meet_site(struct thread *t, size_t kept, size_t fresh,
                                                    uint64_t hash, enum stack_end end)
{
    /* Begin below the innermost of the kept frames whose node is known. */
    size_t known = t->n_nodes;
    for (size_t i = kept; i > known; i--)
        t->pcs[fresh++] = t->memo.pcs[i - 1];
    bool found = trie_find(known ? t->nodes[known - 1] : 0, t->pcs, fresh, t->nodes + known);
    if (!found)
        return 0;
    t->n_nodes = known + fresh;
    uint32_t site = trie_site(t->nodes[t->n_nodes - 1], flags_of(end));
    if (site)
        known_add(hash, site);
    return site;
}

/* Of a stack that the memo does not remember. */
static __attribute__((noinline)) uint64_t hash_of(const uint64_t *pcs, size_t n)
{
    uint64_t hash = known_seed(__atomic_load_n(&stack_generation, __ATOMIC_ACQUIRE));
    while (n-- > 0)
        hash = known_mix(hash, pcs[n]);
    return hash;
}

/* The last stack came again: the hot path may look for it from now on. */
static void expect_again(struct thread *t, const struct stack_frame *caller)
{
    t->again.frame = 0;
    if (t->site == 0 || !t->again.counters || !memo_line_up(&t->memo))
        return;
    t->again.frame = stack_hook_frame(caller->sp);
    t->again.what = blocks_what(0, t->site);
    t->again.run = 0;
}

/* For hooks that have no quick way. */
static bool is_recent(struct thread *t, const struct stack_frame *caller, uint64_t care)
{
    const uintptr_t *saved = (const uintptr_t *)stack_hook_frame(caller->sp);
    bool tried = t->recent.missed == caller->sp;
    t->recent.missed = 0;
    return !tried && t->recent.care == care && *saved == caller->fp &&
           record_recent_stack(t, caller->sp, care);
}

/* If the memo's stack was met before, it is to be remembered. */
static void prepare_recent(struct thread *t, const struct stack_frame *caller, uint64_t care)
{
    const struct memo *m = &t->memo;
    if (m->depth != 0 && recent_seen(&t->recent, m->hashes[m->depth - 1], t->row) &&
        memo_line_up(&t->memo))
        recent_prepare(&t->recent, m, caller->sp, care);
}

static uint32_t look_up(struct thread *t, const struct stack_frame *caller, uint64_t care)
{
    size_t holds = MEMO_UNKNOWN;
    t->recent.prepared = NULL;
    t->cut = false;
    if (is_recent(t, caller, care))
        return t->again.site;
    if (memo_same(&t->memo, caller, &holds)) {
        if (t->again.site != t->site)
            t->again.counters = NULL;
        expect_again(t, caller);
        return t->again.site = t->site;
    }
    enum stack_end end;
    size_t fresh, kept = memo_unwind(&t->memo, caller, holds, t->pcs, &fresh, &end);
    size_t depth = t->memo.depth;
    uint64_t hash = __builtin_expect(depth != 0, 1) ? t->memo.hashes[depth - 1]
                                                    : hash_of(t->pcs, fresh);
    if (t->n_nodes > kept)
        t->n_nodes = kept;
    t->again.frame = 0;
    t->again.counters = NULL;
    known_fetch(hash);
    recent_learn(&t->recent, &t->memo, fresh);
    prepare_recent(t, caller, care); /* while that comes from memory */
    t->cut = end == STACK_CUT;
    uint32_t site = known_site(hash);
    t->site = __builtin_expect(site != 0, 1) ? site : meet_site(t, kept, fresh, hash, end);
    return t->again.site = t->site;
}

/* When modules may have gone, and when stacks are verified. */
static __attribute__((noinline, cold)) uint32_t
site_carefully(struct thread *t, const struct stack_frame *caller, uint64_t care)
{
    modules_check();
    /* So that what the hot path would do is verified, too. */
    bool same = record_same_stack_at(t, caller->sp, care_without_reasons());
    uint32_t site = same ? t->again.site : look_up(t, caller, care);
    verify_site(t, caller, site);
    return site;
}

uint32_t caller_site(struct thread *t, const struct stack_frame *caller, uint64_t care)
{
    bool carefully = __atomic_load_n(&modules_suspects, __ATOMIC_RELAXED) != 0;
    uint32_t site = __builtin_expect(carefully, 0) ? site_carefully(t, caller, care)
                                                   : look_up(t, caller, care);
    if (__builtin_expect(t->cut, 0))
        OWNED_ADD(&t->page->cut_stacks, 1);
    return site;
}

struct seg_site_counters *caller_counters(struct thread *t, uint32_t *site,
                                          const struct stack_frame *caller)
{
    struct seg_site_counters *c = sites_counters_or_0(t, site);
    t->again.counters = *site == t->again.site ? c : NULL;
    if (*site != 0 && t->again.run >= RECORD_RUN)
        expect_again(t, caller);
    else if (*site != 0)
        recent_add(&t->recent, record_known(*site, c));
    return c;
}

/* Not where stacks are such that memos do not remember them: caller_site would have to
 * find them once more, if it is asked after all. */
bool caller_find(struct thread *t, uint64_t care)
{
    const struct stack_frame *caller = &t->caller;
    if (care != care_without_reasons() || t->memo.depth == 0)
        return false;
    recent_fetch(&t->recent, caller->sp, care);
    uint32_t site = look_up(t, caller, care);
    if (t->memo.depth == 0)
        return false;
    if (!t->again.counters)
        caller_counters(t, &site, caller);
    thread_learn_anew(t, care);
    t->again.what = blocks_what(0, site);
    return site != 0 && t->again.counters != NULL;
}
