/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trie's nodes live in the segment. All the nodes that a new stack needs are
 * made in one run, with one number after the other: so the child that a node was
 * made with is the node behind it. All other children, the heads of runs, are found
 * through a private hash over (parent, pc): a row of open-addressing tables, each
 * twice as long as the one before. New heads go into the youngest; a look-up that
 * succeeds in an older one copies the entry forward. So the index grows without ever
 * being rebuilt, and no insertion pauses. The tables are wiped by fork. A run is
 * complete when its head is published, and reached by nobody before that.
 *
 * A slot holds some bits of the hash beside the node, so that nodes that are not
 * meant are rarely looked at: they are in no cache.
 *
 * Two threads that meet a new stack in the instant in which a table is added
 * may each make a node for it: the stack then has two sites.
 */
#include "agent/trie.h"

#include <sys/mman.h>

#include "agent/clock.h"
#include "agent/modules.h"
#include "agent/reserve.h"
#include "agent/store.h"
#include "agent/wiped.h"

#define FIRST_BITS 12u /* slots of the first table: 4096 */
#define TABLES_MAX 14u /* the last has 2^25 */
#define PROBES 32u
#define FETCHED 3u /* lines of nodes */

struct index {
    uint32_t youngest; /* table, atomic */
    uint32_t filled;   /* slots used in it, atomic */
    uint32_t since[TABLES_MAX]; /* see is_since; 0: not known; atomic */
    uint32_t slots[];  /* table k starts at first_slot(k) */
};

static struct index *index_;
static unsigned tables; /* there may be in it */

/* A slot: 0, or a node's number and above that a tag, the upper bits of its hash. */
#define NODE_MASK (SEG_NODES_MAX - 1)
_Static_assert((SEG_NODES_MAX & NODE_MASK) == 0 && NODE_MASK >= 1u << 23, "a tag of 8 bits");

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) & ~NODE_MASK;
}

/* Nodes of code that is gone, and that do not yet say so: those of [start, end)
 * among the nodes [next, limit). Slices are handed out by `next`. */
#define RETIREMENTS 16u
#define RETIRE_SLICE 2048u /* nodes; some 10 us */
static struct retirement {
    uint64_t start; /* 0: free, 1: being filled; all of them are atomic */
    uint64_t end;
    uint64_t limit;
    uint64_t next;
    uint64_t left;  /* nodes that are not done */
    uint32_t users; /* threads that mark some: it is not filled anew meanwhile */
} retirements[RETIREMENTS];
static uint32_t retiring; /* atomic: how many of them are in use */

static size_t first_slot(unsigned table)
{
    return ((size_t)1 << (FIRST_BITS + table)) - ((size_t)1 << FIRST_BITS);
}

static size_t index_bytes(void)
{
    return sizeof *index_ + first_slot(tables) * sizeof(uint32_t);
}

bool trie_init(void)
{
    if (!index_) {
        tables = TABLES_MAX - reserve_halvings();
        index_ = wiped_map(index_bytes());
    }
    return index_ != NULL;
}

void trie_release(void)
{
    wiped_unmap(index_);
    index_ = NULL;
}

void trie_forget(void)
{
    madvise(index_, index_bytes(), MADV_DONTNEED);
}

bool trie_attach(void)
{
    for (unsigned i = 0; i < RETIREMENTS; i++)
        retirements[i].start = 0;
    retiring = 0;
    return store_append(SEG_NODES) == 0 && store_append(SEG_SITES) == 0;
}

static uint64_t hash(uint32_t parent, uint64_t pc)
{
    uint64_t h = (pc ^ (uint64_t)parent << 32 ^ parent) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static uint64_t pc_of(uint32_t node)
{
    return __atomic_load_n(&store.nodes[node].pc, __ATOMIC_ACQUIRE);
}

/* Does a node belong to code that is gone? */
static __attribute__((noinline)) bool is_retiring(uint32_t node)
{
    uint64_t pc = pc_of(node) & SEG_PC_MASK;
    for (unsigned i = 0; i < RETIREMENTS; i++) {
        const struct retirement *r = &retirements[i];
        uint64_t start = __atomic_load_n(&r->start, __ATOMIC_ACQUIRE);
        uint64_t end = __atomic_load_n(&r->end, __ATOMIC_ACQUIRE);
        uint64_t limit = __atomic_load_n(&r->limit, __ATOMIC_ACQUIRE);
        if (start > 1 && node < limit && pc >= start && pc < end &&
            __atomic_load_n(&r->start, __ATOMIC_RELAXED) == start) /* they belong together */
            return true;
    }
    return false;
}

/* The pc is looked at first: who sees it sees the rest of the node. */
static bool is_child(uint32_t node, uint32_t parent, uint64_t pc)
{
    return pc_of(node) == pc && store.nodes[node].parent == parent &&
           !(__atomic_load_n(&retiring, __ATOMIC_ACQUIRE) && is_retiring(node));
}

/* The child that `parent`, which is in use, was made with, if it is this one; else 0. */
static uint32_t next_in_run(uint32_t parent, uint64_t pc)
{
    uint32_t node = parent + 1;
    return node < store_count(SEG_NODES) && is_child(node, parent, pc) &&
           store.nodes[node].follows ? node : 0;
}

/* The i-th slot of a table in which a node may be. */
static uint32_t *slot_of(unsigned table, uint64_t h, unsigned i)
{
    size_t mask = ((size_t)1 << (FIRST_BITS + table)) - 1;
    return &index_->slots[first_slot(table) + ((h + i) & mask)];
}

/* Look into one table. Returns the node, or 0 with *free at the slot where it
 * could go (NULL: none near). */
static uint32_t probe(unsigned table, uint64_t h, uint32_t parent, uint64_t pc,
                      uint32_t **free)
{
    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t *slot = slot_of(table, h, i);
        uint32_t there = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
        if (there == 0) {
            *free = slot;
            return 0;
        }
        if ((there & ~NODE_MASK) == tag_of(h) && is_child(there & NODE_MASK, parent, pc))
            return there & NODE_MASK;
    }
    *free = NULL;
    return 0;
}

static void add_table(uint32_t after)
{
    if (after + 1 < tables &&
        __atomic_compare_exchange_n(&index_->youngest, &after, after + 1, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        __atomic_store_n(&index_->filled, 0, __ATOMIC_RELAXED);
}

static void count_filled(unsigned table)
{
    uint32_t filled = __atomic_add_fetch(&index_->filled, 1, __ATOMIC_RELAXED);
    if (filled > (uint32_t)1 << (FIRST_BITS + table - 1))
        add_table(table);
}

/* Below `parent`, for pcs[0..n), the last of which is the head's. The modules come first:
 * a module's nodes have higher numbers than any that was made before it was registered.
 * Returns the head; 0: there is no memory. */
static uint32_t make_run(uint32_t parent, const uint64_t *pcs, size_t n)
{
    uint16_t modules[SEG_DEPTH_MAX], module = store.nodes[parent].module;
    for (size_t i = n; i-- > 0;)
        modules[i] = module = modules_find((uintptr_t)(pcs[i] & SEG_PC_MASK), module);
    uint64_t first = store_append_run(SEG_NODES, n);
    if (first == UINT64_MAX)
        return 0;
    uint16_t depth = store.nodes[parent].depth;
    for (size_t i = 0; i < n; i++) {
        struct seg_node *node = &store.nodes[first + i];
        node->parent = i ? (uint32_t)first + (uint32_t)i - 1 : parent;
        node->site = 0;
        node->module = modules[n - 1 - i];
        node->depth = ++depth;
        node->follows = i > 0;
        __atomic_store_n(&node->pc, pcs[n - 1 - i], __ATOMIC_RELEASE);
    }
    return (uint32_t)first;
}

/* Publish `node` at `free` or at the next free slot; returns the node that is
 * found from now on: another thread may have been first. */
static uint32_t publish(unsigned table, uint64_t h, uint32_t node, uint32_t *free)
{
    uint32_t parent = store.nodes[node].parent;
    uint64_t pc = pc_of(node);
    while (free) {
        uint32_t expected = 0;
        if (__atomic_compare_exchange_n(free, &expected, node | tag_of(h), false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            count_filled(table);
            return node;
        }
        uint32_t other = probe(table, h, parent, pc, &free);
        if (other)
            return other;
    }
    return 0;
}

/* Was `parent` made when there was `table`, so that older ones have none of its children?
 * since[table] was made by a thread that had seen the table; whoever makes a node with a
 * higher number sees what that thread saw, and so does whoever finds that node. */
static bool is_since(uint32_t parent, unsigned table)
{
    uint32_t since = __atomic_load_n(&index_->since[table], __ATOMIC_RELAXED);
    return since != 0 && parent >= since;
}

static void note_since(uint32_t node, unsigned table)
{
    if (__atomic_load_n(&index_->since[table], __ATOMIC_RELAXED) == 0)
        __atomic_store_n(&index_->since[table], node, __ATOMIC_RELAXED);
}

/* Where a child that is not there would go. */
struct place {
    uint64_t hash;
    uint32_t *free; /* NULL: nowhere */
    unsigned table;
};

/* 0: there is none, and *place is filled. */
static uint32_t find_child(uint32_t parent, uint64_t pc, struct place *place)
{
    uint64_t h = hash(parent, pc);
    unsigned table = __atomic_load_n(&index_->youngest, __ATOMIC_ACQUIRE);
    __builtin_prefetch(slot_of(table, h, 0)); /* while the node behind the parent is looked at */
    uint32_t node = next_in_run(parent, pc);
    if (node)
        return node;
    uint32_t *free;
    node = probe(table, h, parent, pc, &free);
    if (node)
        return node;
    if (!free) { /* a crowd around this place: there is room in a new table */
        add_table(table);
        table = __atomic_load_n(&index_->youngest, __ATOMIC_ACQUIRE);
        node = probe(table, h, parent, pc, &free);
    }
    for (unsigned older = table; !node && older > 0 && !is_since(parent, older);) {
        uint32_t *unused;
        node = probe(--older, h, parent, pc, &unused);
    }
    *place = (struct place){ .hash = h, .free = free, .table = table };
    if (node)
        publish(table, h, node, free);
    return node;
}

/* Returns how many nodes of path[0..n) there are below `parent`. */
static size_t find_path(uint32_t parent, const uint64_t *pcs, size_t n, uint32_t *path,
                        struct place *place)
{
    size_t found = 0;
    while (found < n && (path[found] = find_child(parent, pcs[n - 1 - found], place)) != 0)
        parent = path[found++];
    return found;
}

/* Where nodes will be written is to be in the caches by then: publishing one waits for it. */
static void fetch_next(void)
{
    const char *next = (const char *)&store.nodes[store_count(SEG_NODES)];
    for (size_t i = 0; i < FETCHED; i++)
        __builtin_prefetch(next + 64 * i, 1);
    __builtin_prefetch(&store.sites[store_count(SEG_SITES)], 1);
}

bool trie_find(uint32_t join, const uint64_t *pcs, size_t n, uint32_t *path)
{
    fetch_next();
    for (;;) {
        struct place place;
        size_t found = find_path(join, pcs, n, path, &place);
        if (found == n)
            return true;
        path += found;
        n -= found;
        join = found ? path[-1] : join;
        uint32_t made = place.free ? make_run(join, pcs, n) : 0;
        if (made == 0)
            return false;
        note_since(made, place.table);
        uint32_t head = publish(place.table, place.hash, made, place.free);
        if (head == made)
            for (size_t i = 0; i < n; i++)
                path[i] = made + (uint32_t)i;
        if (head == made || head == 0)
            return head != 0;
        /* A run that loses the race stays unused; the winner's may go on otherwise. */
    }
}

uint32_t trie_site(uint32_t node, uint32_t flags)
{
    uint32_t site = __atomic_load_n(&store.nodes[node].site, __ATOMIC_ACQUIRE);
    if (site)
        return site;
    uint64_t fresh = store_append(SEG_SITES);
    if (fresh == UINT64_MAX)
        return 0;
    store.sites[fresh].flags = flags;
    store.sites[fresh].first_ticks = clock_ticks();
    /* Whoever finds the site in the node finds the node in the site. */
    __atomic_store_n(&store.sites[fresh].node, node, __ATOMIC_RELEASE);
    if (!__atomic_compare_exchange_n(&store.nodes[node].site, &site, (uint32_t)fresh, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&store.sites[fresh].node, 0, __ATOMIC_RELEASE);
        return site; /* the number stays unused */
    }
    return (uint32_t)fresh;
}

/* ---- code that is gone --------------------------------------------------------- */

/* One of r's users. */
static void retire_slice(struct retirement *r)
{
    uint64_t first = __atomic_fetch_add(&r->next, RETIRE_SLICE, __ATOMIC_RELAXED);
    uint64_t start = __atomic_load_n(&r->start, __ATOMIC_RELAXED);
    uint64_t end = __atomic_load_n(&r->end, __ATOMIC_RELAXED);
    uint64_t limit = __atomic_load_n(&r->limit, __ATOMIC_RELAXED);
    if (first >= limit)
        return; /* the last slices are other threads' */
    uint64_t n = limit - first < RETIRE_SLICE ? limit - first : RETIRE_SLICE;
    for (uint64_t i = first; i < first + n; i++) {
        uint64_t pc = pc_of((uint32_t)i), address = pc & SEG_PC_MASK;
        if (!(pc & SEG_PC_UNLOADED) && address >= start && address < end)
            __atomic_store_n(&store.nodes[i].pc, pc | SEG_PC_UNLOADED, __ATOMIC_RELEASE);
    }
    if (__atomic_sub_fetch(&r->left, n, __ATOMIC_ACQ_REL) == 0) {
        __atomic_store_n(&r->start, 0, __ATOMIC_RELEASE);
        __atomic_sub_fetch(&retiring, 1, __ATOMIC_RELEASE);
    }
}

/* A slot that is filled anew does not change while it has users: whoever fills it marks
 * it first and then looks for users, who come the other way round. */
static bool retire_from(struct retirement *r)
{
    __atomic_add_fetch(&r->users, 1, __ATOMIC_SEQ_CST);
    bool due = __atomic_load_n(&r->start, __ATOMIC_SEQ_CST) > 1;
    if (due)
        retire_slice(r);
    __atomic_sub_fetch(&r->users, 1, __ATOMIC_SEQ_CST);
    return due;
}

bool trie_retire_some(void)
{
    if (!__atomic_load_n(&retiring, __ATOMIC_ACQUIRE))
        return false;
    for (unsigned i = 0; i < RETIREMENTS && !retire_from(&retirements[i]); i++)
        ;
    return __atomic_load_n(&retiring, __ATOMIC_ACQUIRE) != 0;
}

static bool claim(struct retirement *r)
{
    uint64_t unused = 0;
    if (!__atomic_compare_exchange_n(&r->start, &unused, 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return false;
    if (__atomic_load_n(&r->users, __ATOMIC_SEQ_CST) == 0)
        return true;
    __atomic_store_n(&r->start, 0, __ATOMIC_RELEASE);
    return false;
}

static struct retirement *claim_retirement(void)
{
    for (unsigned i = 0;; i = (i + 1) % RETIREMENTS) {
        if (claim(&retirements[i]))
            return &retirements[i];
        trie_retire_some();
    }
}

void trie_retire(uintptr_t start, uintptr_t end, uint32_t first)
{
    uint64_t limit = store_count(SEG_NODES);
    if (first >= limit)
        return;
    struct retirement *r = claim_retirement();
    __atomic_store_n(&r->end, end, __ATOMIC_RELEASE);
    __atomic_store_n(&r->limit, limit, __ATOMIC_RELEASE);
    __atomic_store_n(&r->left, limit - first, __ATOMIC_RELAXED);
    __atomic_store_n(&r->next, first, __ATOMIC_RELAXED);
    __atomic_store_n(&r->start, start, __ATOMIC_RELEASE);
    __atomic_add_fetch(&retiring, 1, __ATOMIC_RELEASE);
}
