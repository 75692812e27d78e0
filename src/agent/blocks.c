/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shadow heap and, for the few blocks that it cannot hold, the overflow
 * table. Called by the tracker, inside malloc, on each event: the first half
 * of this file is the hot path.
 */
#include "agent/blocks.h"

#include <sys/mman.h>

#include "agent/care.h"
#include "agent/reserve.h"
#include "agent/shrink.h"
#include "agent/store.h"
#include "agent/wiped.h"

_Static_assert(SEG_REGION_BLOCKS / SEG_REGION_PARTS == 1u << BLOCKS_PART_SHIFT, "parts");
_Static_assert(SEG_SITES_MAX <= COMPACT_SITE_MASK + 1, "compact records hold each site");
#define PART_BLOCKS (SEG_REGION_BLOCKS / SEG_REGION_PARTS)
#define ALL_PAGES ((1u << form.part_pages) - 1)
#define OVERFLOW_PARTS (SEG_OVERFLOW_SLOTS * sizeof(struct seg_overflow) / STORE_STEP)
#define USED_BEFORE 1u

/* A block of at least so many bytes gets just the page that its record is in:
 * where blocks are large, most of a part would never be used. */
#define LARGE_BLOCK 16384u
#define PAGE_BYTES 4096u
#define REGION_PAGES (SEG_REGION_BLOCKS * sizeof(struct seg_block) / PAGE_BYTES) /* at most */
#define REGIONS_MAX 32768u

/* What depends on the form of records. */
static struct {
    uint32_t words;      /* of a record */
    uint32_t page_blocks;
    uint32_t part_pages;
    size_t part_bytes;
} form;

/* Pages committed one by one, for each shadow region; atomic. Wiped by fork. */
static uint64_t (*lone_pages)[REGION_PAGES / 64];

/* 1 + the number of the region that each shadow belongs to; atomic. */
static uint64_t shadow_regions[REGIONS_MAX];

uint32_t blocks_shift;
uint32_t blocks_second;
bool blocks_compact;
uint64_t blocks_overflow;
int64_t blocks_lost;

/* Leaves are for ever at the place that they were first given to; their entries
 * are wiped by fork. Programs that need more of them go the slow way there. */
#define LEAVES_MAX 8u
static struct blocks_leaf *leaves;
static uint32_t leaves_count;
static uint32_t leaves_used; /* atomic */

/* Nothing in it, and nobody writes there. */
static struct blocks_leaf no_leaf;
struct blocks_leaf *blocks_leaves[BLOCKS_LEAVES];

static uint64_t overflow_committed[OVERFLOW_PARTS / 64]; /* bits, atomic */
static uint64_t region_blocks_used;                      /* atomic */

bool blocks_init(void)
{
    if (!lone_pages)
        lone_pages = wiped_map(REGIONS_MAX * sizeof *lone_pages);
    if (!leaves) {
        leaves_count = LEAVES_MAX >> reserve_halvings();
        leaves = wiped_map(leaves_count * sizeof *leaves);
        leaves_used = 0;
        for (unsigned i = 0; i < BLOCKS_LEAVES; i++)
            blocks_leaves[i] = &no_leaf;
    }
    return lone_pages != NULL && leaves != NULL;
}

void blocks_release(void)
{
    for (unsigned i = 0; i < BLOCKS_LEAVES; i++)
        __atomic_store_n(&blocks_leaves[i], &no_leaf, __ATOMIC_RELAXED);
    wiped_unmap(leaves);
    wiped_unmap(lone_pages);
    leaves = NULL;
    lone_pages = NULL;
}

void blocks_forget(void)
{
    madvise(lone_pages, REGIONS_MAX * sizeof *lone_pages, MADV_DONTNEED);
    madvise(leaves, leaves_count * sizeof *leaves, MADV_DONTNEED);
}

void blocks_attach(void)
{
    for (unsigned i = 0; i < OVERFLOW_PARTS / 64; i++)
        overflow_committed[i] = 0;
    if (blocks_overflow)
        care_end(1);
    blocks_overflow = 0;
    blocks_lost = 0;
    for (uint64_t i = 0; i < region_blocks_used; i++)
        shadow_regions[i] = 0;
    region_blocks_used = 0;
    blocks_shift = store.header->granule_shift;
    blocks_second = blocks_shift == SEG_GRANULE_GLIBC ? 0 : 1u << (blocks_shift - 1);
    blocks_compact = store.header->flags & SEG_FLAG_COMPACT;
    form.words = blocks_compact ? 1 : sizeof(struct seg_block) / sizeof(uint64_t);
    form.page_blocks = PAGE_BYTES / sizeof(uint64_t) / form.words;
    form.part_pages = PART_BLOCKS / form.page_blocks;
    form.part_bytes = (size_t)form.part_pages * PAGE_BYTES;
}

/* ---- records of either form ---------------------------------------------------- */

static uint64_t *record_of(uint64_t shadow, uint64_t slot)
{
    return (uint64_t *)store.blocks + (shadow * SEG_REGION_BLOCKS + slot) * form.words;
}

static bool is_at(const uint64_t *record, uintptr_t address)
{
    return blocks_compact ? compact_is_at(compact_read(record), address)
                          : blocks_is_at(blocks_read((const struct seg_block *)record), address);
}

static bool fits(const struct block *b)
{
    return blocks_compact ? b->size < COMPACT_SIZE_MASK && b->site <= COMPACT_SITE_MASK
                          : b->size < BLOCKS_SIZE_MASK;
}

static void pack(uint64_t *record, uintptr_t address, const struct block *b)
{
    if (blocks_compact)
        __atomic_store_n(record, compact_record(b->size, b->site, address), __ATOMIC_RELEASE);
    else
        blocks_write((struct seg_block *)record, blocks_what(b->size, b->site),
                     blocks_when(b->birth, b->thread, address));
}

static void unpack_when(struct block *b, uint64_t when)
{
    b->birth = when & BLOCKS_BIRTH_MASK;
    b->thread = (uint32_t)(when >> SEG_BLOCK_BIRTH_BITS) & ((1u << SEG_BLOCK_THREAD_BITS) - 1);
}

static void unpack(const uint64_t *record, struct block *b)
{
    if (blocks_compact) {
        *b = (struct block){ .size = compact_size(*record), .site = compact_site(*record) };
        return;
    }
    b->size = (*record & BLOCKS_SIZE_MASK) - 1;
    b->site = (uint32_t)(*record >> SEG_BLOCK_SIZE_BITS);
    unpack_when(b, record[1]);
}

/* ---- what the hot path sees -------------------------------------------------- */

/* A leaf for writing; NULL: there is none. */
static struct blocks_leaf *leaf_for(uint64_t part)
{
    if (part >> BLOCKS_LEAF_SHIFT >= BLOCKS_LEAVES)
        return NULL;
    struct blocks_leaf **place = &blocks_leaves[part >> BLOCKS_LEAF_SHIFT];
    struct blocks_leaf *leaf = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    if (leaf != &no_leaf || __atomic_load_n(&leaves_used, __ATOMIC_RELAXED) >= leaves_count)
        return leaf != &no_leaf ? leaf : NULL;
    uint32_t mine = __atomic_fetch_add(&leaves_used, 1, __ATOMIC_RELAXED);
    if (mine >= leaves_count)
        return NULL;
    /* One that loses the race stays unused. */
    return __atomic_compare_exchange_n(place, &leaf, &leaves[mine], false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE) ? &leaves[mine] : leaf;
}

/* The part's records, the first of which is `first`, may be touched; NULL: they
 * may not. */
static void show_part(uint64_t granule, const uint64_t *first)
{
    uint64_t part = granule >> BLOCKS_PART_SHIFT;
    struct blocks_leaf *leaf = leaf_for(part);
    size_t record_bytes = form.words * sizeof *first;
    uintptr_t bias = first ? (uintptr_t)first - (part << BLOCKS_PART_SHIFT) * record_bytes : 0;
    if (leaf)
        __atomic_store_n(&leaf->bias[part % (1u << BLOCKS_LEAF_SHIFT)], bias, __ATOMIC_RELEASE);
}

/* ---- the shadow ------------------------------------------------------------ */

/* The record in a part that is not committed as a whole: if its page is. */
static uint64_t *lone_record(const struct seg_region *r, uint64_t slot)
{
    uint32_t blocks = __atomic_load_n(&r->blocks, __ATOMIC_ACQUIRE);
    uint64_t page = slot / form.page_blocks;
    if (blocks == 0 || !(__atomic_load_n(&lone_pages[blocks - 1][page / 64],
                                         __ATOMIC_ACQUIRE) >> page % 64 & 1))
        return NULL;
    return record_of(blocks - 1, slot);
}

/* Whether a region has been given a shadow, and which. To be asked for once: a fork by
 * a signal handler may wipe the segment between any two reads of it, see
 * store_make_private. */
static bool find_shadow(const struct seg_region *r, uint32_t *shadow)
{
    uint32_t blocks = __atomic_load_n(&r->blocks, __ATOMIC_ACQUIRE);
    *shadow = blocks - 1;
    return blocks != 0;
}

static uint32_t part_number(uint32_t shadow, uint64_t slot)
{
    return shadow * SEG_REGION_PARTS + (uint32_t)(slot / PART_BLOCKS);
}

/* The record for an address if it may be touched, else NULL with *entry at the
 * region's entry (NULL: there is none). */
static uint64_t *locate_committed(uintptr_t address, struct seg_region **entry)
{
    uint64_t granule = address >> blocks_shift;
    uint64_t region = granule >> SEG_REGION_SHIFT;
    *entry = NULL;
    if (__builtin_expect(address >> SEG_ADDRESS_BITS != 0, 0))
        return NULL;
    uint32_t l2 = __atomic_load_n(&store.region_l1[region >> SEG_L2_SHIFT], __ATOMIC_ACQUIRE);
    if (__builtin_expect(l2 == 0, 0))
        return NULL;
    struct seg_region *r = &store.region_l2[(size_t)(l2 - 1) * SEG_L2_ENTRIES +
                                            region % SEG_L2_ENTRIES];
    *entry = r;
    uint64_t slot = granule % SEG_REGION_BLOCKS;
    uint32_t shadow, part = (uint32_t)(slot / PART_BLOCKS);
    if (__builtin_expect(!(__atomic_load_n(&r->committed, __ATOMIC_ACQUIRE) >> part & 1), 0))
        return lone_record(r, slot);
    return find_shadow(r, &shadow) ? record_of(shadow, slot) : NULL;
}

/* The same, where the part may be held by a sweep. It is looked at once more when that
 * has ended meanwhile, and when this ended it, since that may have been too early. */
static uint64_t *locate(uintptr_t address, struct seg_region **entry)
{
    uint64_t slot = (address >> blocks_shift) % SEG_REGION_BLOCKS;
    for (;;) {
        uint32_t shadow, ended = shrink_ended();
        uint64_t *record = locate_committed(address, entry);
        if (record || !*entry || !find_shadow(*entry, &shadow))
            return record;
        enum shrink_hold hold = shrink_ask(part_number(shadow, slot));
        if (hold == SHRINK_GOING || (hold == SHRINK_NONE && shrink_ended() == ended))
            return NULL;
    }
}

static struct seg_region *make_entry(uint64_t region)
{
    uint32_t *l1 = &store.region_l1[region >> SEG_L2_SHIFT];
    uint32_t l2 = 0;
    uint64_t fresh = store_append(SEG_REGION_L2);
    if (fresh == UINT64_MAX)
        return NULL;
    if (__atomic_compare_exchange_n(l1, &l2, (uint32_t)fresh + 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        l2 = (uint32_t)fresh + 1;
    return &store.region_l2[(size_t)(l2 - 1) * SEG_L2_ENTRIES + region % SEG_L2_ENTRIES];
}

static bool give_shadow(struct seg_region *r, uint64_t region)
{
    const struct seg_section *section = &store.header->sections[SEG_BLOCKS];
    uint64_t fresh = __atomic_fetch_add(&region_blocks_used, 1, __ATOMIC_RELAXED);
    if ((fresh + 1) * section->element > section->reserved || fresh >= REGIONS_MAX) {
        __atomic_fetch_sub(&region_blocks_used, 1, __ATOMIC_RELAXED);
        return false;
    }
    uint32_t none = 0;
    if (__atomic_compare_exchange_n(&r->blocks, &none, (uint32_t)fresh + 1, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        __atomic_store_n(&shadow_regions[fresh], region + 1, __ATOMIC_RELEASE);
    return true;
}

static uint64_t *commit_page(uint32_t shadow, uint64_t *record, uint64_t slot)
{
    uint64_t page = slot / form.page_blocks;
    if (!store_commit((void *)((uintptr_t)record & ~(uintptr_t)(PAGE_BYTES - 1)), PAGE_BYTES))
        return NULL;
    uint64_t bit = UINT64_C(1) << page % 64;
    if (__atomic_fetch_or(&lone_pages[shadow][page / 64], bit, __ATOMIC_ACQ_REL) & bit)
        store_refund(PAGE_BYTES);
    return record;
}

/* Make room for the record of a block whose part is not committed yet. */
static uint64_t *make_room(uintptr_t address, uint64_t size, struct seg_region *r)
{
    uint64_t granule = address >> blocks_shift;
    uint64_t slot = granule % SEG_REGION_BLOCKS;
    uint32_t shadow, part = (uint32_t)(slot / PART_BLOCKS);
    if (address >> SEG_ADDRESS_BITS != 0)
        return NULL;
    if (!r && !(r = make_entry(granule >> SEG_REGION_SHIFT)))
        return NULL;
    if (!find_shadow(r, &shadow) && (!give_shadow(r, granule >> SEG_REGION_SHIFT) ||
                                     !find_shadow(r, &shadow)))
        return NULL;
    if (shrink_ask(part_number(shadow, slot)) == SHRINK_GOING)
        return NULL;
    uint64_t *record = record_of(shadow, slot);
    if (size >= LARGE_BLOCK)
        return commit_page(shadow, record, slot);
    uint64_t *first = record_of(shadow, part * PART_BLOCKS);
    if (!store_commit(first, form.part_bytes))
        return NULL;
    if (__atomic_fetch_or(&r->committed, 1u << part, __ATOMIC_ACQ_REL) >> part & 1)
        store_refund(form.part_bytes);
    show_part(granule, first);
    return record;
}

/* ---- parts, for sweeps --------------------------------------------------------- */

uint32_t blocks_parts(void)
{
    uint64_t shadows = __atomic_load_n(&region_blocks_used, __ATOMIC_ACQUIRE);
    return (uint32_t)(shadows < REGIONS_MAX ? shadows : REGIONS_MAX) * SEG_REGION_PARTS;
}

static struct seg_region *find_entry(uint64_t region)
{
    uint32_t l2 = __atomic_load_n(&store.region_l1[region >> SEG_L2_SHIFT], __ATOMIC_ACQUIRE);
    if (l2 == 0) /* in a segment that reads as zeros, see store_make_private */
        return NULL;
    return &store.region_l2[(size_t)(l2 - 1) * SEG_L2_ENTRIES + region % SEG_L2_ENTRIES];
}

/* The region of a shadow; NULL: none yet. */
static struct seg_region *region_of(uint32_t shadow, uint64_t *number)
{
    uint64_t region = __atomic_load_n(&shadow_regions[shadow], __ATOMIC_ACQUIRE);
    *number = region - 1;
    return region ? find_entry(region - 1) : NULL;
}

bool blocks_part_with(uint32_t number, uint32_t committed, struct blocks_part *out)
{
    uint32_t shadow = number / SEG_REGION_PARTS, part = number % SEG_REGION_PARTS;
    unsigned first = part * form.part_pages;
    uint64_t region, pages = committed & ALL_PAGES;
    struct seg_region *r = region_of(shadow, &region);
    if (!r)
        return false;
    bool whole = committed > ALL_PAGES;
    *out = (struct blocks_part){
        .committed = committed,
        .region = r,
        .bit = whole ? 1u << part : 0,
        .word = &lone_pages[shadow][first / 64],
        .pages = pages << first % 64,
        .first_page = first % 64,
        .length = form.part_bytes,
        .bytes = (whole ? form.part_bytes : 0) + (size_t)__builtin_popcountll(pages) * PAGE_BYTES,
        .records = record_of(shadow, part * PART_BLOCKS),
        .granule = (region << SEG_REGION_SHIFT) + part * PART_BLOCKS,
    };
    return committed != 0;
}

bool blocks_part(uint32_t number, struct blocks_part *out)
{
    uint32_t shadow = number / SEG_REGION_PARTS, part = number % SEG_REGION_PARTS;
    unsigned first = part * form.part_pages;
    uint64_t region, pages;
    const struct seg_region *r = region_of(shadow, &region);
    if (!r)
        return false;
    pages = __atomic_load_n(&lone_pages[shadow][first / 64], __ATOMIC_ACQUIRE) >> first % 64;
    uint32_t whole = __atomic_load_n(&r->committed, __ATOMIC_ACQUIRE) >> part & 1;
    return blocks_part_with(number, (uint32_t)(pages & ALL_PAGES) | whole << form.part_pages, out);
}

static bool page_is_free(const uint64_t *records)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < PAGE_BYTES / sizeof *records; i += form.words)
        any |= __atomic_load_n(&records[i], __ATOMIC_RELAXED);
    return any == 0;
}

bool blocks_part_is_free(const struct blocks_part *p)
{
    for (unsigned i = 0; i < form.part_pages; i++)
        if ((p->bit || p->pages >> (p->first_page + i) & 1) &&
            !page_is_free(p->records + i * PAGE_BYTES / sizeof *p->records))
            return false;
    return true;
}

/* Pages that another thread has just committed stay: those of p go all the same,
 * but that thread is in a hook, so that nothing comes of it. */
void blocks_hide_part(const struct blocks_part *p)
{
    __atomic_and_fetch(p->word, ~p->pages, __ATOMIC_ACQ_REL);
    __atomic_and_fetch(&p->region->committed, ~p->bit, __ATOMIC_ACQ_REL);
    if (p->bit) {
        show_part(p->granule, NULL);
        care_renew(); /* threads know the place of the last block that they had */
    }
}

void blocks_restore_part(const struct blocks_part *p)
{
    __atomic_or_fetch(p->word, p->pages, __ATOMIC_ACQ_REL);
    __atomic_or_fetch(&p->region->committed, p->bit, __ATOMIC_ACQ_REL);
    if (p->bit)
        show_part(p->granule, p->records);
}

/* ---- the overflow table ------------------------------------------------------ */

static bool overflow_ready(uint32_t slot, bool commit)
{
    size_t part = slot * sizeof(struct seg_overflow) / STORE_STEP;
    uint64_t bit = UINT64_C(1) << part % 64;
    uint64_t *word = &overflow_committed[part / 64];
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) & bit)
        return true;
    if (!commit || !store_commit((char *)store.overflow + part * STORE_STEP, STORE_STEP))
        return false;
    __atomic_or_fetch(word, bit, __ATOMIC_ACQ_REL);
    return true;
}

static struct seg_overflow *overflow_find(uintptr_t address)
{
    if (!blocks_is_second(address) && __atomic_load_n(&blocks_overflow, __ATOMIC_RELAXED) == 0)
        return NULL;
    uint32_t start = seg_overflow_hash(address);
    for (uint32_t i = 0; i < SEG_OVERFLOW_PROBES; i++) {
        uint32_t slot = (start + i) % SEG_OVERFLOW_SLOTS;
        if (!overflow_ready(slot, false))
            return NULL;
        uint64_t found = __atomic_load_n(&store.overflow[slot].address, __ATOMIC_ACQUIRE);
        if (found == address)
            return &store.overflow[slot];
        if (found == 0)
            return NULL;
    }
    return NULL;
}

static bool overflow_insert(uintptr_t address, const struct block *b)
{
    uint32_t start = seg_overflow_hash(address);
    for (uint32_t i = 0; i < SEG_OVERFLOW_PROBES; i++) {
        uint32_t slot = (start + i) % SEG_OVERFLOW_SLOTS;
        if (!overflow_ready(slot, true))
            return false;
        struct seg_overflow *o = &store.overflow[slot];
        uint64_t found = __atomic_load_n(&o->address, __ATOMIC_ACQUIRE);
        if (found > USED_BEFORE ||
            !__atomic_compare_exchange_n(&o->address, &found, address, false,
                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        o->size = b->size;
        o->site = b->site;
        o->when = blocks_when(b->birth, b->thread, 0);
        if (!blocks_is_second(address) &&
            __atomic_fetch_add(&blocks_overflow, 1, __ATOMIC_RELAXED) == 0)
            care_begin();
        return true;
    }
    return false;
}

static bool overflow_take(uintptr_t address, struct block *out)
{
    struct seg_overflow *o = overflow_find(address);
    if (!o)
        return false;
    unpack_when(out, o->when);
    out->size = o->size;
    out->site = o->site;
    __atomic_store_n(&o->address, USED_BEFORE, __ATOMIC_RELEASE);
    if (!blocks_is_second(address) &&
        __atomic_sub_fetch(&blocks_overflow, 1, __ATOMIC_RELAXED) == 0)
        care_end(1);
    return true;
}

/* ---- put and take ------------------------------------------------------------- */

static bool take(uint64_t *record, uintptr_t address, struct block *out)
{
    if (!record || !is_at(record, address))
        return overflow_take(address, out);
    unpack(record, out);
    __atomic_store_n(record, 0, __ATOMIC_RELEASE);
    return true;
}

enum blocks_result blocks_put_slowly(uintptr_t address, const struct block *b,
                                     struct block *old)
{
    struct seg_region *entry;
    bool second = blocks_is_second(address);
    uint64_t *record = second ? NULL : locate(address, &entry);
    if (!record && !second)
        record = make_room(address, b->size, entry);
    /* Its free went unseen. */
    bool stale = take(record, address, old);
    if (record && __atomic_load_n(record, __ATOMIC_RELAXED) == 0 && fits(b))
        pack(record, address, b);
    else if (!overflow_insert(address, b))
        return BLOCKS_FULL;
    return stale ? BLOCKS_REPLACED : BLOCKS_STORED;
}

bool blocks_take_slowly(uintptr_t address, struct block *out)
{
    struct seg_region *entry;
    return take(blocks_is_second(address) ? NULL : locate(address, &entry), address, out);
}
