/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading of the MEMTOP_* variables. Called by the tracker at set-up, inside
 * the first malloc at times: nothing here allocates or calls stdio.
 */
#include "agent/config.h"

#include <stdlib.h>
#include <string.h>

#include "shared/inject.h"

static int parse_number(const char *text)
{
    int n = 0;
    for (; *text >= '0' && *text <= '9' && n < 100000000; text++)
        n = n * 10 + (*text - '0');
    return *text ? 0 : n;
}

uint64_t config_parse_size(const char *text)
{
    uint64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (n > UINT64_MAX / 16)
            return 0;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    static const char units[] = "KMGT";
    const char *unit = *p ? strchr(units, *p & ~0x20) : NULL;
    if (p == text || (*p && (!unit || p[1])))
        return 0;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    return n << shift >> shift == n ? n << shift : 0;
}

static bool is_set(const char *value)
{
    return value && *value && strcmp(value, "0") != 0;
}

static enum seg_tier parse_tier(const char *tier, const char *stacks)
{
    if (tier && strcmp(tier, "counters") == 0)
        return SEG_TIER_COUNTERS;
    if (tier && strcmp(tier, "sampled") == 0)
        return SEG_TIER_SAMPLED;
    bool no_stacks = !(tier && *tier) && stacks && !is_set(stacks);
    return no_stacks ? SEG_TIER_COUNTERS : SEG_TIER_EXACT;
}

static uint64_t parse_sample(const char *text)
{
    uint64_t sample = text ? config_parse_size(text) : 0;
    return sample == 0                ? SEG_SAMPLE_DEFAULT
           : sample > SEG_SAMPLE_MAX ? SEG_SAMPLE_MAX
                                     : sample;
}

/* A copy of our own: programs that set their title write over their environment.
 * NULL when it was not given, false when there is no room. */
static bool keep_text(char *room, size_t size, const char *value, const char **kept)
{
    *kept = NULL;
    if (!value || !*value)
        return true;
    size_t length = strlen(value);
    if (length >= size)
        return false;
    *kept = memcpy(room, value, length + 1);
    return true;
}

/* Of "NAME=VALUE" strings in a row, the last one empty; NULL: of the environment. */
static const char *value_of(const char *strings, const char *name)
{
    if (!strings)
        return getenv(name);
    size_t length = strlen(name);
    for (; *strings; strings += strlen(strings) + 1)
        if (strncmp(strings, name, length) == 0 && strings[length] == '=')
            return strings + length + 1;
    return NULL;
}

static void read_from(struct config *c, const char *strings)
{
    static char dir_room[256], follow_room[4096];
    const char *mode = value_of(strings, "MEMTOP");
    const char *memory = value_of(strings, "MEMTOP_MEMORY");
    const char *root = value_of(strings, "MEMTOP_ROOT");
    const char *keep = value_of(strings, "MEMTOP_KEEP");
    const char *verify = value_of(strings, "MEMTOP_VERIFY");
    const char *before = value_of(strings, "MEMTOP_BEFORE");
    bool keep_root = keep && strcmp(keep, "root") == 0;
    *c = (struct config){
        .off = mode && (strcmp(mode, "off") == 0 || strcmp(mode, "0") == 0),
        .keep = is_set(keep) && !keep_root,
        .keep_root = keep_root,
        .tier = parse_tier(value_of(strings, "MEMTOP_TIER"),
                           value_of(strings, "MEMTOP_STACKS")),
        .sample = parse_sample(value_of(strings, "MEMTOP_SAMPLE")),
        .compact = is_set(value_of(strings, "MEMTOP_COMPACT")),
        .verify = verify ? (unsigned)parse_number(verify) : 0,
        .memory = memory ? config_parse_size(memory) : 0,
        .root_pid = root ? parse_number(root) : 0,
        .before = !before || is_set(before),
    };
    if (!keep_text(dir_room, sizeof dir_room, value_of(strings, "MEMTOP_DIR"), &c->dir) ||
        !keep_text(follow_room, sizeof follow_room, value_of(strings, "MEMTOP_FOLLOW"),
                   &c->follow))
        c->off = true;
}

void config_read(struct config *c)
{
    read_from(c, NULL);
}

bool config_read_lines(struct config *c, const char *lines)
{
    static char strings[INJECT_OPTIONS_MAX + 1];
    size_t length = lines ? strnlen(lines, INJECT_OPTIONS_MAX) : 0;
    if (length == INJECT_OPTIONS_MAX)
        return false;
    bool named = false;
    size_t n = 0;
    for (size_t i = 0; i <= length; i++) {
        bool end = i == length || lines[i] == '\n';
        if (end && n > 0 && strings[n - 1] != '\0' && !named)
            return false;
        named = !end && (named || lines[i] == '=');
        if (!end)
            strings[n++] = lines[i];
        else if (n > 0 && strings[n - 1] != '\0')
            strings[n++] = '\0';
    }
    strings[n] = '\0';
    read_from(c, strings);
    return true;
}

bool config_keeps(const struct config *c, int pid)
{
    return c->keep || (c->keep_root && c->root_pid != 0 && pid == c->root_pid);
}

static bool in_list(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (*list) {
        size_t item = strcspn(list, ",");
        if (item == length && memcmp(list, name, length) == 0)
            return true;
        list += item + (list[item] == ',');
    }
    return false;
}

bool config_follows(const struct config *c, int pid, const char *executable)
{
    if (!c->follow || !*c->follow || strcmp(c->follow, "all") == 0 || pid == c->root_pid)
        return true;
    if (strcmp(c->follow, "none") == 0)
        return false;
    const char *slash = strrchr(executable, '/');
    return in_list(c->follow, slash ? slash + 1 : executable);
}
